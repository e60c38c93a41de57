import type { KeyRecord, Lifecycle } from './key.ts';

/** The states of AWS's developer guide, "Key states of AWS KMS keys", that keys of this server can have. */
export type KeyState = Lifecycle['status'];

const DAY_MS = 24 * 60 * 60 * 1000;
export const SHORTEST_PENDING_WINDOW_DAYS = 7;
export const LONGEST_PENDING_WINDOW_DAYS = 30;

/**
 * Whether a key's deletion is due. From that moment the key does not exist for anyone, whether or not its material has
 * been destroyed yet.
 */
export function isDeleted(key: KeyRecord, nowMs: number): boolean {
  return key.lifecycle.status === 'PendingDeletion' && key.lifecycle.deletionAtMs <= nowMs;
}

/** A key whose deletion has been scheduled. */
export type PendingDeletion = KeyRecord & { readonly lifecycle: { readonly status: 'PendingDeletion' } };

export function enable(key: KeyRecord): KeyRecord {
  return { ...key, lifecycle: { status: 'Enabled' } };
}

export function disable(key: KeyRecord): KeyRecord {
  return { ...key, lifecycle: { status: 'Disabled' } };
}

export function scheduleDeletion(key: KeyRecord, nowMs: number, pendingWindowDays: number): PendingDeletion {
  return {
    ...key,
    lifecycle: { status: 'PendingDeletion', deletionAtMs: nowMs + pendingWindowDays * DAY_MS },
  };
}

/** AWS leaves the key disabled, whatever it was before ("CancelKeyDeletion", API reference). */
export function cancelDeletion(key: KeyRecord): KeyRecord {
  return disable(key);
}
