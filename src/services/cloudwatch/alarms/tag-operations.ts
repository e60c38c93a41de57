import type {
  ListTagsForResourceInput,
  ListTagsForResourceOutput,
  TagResourceInput,
  TagResourceOutput,
  UntagResourceInput,
  UntagResourceOutput,
} from '@aws-sdk/client-cloudwatch';
import type { Tag } from '../../../keys/key.ts';
import type { Transaction } from '../../../store/sealed-store.ts';
import { resourceArn, tagKeys, tags } from '../../../wire/alarm-shapes.ts';
import { required, structure } from '../../../wire/shapes.ts';
import { requestTagConditions, shownTags, tagKeyConditions } from '../../iam/tags.ts';
import type { CloudWatchOperation } from '../ports.ts';
import { alarmKey, alarmsTable } from './alarm-record.ts';
import { withoutTags, withTags } from './alarm-tags.ts';
import { type Alarm, taggedAlarmTarget } from './alarm-targets.ts';

/** The tags of alarms, which are what CloudWatch has here that can have tags. */

export const tagResource: CloudWatchOperation<TagResourceInput, TagResourceOutput, { alarm: Alarm }> = {
  name: 'TagResource',
  input: structure<TagResourceInput>({ ResourceARN: required(resourceArn), Tags: required(tags) }),
  validate: (input) => {
    withTags([], input.Tags);
  },
  targets: {
    alarm: taggedAlarmTarget({
      permission: 'cloudwatch:TagResource',
      conditions: requestTagConditions(({ Tags }) => Tags),
    }),
  },
  effect: 'change',
  audit: { readOnly: false, request: ['ResourceARN', 'Tags'] },
  async handle({ input, targets, transaction }) {
    await changeTags(transaction, targets.alarm, withTags(targets.alarm.record.tags, input.Tags));
    return {};
  },
};

export const untagResource: CloudWatchOperation<UntagResourceInput, UntagResourceOutput, { alarm: Alarm }> = {
  name: 'UntagResource',
  input: structure<UntagResourceInput>({ ResourceARN: required(resourceArn), TagKeys: required(tagKeys) }),
  targets: {
    alarm: taggedAlarmTarget({
      permission: 'cloudwatch:UntagResource',
      conditions: tagKeyConditions(({ TagKeys }) => TagKeys),
    }),
  },
  effect: 'change',
  audit: { readOnly: false, request: ['ResourceARN', 'TagKeys'] },
  async handle({ input, targets, transaction }) {
    await changeTags(transaction, targets.alarm, withoutTags(targets.alarm.record.tags, input.TagKeys));
    return {};
  },
};

export const listTagsForResource: CloudWatchOperation<
  ListTagsForResourceInput,
  ListTagsForResourceOutput,
  { alarm: Alarm }
> = {
  name: 'ListTagsForResource',
  input: structure<ListTagsForResourceInput>({ ResourceARN: required(resourceArn) }),
  targets: { alarm: taggedAlarmTarget({ permission: 'cloudwatch:ListTagsForResource' }) },
  effect: 'read',
  audit: { readOnly: true, request: ['ResourceARN'] },
  handle: ({ targets }) => ({ Tags: shownTags(targets.alarm.record.tags) }),
};

/** Tags are no configuration: neither the history nor the evaluation minds them. */
function changeTags(transaction: Transaction, { record, version }: Alarm, tags: readonly Tag[]): Promise<void> {
  return transaction.replace(alarmsTable, alarmKey(record), { ...record, tags }, version);
}
