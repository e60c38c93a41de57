import type { Tag as RequestTag } from '@aws-sdk/client-iam';
import type { Tag } from '../../keys/key.ts';
import { KeyholdError } from '../../runtime/errors.ts';
import type { ConditionTable } from '../condition-table.ts';
import type { ConditionRequest } from '../operation.ts';

/** The tags of identities. Unlike those of KMS keys, they are not told by the case of their keys. */

/** The tags that a new identity gets. */
export function newTags(requested: readonly RequestTag[] | undefined): readonly Tag[] {
  const tags = (requested ?? []).map(({ Key = '', Value = '' }) => ({ key: Key, value: Value }));
  const keys = new Set(tags.map(({ key }) => key.toLowerCase()));
  if (keys.size < tags.length) {
    throw new KeyholdError(
      'InvalidInputException',
      'Duplicate tag keys found. Please note that Tag keys are case insensitive.',
    );
  }
  return tags;
}

/** `aws:RequestTag/…` and `aws:TagKeys` of a request that brings tags. */
export function requestTagConditions<Input>(
  tagsOf: (input: Input) => readonly RequestTag[] | undefined,
): ConditionTable<ConditionRequest<Input, unknown>> {
  return {
    'aws:TagKeys': ({ input }) => tagsOf(input)?.map(({ Key = '' }) => Key),
    'aws:RequestTag/${TagKey}': ({ input }, tagKey) => {
      const wanted = tagKey.toLowerCase();
      const tag = tagsOf(input)?.find(({ Key = '' }) => Key.toLowerCase() === wanted);
      return tag && [tag.Value ?? ''];
    },
  };
}
