import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** OpenSSL's command line, which knows nothing of us. */

export const opensslCommand = {
  name: 'openssl',
  isInstalled: () => spawnSync('openssl', ['version']).status === 0,
};

/** Runs a command in a directory that has these files, and gives what it wrote to its standard output. */
export function openssl(args: readonly string[], files: Readonly<Record<string, Uint8Array>> = {}): Buffer {
  const directory = mkdtempSync(join(tmpdir(), 'keyhold-test-'));
  try {
    for (const [name, content] of Object.entries(files)) writeFileSync(join(directory, name), content);
    const { status, stdout, stderr } = spawnSync('openssl', args, { cwd: directory });
    if (status !== 0) throw new Error(`openssl ${args.join(' ')}: ${stderr}`);
    return stdout;
  } finally {
    rmSync(directory, { recursive: true });
  }
}
