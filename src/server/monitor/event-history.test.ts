import { expect, test } from 'vitest';
import type { EventPage, EventQuestion } from '../../audit/event-index/lookup.ts';
import { atMost } from './event-history.ts';

const question = (accountId: string): EventQuestion => ({
  accountId,
  region: 'us-east-1',
  fromMs: 0,
  toMs: 1,
  limit: 50,
});

/** Answers when told to, in the order of the questions that were begun. */
function slowAnswers() {
  const begun: { accountId: string; end: (error?: Error) => void }[] = [];
  const ask = atMost(({ accountId }) => {
    const answer = Promise.withResolvers<EventPage>();
    const end = (error?: Error) => (error === undefined ? answer.resolve({ records: [] }) : answer.reject(error));
    begun.push({ accountId, end });
    return answer.promise;
  });
  return { begun, ask: (accountId: string) => ask(question(accountId)) };
}

test('a few questions are answered at a time, the others in turn, whatever becomes of those before', async () => {
  const { begun, ask } = slowAnswers();
  const asked = ['a', 'b', 'c', 'd'].map(ask);
  expect(begun.map(({ accountId }) => accountId)).toEqual(['a', 'b']);
  begun[0]?.end(new Error('a fault'));
  await expect(asked[0]).rejects.toThrow('a fault');
  expect(begun.map(({ accountId }) => accountId)).toEqual(['a', 'b', 'c']);
  begun[1]?.end();
  await asked[1];
  for (const each of begun.slice(2)) each.end();
  await asked[2];
  begun[3]?.end();
  await asked[3];
  const last = ask('e');
  expect(begun).toHaveLength(5);
  begun[4]?.end();
  expect(await last).toEqual({ records: [] });
});

test('an account that asks too much at once is throttled, and others are not', async () => {
  const { begun, ask } = slowAnswers();
  const asked = Array.from({ length: 8 }, () => ask('a'));
  await expect(ask('a')).rejects.toMatchObject({ code: 'ThrottlingException', message: 'Rate exceeded' });
  const other = ask('b');
  for (let at = 0; at < 9; at++) {
    begun[at]?.end();
    await (at < 8 ? asked[at] : other);
  }
  const again = ask('a');
  begun[9]?.end();
  expect(await again).toEqual({ records: [] });
});
