import { expect, test } from 'vitest';
import {
  type AlarmHistoryRecord,
  alarmHistoryKey,
  alarmHistoryTable,
} from '../../../services/cloudwatch/alarms/alarm-history.ts';
import { sealedMemoryStore } from '../../../store/sealed-memory-store.test-helper.ts';
import { forgetOldHistory } from './forget-alarm-history.ts';

const NOW = Date.UTC(2026, 10, 26);
const DAY = 86_400_000;

test('what is older than 30 days goes, and of each account and Region the oldest that are too many', async () => {
  const store = sealedMemoryStore();
  const item = (accountId: string, alarmName: string, daysAgo: number): AlarmHistoryRecord => ({
    ...{ accountId, region: 'us-east-1', alarmName, timeMs: NOW - daysAgo * DAY },
    ...{ type: 'StateUpdate', summary: `${alarmName} ${daysAgo}`, data: '{}' },
  });
  const items = [
    ...[1, 2, 3, 31].map((days) => item('111122223333', 'z', days)),
    ...[4, 5].map((days) => item('111122223333', 'a/b', days)),
    ...[29, 30, 31].map((days) => item('444455556666', 'c', days)),
  ];
  await store.transact(async (transaction) => {
    for (const [index, each] of items.entries()) {
      await transaction.create(alarmHistoryTable, alarmHistoryKey(each, String(index)), each);
    }
  });
  await forgetOldHistory(store, NOW, undefined, 4);
  const left = await store.list(alarmHistoryTable, { prefix: '', limit: 100 });
  expect(left.map(({ value }) => value.summary)).toEqual(['a/b 4', 'z 3', 'z 2', 'z 1', 'c 30', 'c 29']);
});
