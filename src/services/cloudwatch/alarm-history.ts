import { table } from '../../store/sealed-store.ts';

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
  return `${accountId}/${region}/${alarmName}/${String(timeMs).padStart(15, '0')}/${id}`;
}
