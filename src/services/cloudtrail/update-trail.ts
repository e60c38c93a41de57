import type { UpdateTrailRequest, UpdateTrailResponse } from '@aws-sdk/client-cloudtrail';
import { text } from '../../wire/cloudtrail-shapes.ts';
import { required, structure } from '../../wire/shapes.ts';
import { unknownTrail } from './errors.ts';
import type { CloudTrailOperation } from './ports.ts';
import { type TrailRecord, trailsTable } from './records.ts';
import { shownSettings } from './shown-trail.ts';
import { checkTrailReference } from './trail-name.ts';
import { checkSettings, refuseWithoutGlobalEvents, settingMembers, settingNames } from './trail-settings.ts';
import { type Trail, trailTarget } from './trail-target.ts';
import { refuseCrowding, sameTrail, trailsOf } from './trails.ts';

/** Members that the request leaves out stay as they are. An empty prefix takes the prefix away. */
export const updateTrail: CloudTrailOperation<UpdateTrailRequest, UpdateTrailResponse, { trail: Trail }> = {
  name: 'UpdateTrail',
  input: structure<UpdateTrailRequest>({
    Name: required(text),
    S3BucketName: text,
    ...settingMembers,
  }),
  validate: (input) => {
    checkTrailReference(input.Name);
    checkSettings(input);
  },
  targets: {
    trail: trailTarget({
      permission: 'cloudtrail:UpdateTrail',
      trail: ({ Name }) => Name,
      from: 'home',
      // As GetTrail does: "Unknown trail: myTrail2 for the user" ("Error code and message log example", user guide).
      missing: ({ given }, accountId) => unknownTrail(given, accountId),
    }),
  },
  effect: 'change',
  audit: {
    readOnly: false,
    request: ['Name', 'S3BucketName', ...settingNames],
    response: (output) => output,
  },
  async handle({ input, targets: { trail }, transaction }) {
    const before = trail.record;
    const { keyPrefix = '', ...rest } = before;
    const prefix = input.S3KeyPrefix ?? keyPrefix;
    const after: TrailRecord = {
      ...rest,
      bucketName: input.S3BucketName ?? before.bucketName,
      ...(prefix === '' ? {} : { keyPrefix: prefix }),
      includeGlobalServiceEvents: input.IncludeGlobalServiceEvents ?? before.includeGlobalServiceEvents,
      isMultiRegion: input.IsMultiRegionTrail ?? before.isMultiRegion,
      logFileValidation: input.EnableLogFileValidation ?? before.logFileValidation,
      ...(input.RecursiveLogging === undefined ? {} : { recursiveLogging: input.RecursiveLogging }),
    };
    if (after.isMultiRegion && !after.includeGlobalServiceEvents) refuseWithoutGlobalEvents();
    if (after.isMultiRegion && !before.isMultiRegion) {
      const all = await trailsOf(transaction, before.accountId);
      refuseCrowding(
        after,
        all.filter((each) => !sameTrail(each, before)),
      );
    }
    await transaction.replace(trailsTable, trail.key, after, trail.version);
    return shownSettings(after);
  },
};
