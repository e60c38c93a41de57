import type { AdvancedEventSelector, EventSelector, GetEventSelectorsResponse } from '@aws-sdk/client-cloudtrail';
import type { TrailRecord } from './records.ts';
import { allManagementEvents } from './selectors.ts';
import { trailArn } from './trail-name.ts';
import { identityOf } from './trails.ts';

/** A trail without selectors of its own shows what it does, as one that has them. */
export function shownSelectors(trail: TrailRecord): GetEventSelectorsResponse {
  const { eventSelectors = [allManagementEvents], advancedEventSelectors } = trail;
  return {
    TrailARN: trailArn(identityOf(trail)),
    ...(advancedEventSelectors === undefined
      ? { EventSelectors: eventSelectors as EventSelector[] }
      : { AdvancedEventSelectors: advancedEventSelectors as AdvancedEventSelector[] }),
  };
}
