import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import type { BucketDirectory } from './bucket-directory.ts';
import type { LogFile } from './delivery-record.ts';
import type { ObjectName } from './object-names.ts';

/**
 * A log file in the making: `{"Records":[…]}`, compressed as it grows, so that it takes little memory however large it gets.
 */
export interface LogFileWriter {
  /** Characters so far, before compression. */
  readonly length: number;
  /** @param json one record, as the audit trail has it */
  add(json: string, eventTime: string): void;
  /** Passes on what was added. Rejects with what the system says. */
  write(): Promise<void>;
  /** Resolves when the whole file is on the disk, where it waits for its place. */
  finish(): Promise<LogFile>;
  /** Gives it up. Never throws. */
  discard(): Promise<void>;
}

export function logFileWriter(buckets: BucketDirectory, name: ObjectName): LogFileWriter {
  const gzip = createGzip();
  const hash = createHash('sha256');
  const file = buckets.openIncomplete(name);
  const written = pipeline(gzip, file);
  // Told where it is waited for.
  written.catch(() => {});
  let pending = '{"Records":[';
  let isFirst = true;
  let length = 0;
  let newestEventTime = '';
  let oldestEventTime = '';

  async function write(): Promise<void> {
    const text = pending;
    pending = '';
    if (text === '') return;
    hash.update(text);
    // A pipeline that failed has destroyed the stream, which then takes nothing and would never drain.
    if (!gzip.destroyed && !gzip.write(text)) await Promise.race([once(gzip, 'drain').catch(() => {}), written]);
    if (gzip.destroyed) await written;
  }

  return {
    get length() {
      return length;
    },
    add(json, eventTime) {
      pending += isFirst ? json : `,${json}`;
      length += json.length + 1;
      if (isFirst || eventTime > newestEventTime) newestEventTime = eventTime;
      if (isFirst || eventTime < oldestEventTime) oldestEventTime = eventTime;
      isFirst = false;
    },
    write,
    async finish() {
      pending += ']}';
      await write();
      gzip.end();
      await written;
      return { ...name, hash: hash.digest('hex'), newestEventTime, oldestEventTime };
    },
    async discard() {
      gzip.destroy();
      await written.catch(() => {});
      try {
        buckets.discard(name);
      } catch {
        // It is swept away at the next start.
      }
    },
  };
}
