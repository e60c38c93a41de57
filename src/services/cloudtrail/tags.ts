import type { Tag as ShownTag } from '@aws-sdk/client-cloudtrail';
import type { Tag } from '../../keys/key.ts';
import type { Input } from '../../wire/shapes.ts';
import type { ConditionTable } from '../condition-table.ts';
import { requestTagConditions } from '../iam/tags.ts';
import type { ConditionRequest } from '../operation.ts';
import { refuse } from './errors.ts';

type RequestedTag = Input<ShownTag>;

const MOST_TAGS = 50;
const TAG_CHARACTERS = /^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$/u;

/** Throws InvalidTagParameterException for what AWS does not take ("Tag", API reference). A tag need not have a value. */
export function readTags(requested: readonly RequestedTag[]): Tag[] {
  const tags = requested.map(({ Key, Value = '' }) => ({ key: Key, value: Value }));
  if (new Set(tags.map(({ key }) => key)).size < tags.length) {
    refuse('InvalidTagParameterException', 'A tag key is given more than once.');
  }
  for (const { key, value } of tags) {
    if (key.toLowerCase().startsWith('aws:')) {
      refuse('InvalidTagParameterException', 'Tag keys that begin with aws: are reserved for AWS use.');
    }
    if (!TAG_CHARACTERS.test(key) || !TAG_CHARACTERS.test(value)) {
      refuse('InvalidTagParameterException', `Tag key or value has characters that are not allowed: ${key}`);
    }
  }
  return tags;
}

/** Each requested tag takes the place of the one that has its key. Throws TagsLimitExceededException. */
export function withTags(tags: readonly Tag[], added: readonly Tag[]): Tag[] {
  const merged = new Map([...tags, ...added].map((tag) => [tag.key, tag]));
  if (merged.size > MOST_TAGS) {
    refuse('TagsLimitExceededException', `The number of tags exceeds the limit of ${MOST_TAGS} tags.`);
  }
  return [...merged.values()];
}

/** Tags that are not there are no mistake; one that is named with another value than it has stays. */
export function withoutTags(tags: readonly Tag[], removed: readonly RequestedTag[]): Tag[] {
  return tags.filter(
    ({ key, value }) => !removed.some(({ Key, Value }) => Key === key && (Value === undefined || Value === value)),
  );
}

export function shownTags(tags: readonly Tag[]): ShownTag[] {
  return tags.map(({ key, value }) => ({ Key: key, ...(value === '' ? {} : { Value: value }) }));
}

/** `aws:RequestTag/…` and `aws:TagKeys`. */
export function tagConditions<Input>(
  tagsOf: (input: Input) => readonly RequestedTag[] | undefined,
): ConditionTable<ConditionRequest<Input, unknown>> {
  return requestTagConditions((input: Input) => tagsOf(input)?.map(({ Key, Value = '' }) => ({ Key, Value })));
}
