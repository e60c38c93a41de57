import { readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { CreateKeyCommand } from '@aws-sdk/client-kms';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { verifyAuditDirectory } from '../src/audit/verify.ts';
import { projectRoot, startServer, temporaryDirectory } from './support/server.ts';

/** The first start makes several files and several transactions; a crash between any two of them must do no harm. */

const LEAST_STEPS = { main: 30, worker: 5 };

let directory = '';

beforeAll(() => {
  directory = temporaryDirectory();
});

afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** What a first start makes, once, and never in part: no domain key or account of the crashed start is left beside it. */
const oneDeployment = {
  'access-keys': 2,
  accounts: 1,
  deployment: 1,
  'domain-keys': 1,
  'policy-attachments': 1,
  users: 1,
};

function recordsPerTable(dataDir: string): Record<string, number> {
  const database = new DatabaseSync(join(dataDir, 'keyhold.db'), { readOnly: true });
  try {
    const names = Object.keys(oneDeployment).map((name) => `'${name}'`);
    const rows = database
      .prepare(`SELECT tbl, count(*) AS count FROM records WHERE tbl IN (${names.join()}) GROUP BY tbl`)
      .all() as { tbl: string; count: number }[];
    return Object.fromEntries(rows.map(({ tbl, count }) => [tbl, count]));
  } finally {
    database.close();
  }
}

/** Starts a server that is killed at a step; gives its directory, or undefined if it got by with fewer steps. */
async function crashAtStep(thread: string, step: number): Promise<string | undefined> {
  const dataDir = join(directory, `${thread}-${step}`);
  const preload = join(projectRoot, 'test/support/kill-at-step.ts');
  const env = {
    NODE_OPTIONS: `--import=${preload}`,
    KILL_IN_THREAD: thread,
    KILL_AT_STEP: String(step),
  };
  try {
    const survivor = await startServer({ dataDir, env });
    await survivor.kill();
    return undefined;
  } catch (error) {
    expect(String(error)).toMatch(/^Error: the server did not start:\s*$/);
    return dataDir;
  }
}

test.each(['main', 'worker'] as const)(
  'a crash of the first start, at any step of its %s thread, leaves what the next start takes up',
  { timeout: 300_000 },
  async (thread) => {
    let step = 1;
    for (; ; step++) {
      const dataDir = await crashAtStep(thread, step);
      if (dataDir === undefined) break;
      const server = await startServer({ dataDir });
      const { KeyMetadata } = await server.kms().send(new CreateKeyCommand({}));
      expect(KeyMetadata?.AWSAccountId, `step ${step}`).toBe(server.accountId);
      expect(await server.stop(), `step ${step}`).toBe(0);
      expect(readdirSync(dataDir).sort(), `step ${step}`).toEqual([
        'audit',
        'credentials',
        'keyhold.db',
        'lock',
        'metrics.db',
        'root-credentials',
        'root.key',
      ]);
      for (const name of readdirSync(dataDir).filter((each) => each !== 'audit')) {
        expect(statSync(join(dataDir, name)).mode & 0o777, `${name} at step ${step}`).toBe(0o600);
      }
      expect(statSync(dataDir).mode & 0o777, `step ${step}`).toBe(0o700);
      expect(recordsPerTable(dataDir), `step ${step}`).toEqual(oneDeployment);
      const [verdict] = await verifyAuditDirectory(join(dataDir, 'audit'));
      expect(verdict, `step ${step}`).toEqual({ stream: 'w0', records: 1 });
    }
    expect(step).toBeGreaterThan(LEAST_STEPS[thread]);
  },
);
