import type { Logger } from 'pino';
import type { WrittenUsages } from '../services/write-usages.ts';

/** Often enough for a figure that people read, and seldom enough to cost nothing: a key that is busy is written each time. */
const INTERVAL_MS = 5000;

export interface UsageWriter {
  /** Writes down all that is noted. Resolves also if that fails, which is logged. */
  stop(): Promise<void>;
}

/**
 * Has this worker's notes of when things were used written down, every few seconds.
 *
 * @param what as the log calls them: `keys`
 */
export function startUsageWriter(usages: { write(): Promise<WrittenUsages> }, what: string, log: Logger): UsageWriter {
  let writing: Promise<void> | undefined;

  /** @returns whether there is more to write, and sense in trying */
  async function write(): Promise<boolean> {
    try {
      const { more, lost, tampered } = await usages.write();
      if (lost > 0) log.warn({ lost }, `more ${what} are in use than can be noted; some last usages are lost`);
      if (tampered.length > 0) log.error({ [what]: tampered }, 'the records of some last usages were edited');
      return more;
    } catch (err) {
      log.error({ err }, `the last usages of ${what} cannot be written down; it will be tried again`);
      return false;
    }
  }

  const timer = setInterval(() => {
    writing ??= write().then(() => {
      writing = undefined;
    });
  }, INTERVAL_MS);

  return {
    async stop() {
      clearInterval(timer);
      await writing;
      while (await write());
    },
  };
}
