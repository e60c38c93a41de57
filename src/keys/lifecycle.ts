import type { KeyRecord } from './key.ts';

/**
 * The states of AWS's developer guide, "Key states of AWS KMS keys". Keys of this server are never found `Creating` or
 * `Updating`, for a transaction makes a replica or a new primary; `Unavailable` is for custom key stores.
 */
export type KeyState =
  | 'Enabled'
  | 'Disabled'
  | 'PendingDeletion'
  | 'PendingReplicaDeletion'
  | 'PendingImport'
  | 'Unavailable'
  | 'Creating'
  | 'Updating';

const DAY_MS = 24 * 60 * 60 * 1000;
export const SHORTEST_PENDING_WINDOW_DAYS = 7;
export const LONGEST_PENDING_WINDOW_DAYS = 30;

/** A deletion that is scheduled stays scheduled whatever becomes of the material. */
export function keyState(key: KeyRecord, nowMs: number): KeyState {
  const { status } = key.lifecycle;
  if (status === 'PendingDeletion' || status === 'PendingReplicaDeletion') return status;
  return lacksMaterial(key, nowMs) ? 'PendingImport' : status;
}

/**
 * Whether imported material is missing. What has expired is gone from the very moment, whether or not it has been destroyed
 * yet.
 */
export function lacksMaterial({ origin, imported }: KeyRecord, nowMs: number): boolean {
  if (origin !== 'EXTERNAL') return false;
  if (imported === undefined || !imported.complete) return true;
  return imported.expiresAtMs !== undefined && imported.expiresAtMs <= nowMs;
}

/**
 * Whether a key's deletion is due. From that moment the key does not exist for anyone, whether or not its material has
 * been destroyed yet.
 */
export function isDeleted(key: KeyRecord, nowMs: number): boolean {
  return isPendingDeletion(key) && key.lifecycle.deletionAtMs <= nowMs;
}

/** A key whose deletion has been scheduled. */
export type PendingDeletion = KeyRecord & { readonly lifecycle: { readonly status: 'PendingDeletion' } };

export function isPendingDeletion(key: KeyRecord): key is PendingDeletion {
  return key.lifecycle.status === 'PendingDeletion';
}

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

/** A primary key's deletion waits for its replicas' ("Deleting multi-Region keys", developer guide). */
export function scheduleDeletionAfterReplicas(key: KeyRecord, pendingWindowDays: number): KeyRecord {
  return { ...key, lifecycle: { status: 'PendingReplicaDeletion', pendingWindowDays } };
}

/** AWS leaves the key disabled, whatever it was before ("CancelKeyDeletion", API reference). */
export function cancelDeletion(key: KeyRecord): KeyRecord {
  return disable(key);
}
