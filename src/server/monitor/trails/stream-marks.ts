import { BEGINNING, endOfStream } from '../../../audit/follow-stream.ts';
import { streamsOf } from '../../../audit/stream-files.ts';
import type { RecordConsumer } from '../record-consumer.ts';
import type { Positions } from './delivery-record.ts';

/** Keeps in mind how far the audit streams are, for trails that begin: a consumer of records that looks at none of them. */
export interface StreamMarks extends RecordConsumer {
  /** Behind the newest records that the monitor has read. */
  now(): Positions;
}

export function streamMarks(directory: string): StreamMarks {
  const marks: Record<string, Positions[string]> = { ...ends(directory) };
  return {
    name: 'trails',
    take({ stream, sequence, segment, offset, length }) {
      marks[stream] = { sequence, segment, offset: offset + length + 1 };
    },
    now: () => ({ ...marks }),
  };
}

/** Where the streams end. Which file of the stream that is, whoever goes on from there finds out. */
function ends(directory: string): Positions {
  return Object.fromEntries(
    streamsOf(directory).map((stream) => [stream, endOfStream(directory, stream) ?? BEGINNING]),
  );
}

/** Without the positions of streams that are not as long any more: someone has begun them anew. */
export function stillThere(positions: Positions, directory: string): Positions {
  const now = ends(directory);
  return Object.fromEntries(
    Object.entries(positions).filter(([stream, { sequence }]) => sequence <= (now[stream]?.sequence ?? 0)),
  );
}
