import type { Reader, StoredRecord } from '../../store/sealed-store.ts';
import { refuse } from './errors.ts';
import { type TrailRecord, trailKey, trailsTable } from './records.ts';
import { type TrailIdentity, trailArn } from './trail-name.ts';

/** The trails of an account, in which Regions they are seen, and how many there may be. */

/** "Trails per Region: 5"; one that applies to all Regions counts in each ("Quotas in AWS CloudTrail", user guide). */
const MOST_TRAILS_PER_REGION = 5;
/** AWS has a few dozen Regions; here any name can be one's. */
const MOST_TRAILS_PER_ACCOUNT = 200;

export function identityOf({ accountId, homeRegion, name }: TrailRecord): TrailIdentity {
  return { accountId, region: homeRegion, name };
}

export function storedTrail(reader: Reader, identity: TrailIdentity): Promise<StoredRecord<TrailRecord> | undefined> {
  return reader.get(trailsTable, keyOf(identity));
}

export function keyOf({ accountId, region, name }: TrailIdentity): string {
  return trailKey(accountId, region, name);
}

/** All of an account, in the order of their home Regions. */
export async function trailsOf(reader: Reader, accountId: string): Promise<TrailRecord[]> {
  const entries = await reader.list(trailsTable, { prefix: `${accountId}/`, limit: MOST_TRAILS_PER_ACCOUNT });
  return entries.map(({ value }) => value);
}

/** Whether a trail is there in a Region: at home, or as the shadow of one that applies to all Regions. */
export function isSeenIn(region: string, { homeRegion, isMultiRegion }: TrailRecord): boolean {
  return isMultiRegion || homeRegion === region;
}

/**
 * Refuses a trail for which there is no room, or whose name another has in a Region in which both would be seen.
 *
 * @param others the account's trails but for this one as it was
 */
export function refuseCrowding(trail: TrailRecord, others: readonly TrailRecord[]): void {
  const { accountId, homeRegion, name, isMultiRegion } = trail;
  const regions = isMultiRegion ? [homeRegion, ...others.map((each) => each.homeRegion)] : [homeRegion];
  for (const region of new Set(regions)) {
    const seen = others.filter((each) => isSeenIn(region, each));
    if (seen.some((each) => each.name === name)) {
      refuse('TrailAlreadyExistsException', `Trail ${name} already exists for customer: ${accountId}`);
    }
    if (seen.length >= MOST_TRAILS_PER_REGION) {
      refuse(
        'MaximumNumberOfTrailsExceededException',
        `User: ${accountId} already has ${MOST_TRAILS_PER_REGION} trails in ${region}.`,
      );
    }
  }
  if (others.length >= MOST_TRAILS_PER_ACCOUNT) {
    refuse(
      'MaximumNumberOfTrailsExceededException',
      `User: ${accountId} already has ${MOST_TRAILS_PER_ACCOUNT} trails.`,
    );
  }
}

export function sameTrail(a: TrailRecord, b: TrailRecord): boolean {
  return trailArn(identityOf(a)) === trailArn(identityOf(b));
}
