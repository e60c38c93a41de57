import { setImmediate } from 'node:timers/promises';
import type { Reader } from '../../../store/sealed-store.ts';
import type { Scope } from '../../caller.ts';
import { type AlarmRecord, alarmPrefix, alarmsTable } from './alarm-record.ts';

const BATCH = 100;

/**
 * The caller's alarms in the Region, in the order of their names. There may be thousands, so everyone else has their turn in
 * between.
 *
 * @param beginning of their names
 * @param after only those behind this name
 */
export async function* storedAlarms(
  reader: Reader,
  { caller, region }: Scope,
  beginning = '',
  after?: string,
): AsyncGenerator<AlarmRecord> {
  const place = alarmPrefix(caller.principal.accountId, region);
  let last = after === undefined ? undefined : place + after;
  for (;;) {
    const options = { prefix: place + beginning, ...(last === undefined ? {} : { after: last }), limit: BATCH };
    const entries = await reader.list(alarmsTable, options);
    for (const { value } of entries) yield value;
    last = entries.at(-1)?.key;
    if (entries.length < BATCH || last === undefined) return;
    await setImmediate();
  }
}
