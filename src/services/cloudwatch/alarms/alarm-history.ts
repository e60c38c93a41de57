import { table } from '../../../store/sealed-store.ts';

/** What DescribeAlarmHistory shows. */
export interface AlarmHistoryRecord {
  readonly accountId: string;
  readonly region: string;
  readonly alarmName: string;
  readonly timeMs: number;
  readonly type: 'ConfigurationUpdate' | 'StateUpdate' | 'Action';
  readonly summary: string;
  /** JSON, as AWS writes it. */
  readonly data: string;
}

export const alarmHistoryTable = table<AlarmHistoryRecord>('alarm-history');

/** In the order of alarms, then of time. `id` tells apart what happened in one millisecond. */
export function alarmHistoryKey({ accountId, region, alarmName, timeMs }: AlarmHistoryRecord, id: string): string {
  return `${alarmHistoryPrefix(accountId, region, alarmName)}${String(timeMs).padStart(15, '0')}/${id}`;
}

/** Of all alarms of an account in a Region, or of one. A name may have slashes, which a key may have between its parts only. */
export function alarmHistoryPrefix(accountId: string, region: string, alarmName?: string): string {
  const place = `${accountId}/${region}/`;
  return alarmName === undefined ? place : `${place}${alarmName.replaceAll('%', '%25').replaceAll('/', '%2F')}/`;
}

/** When that happened which has this key. */
export function timeOfHistoryKey(key: string): number {
  return Number(key.split('/').at(-2));
}
