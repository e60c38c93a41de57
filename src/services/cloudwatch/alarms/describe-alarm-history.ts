import type {
  AlarmHistoryItem,
  DescribeAlarmHistoryInput,
  DescribeAlarmHistoryOutput,
} from '@aws-sdk/client-cloudwatch';
import { pagesOfNames } from '../../../store/pages.ts';
import type { Reader } from '../../../store/sealed-store.ts';
import * as shapes from '../../../wire/alarm-shapes.ts';
import { structure, timestamp } from '../../../wire/shapes.ts';
import { readNextToken, writeNextToken } from '../next-token.ts';
import type { CloudWatchOperation } from '../ports.ts';
import { type AlarmHistoryRecord, alarmHistoryPrefix, alarmHistoryTable, timeOfHistoryKey } from './alarm-history.ts';
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
    const all = await itemsWithin(store, prefix, input);
    const items: AlarmHistoryItem[] = [];
    for (const { key } of after === undefined ? all : behind(all, itemOf(prefix + after), input)) {
      const stored = await store.get(alarmHistoryTable, key);
      if (stored === undefined || (HistoryItemType !== undefined && stored.value.type !== HistoryItemType)) continue;
      items.push(shown(stored.value));
      if (items.length === MaxRecords && key !== all.at(-1)?.key) {
        const NextToken = writeNextToken('DescribeAlarmHistory', key.slice(prefix.length));
        return { AlarmHistoryItems: items, NextToken };
      }
    }
    return { AlarmHistoryItems: items };
  },
};

interface Item {
  readonly key: string;
  readonly timeMs: number;
}

/** In the order that is asked for. There may be a hundred thousand: each key is taken apart once. */
async function itemsWithin(reader: Reader, prefix: string, request: DescribeAlarmHistoryInput): Promise<Item[]> {
  const fromMs = request.StartDate?.getTime() ?? Number.NEGATIVE_INFINITY;
  const toMs = request.EndDate?.getTime() ?? Number.POSITIVE_INFINITY;
  const found: Item[] = [];
  for await (const keys of pagesOfNames(reader, alarmHistoryTable, { prefix, limit: BATCH })) {
    for (const each of keys.map(itemOf)) if (each.timeMs >= fromMs && each.timeMs <= toMs) found.push(each);
  }
  return found.sort(inOrder(request));
}

function itemOf(key: string): Item {
  return { key, timeMs: timeOfHistoryKey(key) };
}

/** What comes after an item, which may be gone by now. */
function behind(items: readonly Item[], last: Item, request: DescribeAlarmHistoryInput): readonly Item[] {
  const order = inOrder(request);
  const first = items.findIndex((each) => order(each, last) > 0);
  return first < 0 ? [] : items.slice(first);
}

/** Keys of one alarm are in the order of time; those of several are not. */
function inOrder({ ScanBy }: DescribeAlarmHistoryInput): (a: Item, b: Item) => number {
  const sign = ScanBy === 'TimestampAscending' ? 1 : -1;
  return (a, b) => sign * (a.timeMs - b.timeMs || (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
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
