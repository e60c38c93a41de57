import { open } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { AnchorTarget } from '../config/config.ts';

/**
 * Keeps signed heads outside of the data directory: in a file, or where an URL leads. Whoever puts the whole directory back
 * as it once was cannot put those back, too. They are delivered in the background, in their order; nobody waits for them.
 */
export interface AuditAnchor {
  /** @param line of the stream `heads`, without its line feed */
  keep(line: string): void;
  /** Gives what waits a last chance. */
  close(): Promise<void>;
}

const TIMEOUT_MS = 5000;
const FIRST_PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 60_000;
/** The newest is worth most: it vouches for all before it. */
const MOST_WAITING = 1000;

export function auditAnchor(target: AnchorTarget, log: Logger): AuditAnchor {
  const waiting: string[] = [];
  const closing = new AbortController();
  let delivering: Promise<void> | undefined;

  async function deliver(): Promise<void> {
    let pauseMs = FIRST_PAUSE_MS;
    for (let line = waiting[0]; line !== undefined; line = waiting[0]) {
      try {
        await deliverTo(target, line);
        if (waiting[0] === line) waiting.shift();
        pauseMs = FIRST_PAUSE_MS;
      } catch (err) {
        log.error({ err, waiting: waiting.length }, 'signed heads cannot be anchored; it will be tried again');
        if (closing.signal.aborted) return;
        await pause(pauseMs, undefined, { signal: closing.signal }).catch(() => {});
        pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS);
      }
    }
  }

  return {
    keep(line) {
      waiting.push(line);
      if (waiting.length > MOST_WAITING) waiting.shift();
      delivering ??= deliver().finally(() => {
        delivering = undefined;
      });
    },
    async close() {
      closing.abort();
      // What hangs, in a file system that is not there any more, must not keep the next server from the data directory.
      await Promise.race([delivering, pause(2 * TIMEOUT_MS, undefined, { ref: false })]);
      if (waiting.length > 0) log.error({ waiting: waiting.length }, 'signed heads were not anchored');
    },
  };
}

function deliverTo(target: AnchorTarget, line: string): Promise<void> {
  return 'url' in target ? post(target.url, line) : append(target.path, line);
}

async function post(url: string, line: string): Promise<void> {
  const answer = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: line,
    redirect: 'error',
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  await answer.body?.cancel();
  if (!answer.ok) throw new Error(`the anchor answers ${answer.status}`);
}

async function append(path: string, line: string): Promise<void> {
  const file = await open(path, 'a+', 0o600);
  try {
    const { size } = await file.stat();
    const { buffer, bytesRead } = await file.read(Buffer.alloc(1), 0, 1, Math.max(0, size - 1));
    // A crash may have left a part of a line, which must not become a part of this one.
    const separator = bytesRead === 1 && buffer[0] !== 0x0a ? '\n' : '';
    await file.writeFile(`${separator}${line}\n`);
    await file.sync();
  } finally {
    await file.close();
  }
}
