import type { LastUsage } from '../../keys/last-usage.ts';
import { invariant } from '../../runtime/errors.ts';

/**
 * The last usage of each of many keys, the newest only, in the order in which the keys were first noted.
 *
 * The notes lie in a few blocks of memory, outside the garbage collector's: as objects, those of one request would live
 * just long enough to be moved among what lives long, and every request would leave some garbage there. Of a block, the
 * system gives no more memory than has been written to.
 */
export interface NotedUsages {
  readonly size: number;
  /** False if it found no room. */
  note(keyArn: string, usage: LastUsage): boolean;
  get(keyArn: string): LastUsage | undefined;
  /** The first keys, no more than so many. */
  first(most: number): [keyArn: string, usage: LastUsage][];
  /** Strikes out a usage that has been written down. A key that has been used since then waits behind all others. */
  strike(keyArn: string, usage: LastUsage): void;
}

const UUID_CHARACTERS = 36;
const ID_BYTES = 2 * UUID_CHARACTERS;

/** @param room for so many keys; 81 bytes each, and some 40 for the place of the key */
export function notedUsages(room: number): NotedUsages {
  /** Where the note of a key stands in the blocks. */
  const places = new Map<string, number>();
  const vacated: number[] = [];
  let fresh = 0;
  const ids = Buffer.allocUnsafeSlow(room * ID_BYTES);
  const times = new Float64Array(room);
  const operations = new Uint8Array(room);
  /** By their numbers in the block. */
  const operationNames: string[] = [];

  function numberOf(operation: string): number {
    const known = operationNames.indexOf(operation);
    if (known >= 0) return known;
    invariant(operationNames.length < 256, 'there are fewer operations than a byte can count');
    return operationNames.push(operation) - 1;
  }

  function take(keyArn: string): number | undefined {
    const place = vacated.pop() ?? (fresh < room ? fresh++ : undefined);
    if (place !== undefined) places.set(keyArn, place);
    return place;
  }

  function read(place: number): LastUsage {
    const at = place * ID_BYTES;
    return {
      operation: operationNames[operations[place] as number] as string,
      atMs: times[place] as number,
      eventId: ids.toString('latin1', at, at + UUID_CHARACTERS),
      requestId: ids.toString('latin1', at + UUID_CHARACTERS, at + ID_BYTES),
    };
  }

  return {
    get size() {
      return places.size;
    },
    note(keyArn, { operation, atMs, eventId, requestId }) {
      invariant(eventId.length === UUID_CHARACTERS && requestId.length === UUID_CHARACTERS, 'both ids are UUIDs');
      const place = places.get(keyArn) ?? take(keyArn);
      if (place === undefined) return false;
      operations[place] = numberOf(operation);
      times[place] = atMs;
      ids.write(eventId, place * ID_BYTES, 'latin1');
      ids.write(requestId, place * ID_BYTES + UUID_CHARACTERS, 'latin1');
      return true;
    },
    get(keyArn) {
      const place = places.get(keyArn);
      return place === undefined ? undefined : read(place);
    },
    first(most) {
      const entries: [string, LastUsage][] = [];
      for (const [keyArn, place] of places) {
        if (entries.length === most) break;
        entries.push([keyArn, read(place)]);
      }
      return entries;
    },
    strike(keyArn, usage) {
      const place = places.get(keyArn);
      if (place === undefined) return;
      places.delete(keyArn);
      if (read(place).eventId === usage.eventId) vacated.push(place);
      else places.set(keyArn, place);
    },
  };
}
