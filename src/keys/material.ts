import type { WrappedMaterial } from '../custody/contract.ts';
import type { ImportedMaterials } from './key.ts';

/**
 * One version of a key's material: what is stored of it besides the wrapped bytes. Which one is current stands in the key's
 * own record, so that one write moves a key from one to the next.
 */
export interface MaterialRecord extends Partial<WrappedMaterial> {
  // `wrapped` is absent once imported material has expired or was deleted; the same material can be imported again.
  readonly createdAtMs: number;
  /** When it became the current one; absent for imported material that waits for RotateKeyOnDemand. */
  readonly currentSinceMs?: number;
  /** What made it current; absent for the first material of a key. */
  readonly rotationType?: RotationType;
  /** Of imported material. */
  readonly imported?: ImportFacts;
}

export type RotationType = 'AUTOMATIC' | 'ON_DEMAND';

export interface ImportFacts {
  readonly description?: string;
  /** Absent if it does not expire. */
  readonly expiresAtMs?: number;
}

export type MaterialState = 'CURRENT' | 'NON_CURRENT' | 'PENDING_ROTATION';

export function materialState(material: MaterialRecord, isCurrent: boolean): MaterialState {
  if (isCurrent) return 'CURRENT';
  return material.currentSinceMs === undefined ? 'PENDING_ROTATION' : 'NON_CURRENT';
}

/**
 * What the key's own record says of its imported materials. Material that waits for its rotation does not count: until
 * then, the key does without it.
 */
export function summariseImported(materials: readonly MaterialRecord[]): ImportedMaterials {
  const needed = materials.filter(({ currentSinceMs }) => currentSinceMs !== undefined);
  const expiries = needed.flatMap(({ wrapped, imported }) =>
    wrapped === undefined || imported?.expiresAtMs === undefined ? [] : [imported.expiresAtMs],
  );
  return {
    complete: needed.length > 0 && needed.every(({ wrapped }) => wrapped !== undefined),
    ...(expiries.length === 0 ? {} : { expiresAtMs: Math.min(...expiries) }),
  };
}

/**
 * Materials in the order in which ListKeyRotations shows them: the first, those that rotations brought, by their dates, and
 * what is pending rotation. The order is that of these names as text, so that a listing can continue from one of them.
 */
export function materialOrder(materialId: string, { currentSinceMs, rotationType }: MaterialRecord): string {
  if (currentSinceMs === undefined) return `2/${materialId}`;
  return `${rotationType === undefined ? 0 : 1}/${String(currentSinceMs).padStart(16, '0')}/${materialId}`;
}
