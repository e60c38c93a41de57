import type { AutomaticRotation, KeyRecord } from './key.ts';
import { keyState } from './lifecycle.ts';
import type { MaterialRecord } from './material.ts';
import { isReplica } from './multi-region.ts';

const MINUTE_MS = 60 * 1000;
const DAY_MS = 24 * 60 * MINUTE_MS;

export const USUAL_ROTATION_PERIOD_DAYS = 365;
/** AWS's quota "On-demand rotation", for each key. */
export const MOST_ON_DEMAND_ROTATIONS = 25;
/** So near to its automatic rotation, a key is not rotated on demand as well ("RotateKeyOnDemand", API reference). */
const NEAR_MS = 20 * MINUTE_MS;

/**
 * The first rotation is a period away from when it is turned on, and each next one a period from the one before, however
 * late that was: AWS rotates a key that has missed its moment once, "and every year thereafter" ("GetKeyRotationStatus",
 * API reference).
 */
export function rotationFrom(nowMs: number, periodDays: number): AutomaticRotation {
  return { periodDays, nextAtMs: nowMs + periodDays * DAY_MS };
}

/**
 * The schedule once automatic rotation is turned on, or its period changed. Asking once more for the period that the key has
 * already leaves its schedule as it is: tools do so again and again, and a rotation that this postponed would never come.
 */
export function reschedule(
  current: AutomaticRotation | undefined,
  nowMs: number,
  periodDays: number,
): AutomaticRotation {
  return current?.periodDays === periodDays ? current : rotationFrom(nowMs, periodDays);
}

export function disableRotation(key: KeyRecord): KeyRecord {
  const { rotation: _, ...rest } = key;
  return rest;
}

/**
 * Whether a key is to be rotated now. One that is disabled or awaits its deletion is not, though its schedule goes on: if
 * its moment has passed by then, it is rotated as soon as it is enabled again. Replicas follow their primary key.
 */
export function isRotationDue(key: KeyRecord, nowMs: number): boolean {
  if (key.rotation === undefined || isReplica(key)) return false;
  return key.rotation.nextAtMs <= nowMs && keyState(key, nowMs) === 'Enabled';
}

export function isRotationNear({ rotation }: KeyRecord, nowMs: number): boolean {
  return rotation !== undefined && rotation.nextAtMs <= nowMs + NEAR_MS;
}

/** The schedule as GetKeyRotationStatus shows it: none while the key's deletion is pending, to return if that is cancelled. */
export function shownRotation({ rotation, lifecycle }: KeyRecord): AutomaticRotation | undefined {
  const staysFor = lifecycle.status === 'Enabled' || lifecycle.status === 'Disabled';
  return staysFor ? rotation : undefined;
}

export function onDemandRotations(materials: readonly MaterialRecord[]): number {
  return materials.filter(({ rotationType }) => rotationType === 'ON_DEMAND').length;
}
