import { KeyholdError } from '../runtime/errors.ts';
import { streamsOf } from './stream-files.ts';
import { headOnDisk } from './stream-tail.ts';

/** Where someone is who follows a stream: behind the line `sequence`. */
export interface StreamPosition {
  /** Of the last line that was read; 0 before the first. */
  readonly sequence: number;
  /** The sequence of the first line of the file that it is in; 0 where that is to be found out. */
  readonly segment: number;
  /** Where in that file the next line begins. */
  readonly offset: number;
}

/** Where a line is. */
export interface LinePlace {
  readonly sequence: number;
  /** The sequence of the first line of the file that it is in. */
  readonly segment: number;
  /** Of its first byte in that file. */
  readonly offset: number;
  /** In bytes, without the line feed. */
  readonly length: number;
}

export const BEGINNING: StreamPosition = { sequence: 0, segment: 0, offset: 0 };

export function behind({ sequence, segment, offset, length }: LinePlace): StreamPosition {
  return { sequence, segment, offset: offset + length + 1 };
}

/** Where a stream ends now; undefined if its last line is none of a worker's, so that nobody can tell. */
export function endOfStream(directory: string, stream: string): StreamPosition | undefined {
  try {
    return { ...BEGINNING, sequence: headOnDisk(directory, stream).sequence };
  } catch (error) {
    if (error instanceof KeyholdError) return undefined;
    throw error;
  }
}

/** Of all streams. Where nobody can tell where one ends, all of it is new rather than nothing. */
export function endsOfStreams(directory: string): Map<string, StreamPosition> {
  return new Map(streamsOf(directory).map((stream) => [stream, endOfStream(directory, stream) ?? BEGINNING]));
}

/**
 * From where somebody goes on who kept a position: from where the stream ends, if it is not as long any more. A power cut takes
 * the last second's lines from it, and not the position, or someone has begun the trail anew. Other lines get their numbers
 * then, and would be taken for what has been read.
 */
export function goOnFrom(directory: string, stream: string, kept: StreamPosition): StreamPosition {
  const end = endOfStream(directory, stream) ?? kept;
  return kept.sequence > end.sequence ? end : kept;
}

/** Of what was read from a file. */
export function isPosition(value: unknown): value is StreamPosition {
  if (typeof value !== 'object' || value === null) return false;
  const { sequence, segment, offset } = value as Partial<StreamPosition>;
  return [sequence, segment, offset].every((each) => Number.isSafeInteger(each) && (each as number) >= 0);
}
