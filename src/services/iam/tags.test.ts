import { describe, expect, test } from 'vitest';
import { newTags, valuesOfTag, withoutTags, withTags } from './tags.ts';

const team = { key: 'Team', value: 'blue' };
const cost = { key: 'Cost', value: '7' };

describe('a tag that is set', () => {
  test('takes the place of the one with its key, in whatever case', () => {
    expect(withTags([team, cost], [{ Key: 'TEAM', Value: 'red' }], 'ignored')).toEqual([
      { key: 'TEAM', value: 'red' },
      cost,
    ]);
  });

  test('comes last if it is new', () => {
    expect(withTags([team], [{ Key: 'Cost', Value: '7' }], 'ignored')).toEqual([team, cost]);
  });

  test('may replace another where there are fifty, and not be one more', () => {
    const fifty = Array.from({ length: 50 }, (_, index) => ({ key: `k${index}`, value: '' }));
    expect(withTags(fifty, [{ Key: 'K49', Value: 'v' }], 'ignored')).toHaveLength(50);
    expect(() => withTags(fifty, [{ Key: 'k50', Value: 'v' }], 'ignored')).toThrow(
      'The number of tags has reached the maximum limit.',
    );
  });

  test('has a key that is no other’s, and not one of AWS’s', () => {
    const both = [
      { Key: 'a', Value: '1' },
      { Key: 'A', Value: '2' },
    ];
    expect(() => newTags(both, 'ignored')).toThrow(
      'Duplicate tag keys found. Please note that Tag keys are case insensitive.',
    );
    expect(() => newTags([{ Key: 'Aws:x', Value: '' }], 'ignored')).toThrow('reserved');
    expect(newTags([{ Key: 'awsome', Value: '' }], 'ignored')).toEqual([{ key: 'awsome', value: '' }]);
  });
});

test('tags are taken away by their keys in whatever case, and none that is not there is missed', () => {
  expect(withoutTags([team, cost], ['tEAM', 'zone'], 'ignored')).toEqual([cost]);
});

// Recorded from AWS for policies: LocalStack, tests/aws/services/iam/test_iam_policies.snapshot.json (TestPolicyTags).
describe('tags that are told by the case of their keys', () => {
  const upper = { key: 'A', value: 'upper' };
  const lower = { key: 'a', value: 'lower' };

  test('may be the same but for it', () => {
    const requested = [
      { Key: 'A', Value: 'upper' },
      { Key: 'a', Value: 'lower' },
    ];
    expect(newTags(requested, 'told')).toEqual([upper, lower]);
    expect(withTags([upper], [{ Key: 'a', Value: 'lower' }], 'told')).toEqual([upper, lower]);
    expect(withoutTags([upper, lower], ['a'], 'told')).toEqual([upper]);
    expect(() => newTags([...requested, { Key: 'a', Value: '' }], 'told')).toThrow(/^Duplicate tag keys found\.$/);
    expect(() => newTags([{ Key: 'AWS:x', Value: '' }], 'told')).toThrow('reserved');
  });

  test('are both what a condition key names, so that neither stands in for the other', () => {
    expect(valuesOfTag([upper, lower], 'a')).toEqual(['upper', 'lower']);
    expect(valuesOfTag([upper], 'b')).toBeUndefined();
  });
});
