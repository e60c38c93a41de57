import type { Tag as ShownTag } from '@aws-sdk/client-cloudwatch';
import type { Tag } from '../../../keys/key.ts';
import { KeyholdError } from '../../../runtime/errors.ts';

/** "You can associate as many as 50 tags with an alarm" (API reference of PutMetricAlarm). */
const MOST_TAGS = 50;

/** Each requested tag takes the place of the one that has its key, in the same case; the others come last. */
export function withTags(tags: readonly Tag[], requested: readonly ShownTag[]): readonly Tag[] {
  const merged = new Map(tags.map((tag) => [tag.key, tag]));
  const seen = new Set<string>();
  for (const { Key: key = '', Value: value = '' } of requested) {
    if (seen.has(key)) throw refusal(`The tag key ${key} is given more than once.`);
    if (key.toLowerCase().startsWith('aws:')) throw refusal('Tag keys that begin with aws: are reserved for AWS use.');
    seen.add(key);
    merged.set(key, { key, value });
  }
  if (merged.size > MOST_TAGS) throw refusal(`An alarm cannot have more than ${MOST_TAGS} tags.`);
  return [...merged.values()];
}

/** Keys that no tag has are no mistake. */
export function withoutTags(tags: readonly Tag[], keys: readonly string[]): readonly Tag[] {
  return tags.filter(({ key }) => !keys.includes(key));
}

function refusal(message: string): KeyholdError {
  return new KeyholdError('InvalidParameterValueException', message);
}
