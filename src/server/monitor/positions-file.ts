import { readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { BEGINNING, type StreamPosition } from '../../audit/follow-stream.ts';
import { segmentsOf, streamsOf } from '../../audit/stream-files.ts';

/**
 * How far someone is who follows the audit streams, in a file of their own, for whom it is enough to be nearly right: what a
 * crash of the machine takes back is counted again, or not at all.
 */
export interface PositionsFile {
  /**
   * Undefined of a stream that was there already when the file was opened, if nothing is known of it or it is no longer the
   * one that it was. One that has come into being since is followed from its beginning.
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
      if (position !== undefined && leadsSomewhere(auditDirectory, stream, position)) return position;
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

/** Whoever begins an audit trail anew would otherwise have nothing counted until it is as long as the old one was. */
function leadsSomewhere(directory: string, stream: string, { segment, offset }: StreamPosition): boolean {
  const file = segmentsOf(directory, stream).find((each) => each.first === segment);
  return file !== undefined && statSync(file.path).size >= offset;
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

function isPosition(value: unknown): value is StreamPosition {
  if (typeof value !== 'object' || value === null) return false;
  const { sequence, segment, offset } = value as Partial<StreamPosition>;
  return [sequence, segment, offset].every((each) => Number.isSafeInteger(each) && (each as number) >= 0);
}
