import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { endsOfStreams, isPosition, type StreamPosition } from '../../audit/stream-position.ts';
import { writeFileDurably } from '../../runtime/durable-file.ts';
import { KeyholdError } from '../../runtime/errors.ts';

/**
 * How far a sink has got in each stream, kept in a file beside the streams: moved, copied or put back together with them, it
 * still means the same.
 */
export type Positions = ReadonlyMap<string, StreamPosition>;

interface KeptPositions {
  /** For who looks into the file. */
  readonly sink: string;
  readonly streams: Readonly<Record<string, StreamPosition>>;
}

const DIRECTORY = 'sinks';
const NAME_DIGITS = 16;

export interface PositionsFile {
  /** Undefined for a sink that is new. Throws StartupRefused if the file is not one of ours. */
  read(): Positions | undefined;
  write(positions: Positions): void;
}

export function positionsFile(auditDirectory: string, sink: string): PositionsFile {
  const directory = join(auditDirectory, DIRECTORY);
  const hash = createHash('sha256').update(sink).digest('hex').slice(0, NAME_DIGITS);
  const path = join(directory, `${hash}.json`);
  return {
    read() {
      let text: string;
      try {
        text = readFileSync(path, 'utf8');
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
        throw unreadable(path, sink, error);
      }
      return new Map(Object.entries(parse(text, path, sink).streams));
    },
    write(positions) {
      mkdirSync(directory, { recursive: true, mode: 0o700 });
      const kept: KeptPositions = { sink, streams: Object.fromEntries(positions) };
      writeFileDurably(path, `${JSON.stringify(kept)}\n`);
    },
  };
}

function parse(text: string, path: string, sink: string): KeptPositions {
  try {
    const kept = JSON.parse(text) as KeptPositions;
    if (Object.values(kept.streams).every(isPosition)) return kept;
  } catch (error) {
    throw unreadable(path, sink, error);
  }
  throw unreadable(path, sink);
}

function unreadable(path: string, sink: string, cause?: unknown): KeyholdError {
  return new KeyholdError(
    'StartupRefused',
    `${path} does not say how far ${sink} has got: put it back, or remove it, and ${sink} begins with what is recorded next`,
    { cause },
  );
}

/** What has been kept; a new sink begins where the streams end now. */
export function beginPositions(file: PositionsFile, directory: string): Positions {
  const kept = file.read();
  if (kept !== undefined) return kept;
  const positions: Positions = existsSync(directory) ? endsOfStreams(directory) : new Map();
  file.write(positions);
  return positions;
}
