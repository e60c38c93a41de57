import type { Logger } from 'pino';
import type { LastUsages } from '../services/kms/last-usages.ts';

/** Often enough for a figure that people read, and seldom enough to cost nothing: a key that is busy is written each time. */
const INTERVAL_MS = 5000;

export interface UsageWriter {
  /** Writes down all that is noted. Resolves also if that fails, which is logged. */
  stop(): Promise<void>;
}

/** Has this worker's notes of when keys were used written down, every few seconds. */
export function startUsageWriter(usages: LastUsages, log: Logger): UsageWriter {
  let writing: Promise<void> | undefined;

  /** @returns whether there is more to write, and sense in trying */
  async function write(): Promise<boolean> {
    try {
      const { more, lost, tampered } = await usages.write();
      if (lost > 0) log.warn({ lost }, 'more keys are in use than can be noted; some last usages are lost');
      if (tampered.length > 0) log.error({ keys: tampered }, 'the records of some last usages were edited');
      return more;
    } catch (err) {
      log.error({ err }, 'the last usages of keys cannot be written down; it will be tried again');
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
