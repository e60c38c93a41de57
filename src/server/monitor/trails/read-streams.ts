import { setImmediate as turn } from 'node:timers/promises';
import { BEGINNING, followStream } from '../../../audit/follow-stream.ts';
import type { AuditRecord } from '../../../audit/record.ts';
import { streamsOf } from '../../../audit/stream-files.ts';
import type { Positions } from './delivery-record.ts';

/** Some records, and behind which lines they end. */
export interface RecordsUpTo {
  readonly records: readonly { readonly record: AuditRecord; readonly json: string }[];
  readonly positions: Positions;
}

/**
 * Reads all audit streams from these positions to where they end now, a megabyte or so at a time: the audit files are the
 * queue of whoever comes later. Other work of the thread gets its turns in between.
 */
export async function* readStreams(
  directory: string,
  from: Positions,
  written: (stream: string) => number,
): AsyncGenerator<RecordsUpTo> {
  let positions = from;
  const bounds = streamsOf(directory).map((stream) => ({ stream, bound: written(stream) }));
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

/** Someone was at the file where there is none; what comes after it is read all the same. */
function parsed(line: string): RecordsUpTo['records'] {
  try {
    const { record } = JSON.parse(line) as { record: AuditRecord };
    // The record is the last member of a line (`hash-chain.ts`): its text needs not be written anew.
    return [{ record, json: line.slice(line.indexOf('"record":') + '"record":'.length, -1) }];
  } catch {
    return [];
  }
}
