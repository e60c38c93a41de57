import { setImmediate } from 'node:timers/promises';
import type {
  AlarmHistoryItem,
  DescribeAlarmHistoryInput,
  DescribeAlarmHistoryOutput,
} from '@aws-sdk/client-cloudwatch';
import type { Reader } from '../../../store/sealed-store.ts';
import * as shapes from '../../../wire/alarm-shapes.ts';
import { structure, timestamp } from '../../../wire/shapes.ts';
import { type AlarmHistoryRecord, alarmHistoryPrefix, alarmHistoryTable, timeOfHistoryKey } from '../alarm-history.ts';
import { readNextToken, writeNextToken } from '../next-token.ts';
import type { CloudWatchOperation } from '../ports.ts';
import { alarmsTarget, type FoundAlarm } from './alarm-targets.ts';

const USUAL_RECORDS = 50;
const BATCH = 1000;

/** Of one alarm or of all, those that have been deleted included; the newest first unless asked otherwise. */
export const describeAlarmHistory: CloudWatchOperation<
  DescribeAlarmHistoryInput,
  DescribeAlarmHistoryOutput,
  { alarms: readonly FoundAlarm[] }
> = {
  name: 'DescribeAlarmHistory',
  input: structure<DescribeAlarmHistoryInput>({
    AlarmName: shapes.alarmReference,
    AlarmContributorId: shapes.contributorId,
    AlarmTypes: shapes.alarmTypes,
    HistoryItemType: shapes.historyItemType,
    StartDate: timestamp(),
    EndDate: timestamp(),
    MaxRecords: shapes.maxRecords,
    NextToken: shapes.nextToken,
    ScanBy: shapes.scanBy,
  }),
  targets: {
    alarms: alarmsTarget({
      permission: 'cloudwatch:DescribeAlarmHistory',
      names: ({ AlarmName }) => (AlarmName === undefined ? undefined : [AlarmName]),
    }),
  },
  effect: 'read',
  audit: {
    readOnly: true,
    request: ['AlarmName', 'AlarmTypes', 'HistoryItemType', 'StartDate', 'EndDate', 'MaxRecords', 'ScanBy'],
  },
  async handle({ input, scope, ports }) {
    const { AlarmName, HistoryItemType, AlarmTypes = ['MetricAlarm'], MaxRecords = USUAL_RECORDS } = input;
    const after = readNextToken('DescribeAlarmHistory', input.NextToken);
    const { store } = ports;
    // Contributors are of alarms on several metrics at once, which there are none of.
    if (input.AlarmContributorId !== undefined || !AlarmTypes.includes('MetricAlarm')) return { AlarmHistoryItems: [] };
    const prefix = alarmHistoryPrefix(scope.caller.principal.accountId, scope.region, AlarmName);
    const keys = await keysWithin(store, prefix, input);
    const items: AlarmHistoryItem[] = [];
    for (const key of after === undefined ? keys : behind(keys, prefix + after, input)) {
      const stored = await store.get(alarmHistoryTable, key);
      if (stored === undefined || (HistoryItemType !== undefined && stored.value.type !== HistoryItemType)) continue;
      items.push(shown(stored.value));
      if (items.length === MaxRecords && key !== keys.at(-1)) {
        const NextToken = writeNextToken('DescribeAlarmHistory', key.slice(prefix.length));
        return { AlarmHistoryItems: items, NextToken };
      }
    }
    return { AlarmHistoryItems: items };
  },
};

/** In the order that is asked for. */
async function keysWithin(reader: Reader, prefix: string, request: DescribeAlarmHistoryInput): Promise<string[]> {
  const fromMs = request.StartDate?.getTime() ?? Number.NEGATIVE_INFINITY;
  const toMs = request.EndDate?.getTime() ?? Number.POSITIVE_INFINITY;
  const found: string[] = [];
  for (let after: string | undefined; ; await setImmediate()) {
    const options = { prefix, ...(after === undefined ? {} : { after }), limit: BATCH };
    const keys = await reader.names(alarmHistoryTable, options);
    found.push(...keys.filter((key) => timeOfHistoryKey(key) >= fromMs && timeOfHistoryKey(key) <= toMs));
    after = keys.at(-1);
    if (keys.length < BATCH) return found.sort(inOrder(request));
  }
}

/** What comes after an item, which may be gone by now. */
function behind(keys: readonly string[], item: string, request: DescribeAlarmHistoryInput): readonly string[] {
  const order = inOrder(request);
  const first = keys.findIndex((key) => order(key, item) > 0);
  return first < 0 ? [] : keys.slice(first);
}

/** Keys of one alarm are in the order of time; those of several are not. */
function inOrder({ ScanBy }: DescribeAlarmHistoryInput): (a: string, b: string) => number {
  const sign = ScanBy === 'TimestampAscending' ? 1 : -1;
  return (a, b) => sign * (timeOfHistoryKey(a) - timeOfHistoryKey(b) || (a < b ? -1 : a > b ? 1 : 0));
}

function shown({ alarmName, timeMs, type, summary, data }: AlarmHistoryRecord): AlarmHistoryItem {
  return {
    AlarmName: alarmName,
    AlarmType: 'MetricAlarm',
    Timestamp: new Date(timeMs),
    HistoryItemType: type,
    HistorySummary: summary,
    HistoryData: data,
  };
}
