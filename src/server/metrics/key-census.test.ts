import { pino } from 'pino';
import { expect, test } from 'vitest';
import type { KeyRecord } from '../../keys/key.ts';
import { keyName, keysTable } from '../../keys/tables.ts';
import { openMemoryStore } from '../../store/memory/memory-store.ts';
import { sealedMemoryStore } from '../../store/sealed-memory-store.test-helper.ts';
import { exposition } from './exposition.ts';
import { startCensus } from './key-census.ts';
import { metricsMemory } from './memory.ts';

const NOW_MS = Date.UTC(2026, 10, 26);
const DAY_MS = 86_400_000;
const clock = { now: () => NOW_MS };

const plain: KeyRecord = {
  accountId: '111122223333',
  region: 'eu-central-1',
  keyId: '',
  createdAtMs: NOW_MS - DAY_MS,
  description: '',
  keySpec: 'SYMMETRIC_DEFAULT',
  keyUsage: 'ENCRYPT_DECRYPT',
  origin: 'AWS_KMS',
  keyManager: 'CUSTOMER',
  lifecycle: { status: 'Enabled' },
  tags: [],
};

/** The lines of one census of these keys. */
async function censusOf(keys: readonly Partial<KeyRecord>[], tamperedName?: string): Promise<string[]> {
  const raw = openMemoryStore();
  const store = sealedMemoryStore(raw);
  await store.transact(async (transaction) => {
    for (const [at, key] of keys.entries()) {
      const record = { ...plain, keyId: `key-${String(at).padStart(4, '0')}`, ...key };
      await transaction.create(keysTable, keyName(record), record);
    }
  });
  if (tamperedName !== undefined) {
    await raw.transact((transaction) => transaction.create(keysTable.name, tamperedName, Buffer.from('edited')));
  }
  const memory = metricsMemory(1);
  const census = startCensus({ store, memory, slot: 0, clock, log: pino({ level: 'silent' }) });
  try {
    await expect
      .poll(async () => (await exposition(memory, clock).write('')).body, { timeout: 60_000 })
      .toContain('\nkeyhold_key_census_age_seconds 0\n');
  } finally {
    await census.stop();
  }
  return (await exposition(memory, clock).write('')).body.split('\n');
}

test('keys are counted by state, spec and manager, over as many pages as it takes', async () => {
  const many = Array.from({ length: 45 }, () => ({}));
  const lines = await censusOf([
    ...many,
    { keySpec: 'RSA_2048', lifecycle: { status: 'Disabled' } },
    { keyManager: 'AWS' },
    { origin: 'EXTERNAL' },
  ]);
  expect(lines.filter((line) => line.startsWith('keyhold_keys{'))).toEqual([
    'keyhold_keys{state="Enabled",spec="SYMMETRIC_DEFAULT",manager="CUSTOMER"} 45',
    'keyhold_keys{state="Enabled",spec="SYMMETRIC_DEFAULT",manager="AWS"} 1',
    'keyhold_keys{state="Disabled",spec="RSA_2048",manager="CUSTOMER"} 1',
    'keyhold_keys{state="PendingImport",spec="SYMMETRIC_DEFAULT",manager="CUSTOMER"} 1',
  ]);
});

test('what is next is told, and what is overdue is not what is next', async () => {
  const deletionAt = (deletionAtMs: number) => ({ lifecycle: { status: 'PendingDeletion', deletionAtMs } as const });
  const rotationAt = (nextAtMs: number) => ({ rotation: { periodDays: 365, nextAtMs } });
  const expiry = (expiresAtMs: number) => ({ origin: 'EXTERNAL', imported: { complete: true, expiresAtMs } }) as const;
  const lines = await censusOf([
    deletionAt(NOW_MS + 9 * DAY_MS),
    deletionAt(NOW_MS + 8 * DAY_MS),
    deletionAt(NOW_MS - 1),
    rotationAt(NOW_MS + 3 * DAY_MS),
    rotationAt(NOW_MS - 1),
    // Not rotated while it is disabled.
    { ...rotationAt(NOW_MS - 1), lifecycle: { status: 'Disabled' } },
    expiry(NOW_MS + 5 * DAY_MS),
    expiry(NOW_MS + 6 * DAY_MS),
    expiry(NOW_MS - 1),
  ]);
  for (const line of [
    `keyhold_next_key_deletion_seconds ${8 * 86_400}`,
    `keyhold_next_key_rotation_seconds ${3 * 86_400}`,
    `keyhold_next_material_expiration_seconds ${5 * 86_400}`,
    'keyhold_key_deletions_overdue 1',
    'keyhold_key_rotations_overdue 1',
    'keyhold_keys_rotated_automatically 3',
  ]) {
    expect(lines).toContain(line);
  }
});

test('nothing is said of what will not happen', async () => {
  const lines = await censusOf([{}]);
  expect(lines.filter((line) => line.startsWith('keyhold_next_'))).toEqual([]);
});

test('a record that someone edited is counted as such, and hides no other', async () => {
  const lines = await censusOf([{}, {}], '111122223333/eu-central-1/key-0000a');
  expect(lines).toContain('keyhold_keys_unreadable 1');
  expect(lines).toContain('keyhold_keys{state="Enabled",spec="SYMMETRIC_DEFAULT",manager="CUSTOMER"} 2');
});
