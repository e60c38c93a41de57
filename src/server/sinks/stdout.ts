import { close, constants, fstatSync, openSync, write } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import type { SinkRecord } from './sink-record.ts';
import type { Transport } from './transport.ts';

/**
 * Records on standard output, each a line of JSON.
 *
 * Not through `process.stdout`: it writes to a pipe synchronously, and for all threads in the main one, which would stand
 * still with the reader. Nor would a write that blocks in the thread pool be better: nothing can end it, not even the stop.
 * So a pipe or a terminal is opened once more, and does not block; what others have of it stays as it is. A socket cannot be
 * opened again, but does not block either once the main thread has printed something. A file is not opened again, for its
 * writers need a common position, and does not block anyway.
 */

const STDOUT = 1;
const FULL_PIPE_PAUSE_MS = 20;

export function stdoutTransport(): Transport {
  const fd = openAgain();
  /** A line has been begun, and not finished. */
  let torn = false;

  async function writeWhole(bytes: Buffer, signal: AbortSignal): Promise<void> {
    for (let done = 0; done < bytes.length; ) {
      signal.throwIfAborted();
      try {
        done += await writeSome(fd, bytes, done);
        torn = bytes[done - 1] !== 0x0a;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
        await pause(FULL_PIPE_PAUSE_MS, undefined, { signal });
      }
    }
  }

  return {
    settlesAfterMs: 0,
    async send(records: readonly SinkRecord[], signal: AbortSignal) {
      const lines = records.map(({ json }) => `${json}\n`).join('');
      await writeWhole(Buffer.from(torn ? `\n${lines}` : lines), signal);
      return { refused: 0 };
    },
    broken: () => undefined,
    async close() {
      if (fd !== STDOUT) await new Promise<void>((resolve) => close(fd, () => resolve()));
    },
  };
}

function writeSome(fd: number, bytes: Buffer, from: number): Promise<number> {
  return new Promise((resolve, reject) => {
    write(fd, bytes, from, (error, count) => (error === null ? resolve(count) : reject(error)));
  });
}

function openAgain(): number {
  try {
    const is = fstatSync(STDOUT);
    if (!is.isFIFO() && !is.isCharacterDevice()) return STDOUT;
    return openSync('/proc/self/fd/1', constants.O_WRONLY | constants.O_NONBLOCK);
  } catch {
    // Not Linux, or someone else's terminal: as with a socket.
    return STDOUT;
  }
}
