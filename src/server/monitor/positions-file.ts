import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { segmentsOf, streamsOf } from '../../audit/stream-files.ts';
import { BEGINNING, goOnFrom, isPosition, type StreamPosition } from '../../audit/stream-position.ts';

/**
 * How far someone is who follows the audit streams, in a file of their own, for whom it is enough to be nearly right: what a
 * crash of the machine takes back is counted again, or not at all.
 */
export interface PositionsFile {
  /**
   * Undefined of a stream that was there already when the file was opened, if nothing is known of it. One that has come into
   * being since is followed from its beginning.
   */
  get(stream: string): StreamPosition | undefined;
  set(stream: string, position: StreamPosition): void;
  /** Writes them down, if there is anything new. */
  save(): void;
}

/**
 * @param path of the file, which need not be there
 * @param auditDirectory of the streams
 */
export function openPositionsFile(path: string, auditDirectory: string): PositionsFile {
  const positions = readPositions(path);
  const present = new Set(streamsOf(auditDirectory).filter((each) => segmentsOf(auditDirectory, each).length > 0));
  let isNew = false;
  return {
    get: (stream) => {
      const position = positions.get(stream);
      if (position !== undefined) return goOnFrom(auditDirectory, stream, position);
      return present.has(stream) ? undefined : BEGINNING;
    },
    set(stream, position) {
      positions.set(stream, position);
      isNew = true;
    },
    save() {
      if (!isNew) return;
      const temporary = `${path}.new`;
      writeFileSync(temporary, JSON.stringify(Object.fromEntries(positions)), { mode: 0o600 });
      renameSync(temporary, path);
      isNew = false;
    },
  };
}

function readPositions(path: string): Map<string, StreamPosition> {
  try {
    const entries = Object.entries(JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>);
    return new Map(entries.filter((each): each is [string, StreamPosition] => isPosition(each[1])));
  } catch {
    // Not there, or damaged: whoever follows begins with what is written from now on.
    return new Map();
  }
}
