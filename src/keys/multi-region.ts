import type { KeyIdentity, KeyRecord, MultiRegion } from './key.ts';

/**
 * Multi-Region keys ("Multi-Region keys in AWS KMS", developer guide): a primary key and its replicas, each in a Region of
 * its own, with one id and the same material. What they share, only the primary can change.
 */

export function isPrimary({ region, multiRegion }: KeyRecord): boolean {
  return multiRegion?.primaryRegion === region;
}

export function isReplica({ region, multiRegion }: KeyRecord): boolean {
  return multiRegion !== undefined && multiRegion.primaryRegion !== region;
}

/** As AWS calls it; undefined for a single-Region key. */
export function multiRegionKeyType(key: KeyRecord): 'PRIMARY' | 'REPLICA' | undefined {
  if (key.multiRegion === undefined) return undefined;
  return isReplica(key) ? 'REPLICA' : 'PRIMARY';
}

export function hasReplicas(key: KeyRecord): boolean {
  return isPrimary(key) && relatedKeys(key).length > 1;
}

/** The related keys of a multi-Region key, itself included; a single-Region key alone. */
export function relatedKeys({ accountId, region, keyId, multiRegion }: KeyRecord): KeyIdentity[] {
  const regions = multiRegion === undefined ? [region] : [multiRegion.primaryRegion, ...multiRegion.replicaRegions];
  return regions.map((each) => ({ accountId, region: each, keyId }));
}

export function withReplica({ primaryRegion, replicaRegions }: MultiRegion, region: string): MultiRegion {
  return { primaryRegion, replicaRegions: [...replicaRegions, region].sort() };
}

export function withoutReplica({ primaryRegion, replicaRegions }: MultiRegion, region: string): MultiRegion {
  return { primaryRegion, replicaRegions: replicaRegions.filter((each) => each !== region) };
}

/** A replica becomes the primary, and the primary a replica. */
export function withPrimary(multiRegion: MultiRegion, region: string): MultiRegion {
  const others = withoutReplica(withReplica(multiRegion, multiRegion.primaryRegion), region);
  return { ...others, primaryRegion: region };
}
