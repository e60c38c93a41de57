import { pagesOfRecords } from '../../../store/pages.ts';
import type { Reader } from '../../../store/sealed-store.ts';
import type { Scope } from '../../caller.ts';
import { type AlarmRecord, alarmPrefix, alarmsTable } from './alarm-record.ts';

const BATCH = 100;

/**
 * The caller's alarms in the Region, in the order of their names. There may be thousands.
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
  const options = { prefix: place + beginning, ...(after === undefined ? {} : { after: place + after }), limit: BATCH };
  for await (const alarms of pagesOfRecords(reader, alarmsTable, options)) yield* alarms.map(({ value }) => value);
}
