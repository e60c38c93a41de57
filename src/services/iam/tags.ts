import type { Tag as ShownTag } from '@aws-sdk/client-iam';
import type { Tag } from '../../keys/key.ts';
import { KeyholdError } from '../../runtime/errors.ts';
import type { ConditionTable } from '../condition-table.ts';
import type { ConditionRequest, Target } from '../operation.ts';

/** The tags of what IAM has. */

/**
 * Whether tags are told by the case of their keys. Those of users and roles are not, though it is kept; those of
 * everything else are ("Case sensitivity", "Tags for IAM resources", IAM user guide).
 */
export type TagKeyCase = 'ignored' | 'told';

/** "Maximum number of tags per resource" ("IAM and AWS STS quotas", IAM user guide). */
const MOST_TAGS = 50;

/** The tags that something new gets. */
export function newTags(requested: readonly ShownTag[] | undefined, keyCase: TagKeyCase): readonly Tag[] {
  const tags = readTags(requested);
  if (new Set(tags.map(({ key }) => tagIdentity(key, keyCase))).size < tags.length) {
    const note = keyCase === 'ignored' ? ' Please note that Tag keys are case insensitive.' : '';
    throw new KeyholdError('InvalidInputException', `Duplicate tag keys found.${note}`);
  }
  if (tags.some(({ key }) => folded(key).startsWith('aws:'))) {
    throw new KeyholdError('InvalidInputException', 'Tag keys that begin with aws: are reserved for AWS use.');
  }
  return tags;
}

/** Each requested tag takes the place of the one that has its key; the others come last. */
export function withTags(tags: readonly Tag[], requested: readonly ShownTag[], keyCase: TagKeyCase): readonly Tag[] {
  const merged = new Map(tags.map((tag) => [tagIdentity(tag.key, keyCase), tag]));
  for (const tag of newTags(requested, keyCase)) merged.set(tagIdentity(tag.key, keyCase), tag);
  if (merged.size > MOST_TAGS) {
    throw new KeyholdError('LimitExceededException', 'The number of tags has reached the maximum limit.');
  }
  return [...merged.values()];
}

/** Keys that no tag has are no mistake. */
export function withoutTags(tags: readonly Tag[], keys: readonly string[], keyCase: TagKeyCase): readonly Tag[] {
  const gone = new Set(keys.map((key) => tagIdentity(key, keyCase)));
  return tags.filter(({ key }) => !gone.has(tagIdentity(key, keyCase)));
}

/** The values of a tag that a condition key names, which policies may write in any case: more than one where case tells. */
export function valuesOfTag(tags: readonly Tag[], tagKey: string): readonly string[] | undefined {
  const wanted = folded(tagKey);
  const values = tags.filter(({ key }) => folded(key) === wanted).map(({ value }) => value);
  return values.length === 0 ? undefined : values;
}

export function shownTags(tags: readonly Tag[]): ShownTag[] {
  return tags.map(({ key, value }) => ({ Key: key, Value: value }));
}

/** `aws:RequestTag/…` and `aws:TagKeys` of a request that brings tags. */
export function requestTagConditions<Input>(
  tagsOf: (input: Input) => readonly ShownTag[] | undefined,
): ConditionTable<ConditionRequest<Input, unknown>> {
  return {
    ...tagKeyConditions((input: Input) => tagsOf(input)?.map(({ Key = '' }) => Key)),
    'aws:RequestTag/${TagKey}': ({ input }, tagKey) => valuesOfTag(readTags(tagsOf(input)), tagKey),
  };
}

/**
 * The further permission on something new that gets tags at once, such as `iam:TagUser`: without it, whoever may make users
 * could give them tags that policies trust ("Controlling access to and for IAM users and roles using tags", IAM user guide).
 */
export function taggingTarget<Input extends { readonly Tags?: readonly ShownTag[] | undefined }, Resolved, Ports>(
  target: Target<Input, Resolved, Ports>,
): Target<Input, Resolved, Ports> {
  return { ...target, applies: ({ Tags = [] }) => Tags.length > 0 };
}

/** `aws:TagKeys` of a request that names tags alone. */
export function tagKeyConditions<Input>(
  keysOf: (input: Input) => readonly string[] | undefined,
): ConditionTable<ConditionRequest<Input, unknown>> {
  return { 'aws:TagKeys': ({ input }) => keysOf(input) };
}

function readTags(requested: readonly ShownTag[] | undefined): Tag[] {
  return (requested ?? []).map(({ Key = '', Value = '' }) => ({ key: Key, value: Value }));
}

/** What no other tag of the same thing has. */
function tagIdentity(key: string, keyCase: TagKeyCase): string {
  return keyCase === 'ignored' ? folded(key) : key;
}

function folded(key: string): string {
  return key.toLowerCase();
}
