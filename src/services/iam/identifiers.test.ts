import { expect, test } from 'vitest';
import { seededRandom } from '../../runtime/random.test-helper.ts';
import { accountOfSessionKeyId, newAccessKeyId, newSessionKeyId } from './identifiers.ts';

const random = seededRandom('identifiers');

test.each(['000000000000', '000000000001', '111122223333', '999999999999'])(
  'the id of a session’s access key tells the account %s, and is another each time',
  (accountId) => {
    const ids = Array.from({ length: 100 }, () => newSessionKeyId(accountId, random));
    for (const id of ids) {
      expect(id).toMatch(/^ASIA[A-Z2-7]{16}$/);
      expect(accountOfSessionKeyId(id)).toBe(accountId);
    }
    expect(new Set(ids).size).toBe(ids.length);
  },
);

/** The pair of "A short note on AWS KEY ID", whose author first published how ids of access keys tell accounts. */
test('it tells it as AWS’s own ids do', () => {
  expect(accountOfSessionKeyId('ASIAQNZGKIQY56JQ7WML')).toBe('029608264753');
});

test('other ids tell no account', () => {
  for (const id of [
    newAccessKeyId(random),
    'ASIA',
    'ASIAIOSFODNN7EXAMPLE',
    'ASIAQ6IPTYRHN4ZXAMP1',
    'ASIA7777777777777777',
    '',
  ]) {
    expect(accountOfSessionKeyId(id)).toBeUndefined();
  }
});
