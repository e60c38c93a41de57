import { hash } from 'node:crypto';
import { type EventAttribute, eventAttributes } from '../event-attributes.ts';

/**
 * By which the index finds events: 32 bits of an account, a Region, and a value of an attribute. They only say where a look is
 * worth it; whoever looks compares the record itself.
 *
 * SHA-256 over a salt that each index file has for itself, so that no caller can choose names that collide with those of
 * others and so have many chunks read in vain.
 */
export interface AttributeHashes {
  /** Of an account's events in a Region. */
  scope(accountId: string, region: string): ScopeHashes;
}

export interface ScopeHashes {
  /** Of all of them, whatever they are. */
  readonly hash: HashNote;
  /** Of an attribute but EventId, of which each event has another. */
  of(attribute: EventAttribute, value: string): HashNote;
  ofEventId(eventId: string): number;
}

/** A hash, and the number of the last chunk that has it: most values are of one event after the other. */
export interface HashNote {
  readonly hash: number;
  chunk: number;
}

const UUID_CHARACTERS = 36;
/** Values whose hashes are kept in memory, some 100 bytes each. Then all are forgotten, and found out again. */
const MOST_VALUES = 20_000;

export function attributeHashes(salt: Uint8Array): AttributeHashes {
  const salted = Buffer.from(salt).toString('hex');
  let scopes = new Map<string, Map<string, ScopeHashes>>();
  let values = 0;

  /** Only the last of the parts may hold whatever a caller likes. */
  function note(...parts: readonly string[]): HashNote {
    values++;
    return { hash: hash('sha256', [salted, ...parts].join('\0'), 'buffer').readUInt32LE(0), chunk: 0 };
  }

  function scopeHashes(accountId: string, region: string): ScopeHashes {
    const scope = note(accountId, region);
    const known = new Map<EventAttribute, Map<string, HashNote>>(eventAttributes.map((each) => [each, new Map()]));
    return {
      hash: scope,
      of(attribute, value) {
        const ofAttribute = known.get(attribute) as Map<string, HashNote>;
        let found = ofAttribute.get(value);
        if (found === undefined) {
          found = note(accountId, region, attribute, value);
          ofAttribute.set(value, found);
        }
        return found;
      },
      // They are the server's own, and random by themselves: to hash each of them would be most of what the index costs.
      ofEventId(eventId) {
        const bits = eventId.length === UUID_CHARACTERS ? Number.parseInt(eventId.slice(0, 8), 16) : Number.NaN;
        return Number.isNaN(bits) ? note(accountId, region, 'EventId', eventId).hash : (scope.hash ^ bits) >>> 0;
      },
    };
  }

  return {
    scope(accountId, region) {
      if (values > MOST_VALUES) {
        scopes = new Map();
        values = 0;
      }
      let regions = scopes.get(accountId);
      if (regions === undefined) {
        regions = new Map();
        scopes.set(accountId, regions);
      }
      let scope = regions.get(region);
      if (scope === undefined) {
        scope = scopeHashes(accountId, region);
        regions.set(region, scope);
      }
      return scope;
    },
  };
}
