import type { CreateTrailResponse, Trail as ShownTrail } from '@aws-sdk/client-cloudtrail';
import type { TrailRecord } from './records.ts';
import { trailArn } from './trail-name.ts';
import { identityOf } from './trails.ts';

/** A trail's settings, as the answers of CreateTrail and UpdateTrail have them. */
export function shownSettings(trail: TrailRecord): CreateTrailResponse {
  return {
    Name: trail.name,
    S3BucketName: trail.bucketName,
    ...(trail.keyPrefix === undefined ? {} : { S3KeyPrefix: trail.keyPrefix }),
    IncludeGlobalServiceEvents: trail.includeGlobalServiceEvents,
    IsMultiRegionTrail: trail.isMultiRegion,
    TrailARN: trailArn(identityOf(trail)),
    LogFileValidationEnabled: trail.logFileValidation,
    IsOrganizationTrail: false,
    RecursiveLogging: trail.recursiveLogging ?? true,
  };
}

/** As GetTrail and DescribeTrails have it. */
export function shownTrail(trail: TrailRecord): ShownTrail {
  return {
    ...shownSettings(trail),
    HomeRegion: trail.homeRegion,
    HasCustomEventSelectors: trail.eventSelectors !== undefined || trail.advancedEventSelectors !== undefined,
    HasInsightSelectors: false,
  };
}
