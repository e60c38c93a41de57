import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { openEventIndex } from '../../audit/event-index/event-index.ts';
import { type EventQuestion, lookUp } from '../../audit/event-index/lookup.ts';
import { seededRandom } from '../../runtime/random.test-helper.ts';
import { testSealer } from '../../store/sealed-memory-store.test-helper.ts';
import { lookupTokens } from './lookup-tokens.ts';

/** What LookupEvents asks, over an index of no stream: what it finds is tested elsewhere. */
export function emptyHistory() {
  const directory = mkdtempSync(join(tmpdir(), 'keyhold-history-'));
  process.once('exit', () => rmSync(directory, { recursive: true, force: true }));
  const index = openEventIndex({ directory, random: seededRandom('event history') });
  return {
    eventHistory: { lookup: (question: EventQuestion) => lookUp(index, directory, question, turn) },
    lookupTokens: lookupTokens(testSealer()),
  };
}
