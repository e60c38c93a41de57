import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { KeyRecord, Lifecycle } from './key.ts';
import { cancelDeletion, disable, enable, isDeleted, scheduleDeletion } from './lifecycle.ts';

const DAY_MS = 86_400_000;
const NOW = Date.UTC(2026, 10, 22, 10, 0, 0);

function keyIn(lifecycle: Lifecycle): KeyRecord {
  return {
    accountId: '111122223333',
    region: 'us-east-1',
    keyId: '1234abcd-12ab-34cd-56ef-1234567890ab',
    createdAtMs: NOW - DAY_MS,
    description: 'orders',
    keySpec: 'SYMMETRIC_DEFAULT',
    keyUsage: 'ENCRYPT_DECRYPT',
    origin: 'AWS_KMS',
    keyManager: 'CUSTOMER',
    currentMaterialId: 'ab'.repeat(32),
    lifecycle,
    tags: [{ key: 'team', value: 'orders' }],
  };
}

const lifecycles: fc.Arbitrary<Lifecycle> = fc.oneof(
  fc.constant<Lifecycle>({ status: 'Enabled' }),
  fc.constant<Lifecycle>({ status: 'Disabled' }),
  fc.nat().map((offset): Lifecycle => ({ status: 'PendingDeletion', deletionAtMs: NOW + offset })),
);

const moves: Readonly<Record<string, (key: KeyRecord) => KeyRecord>> = {
  enable,
  disable,
  'schedule the deletion of': (key) => scheduleDeletion(key, NOW, 7),
  'cancel the deletion of': cancelDeletion,
};

test.each(Object.entries(moves))(
  'to %s a key changes how it stands and nothing else, and leaves the old record',
  (_, move) => {
    fc.assert(
      fc.property(lifecycles, (lifecycle) => {
        const before = keyIn(lifecycle);
        const after = move(before);
        expect({ ...after, lifecycle }).toEqual(before);
        expect(before).toEqual(keyIn(lifecycle));
      }),
    );
  },
);

test('each move leads to its state', () => {
  fc.assert(
    fc.property(lifecycles, (lifecycle) => {
      expect(enable(keyIn(lifecycle)).lifecycle).toEqual({ status: 'Enabled' });
      expect(disable(keyIn(lifecycle)).lifecycle).toEqual({ status: 'Disabled' });
      // AWS leaves the key disabled, also one that was enabled before.
      expect(cancelDeletion(keyIn(lifecycle)).lifecycle).toEqual({ status: 'Disabled' });
    }),
  );
});

test('a scheduled deletion waits for whole days of 24 hours', () => {
  for (const days of [7, 30]) {
    const { lifecycle } = scheduleDeletion(keyIn({ status: 'Enabled' }), NOW, days);
    expect(lifecycle).toEqual({ status: 'PendingDeletion', deletionAtMs: NOW + days * DAY_MS });
  }
});

test('a key is deleted from the very millisecond in which its deletion is due, and not before', () => {
  const key = scheduleDeletion(keyIn({ status: 'Enabled' }), NOW, 7);
  expect(isDeleted(key, NOW)).toBe(false);
  expect(isDeleted(key, NOW + 7 * DAY_MS - 1)).toBe(false);
  expect(isDeleted(key, NOW + 7 * DAY_MS)).toBe(true);
  expect(isDeleted(key, NOW + 8 * DAY_MS)).toBe(true);
  expect(isDeleted(cancelDeletion(key), NOW + 8 * DAY_MS)).toBe(false);
});

test('a key whose deletion is not scheduled is never deleted', () => {
  for (const status of ['Enabled', 'Disabled'] as const) {
    expect(isDeleted(keyIn({ status }), Number.MAX_SAFE_INTEGER)).toBe(false);
  }
});
