import { open } from 'node:fs/promises';
import { setImmediate as turn } from 'node:timers/promises';
import { followStream } from '../../../audit/follow-stream.ts';
import { recordTextOf } from '../../../audit/hash-chain.ts';
import { type AuditRecord, recordOf } from '../../../audit/record.ts';
import { streamFile, streamsOf } from '../../../audit/stream-files.ts';
import { BEGINNING, endOfStream } from '../../../audit/stream-position.ts';
import { syncDirectorySoon } from '../../../runtime/durable-file.ts';
import type { Positions } from './delivery-record.ts';

/** Some records, and behind which lines they end. */
export interface RecordsUpTo {
  readonly records: readonly { readonly record: AuditRecord; readonly json: string }[];
  readonly positions: Positions;
}

/**
 * Reads all audit streams from these positions to where they end now, a megabyte or so at a time: the audit files are the
 * queue of whoever comes later. Other work of the thread gets its turns in between.
 *
 * INVARIANT: what is given is on the disk. A power cut would otherwise take lines away that were delivered, and have others get
 * their numbers.
 */
export async function* readStreams(
  directory: string,
  from: Positions,
  written: (stream: string) => number,
): AsyncGenerator<RecordsUpTo> {
  let positions = from;
  const bounds = streamsOf(directory).map((stream) => ({ stream, bound: endNow(directory, stream, written) }));
  for (const { stream } of bounds) await syncFile(streamFile(directory, stream));
  await syncDirectorySoon(directory);
  for (const { stream, bound } of bounds) {
    const follower = followStream({ directory, stream, after: from[stream] ?? BEGINNING, written: () => bound });
    try {
      for (;;) {
        const before = follower.position();
        const lines = follower.read();
        const after = follower.position();
        if (after.sequence === before.sequence && after.offset === before.offset && after.segment === before.segment) {
          break;
        }
        positions = { ...positions, [stream]: after };
        yield { records: lines.flatMap(({ text }) => parsed(text)), positions };
        await turn();
      }
    } finally {
      follower.close();
    }
  }
}

/** Of a stream that nobody tells of, whose last line may be none of its own, as far as it can be told. */
function endNow(directory: string, stream: string, written: (stream: string) => number): number {
  const bound = written(stream);
  return Number.isFinite(bound) ? bound : (endOfStream(directory, stream)?.sequence ?? bound);
}

/** A file that is closed, and may be called otherwise by now, is on the disk (`file-trail.ts`). */
async function syncFile(path: string): Promise<void> {
  const file = await open(path, 'r').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  try {
    await file?.datasync();
  } finally {
    await file?.close();
  }
}

/** Someone was at the file where there is none; what comes after it is read all the same. */
function parsed(line: string): RecordsUpTo['records'] {
  const record = recordOf(line);
  return record === undefined ? [] : [{ record, json: recordTextOf(line) }];
}
