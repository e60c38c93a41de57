import type { Tag as WireTag } from '@aws-sdk/client-kms';
import { MOST_TAGS_PER_KEY, type Tag } from '../../keys/key.ts';
import { KeyholdError } from '../../runtime/errors.ts';
import type { Input } from '../../wire/shapes.ts';

/** Tags as they are kept: in the order of their keys. Throws TagException for what AWS does not take ("Tag", API reference). */
export function readTags(wire: readonly Input<WireTag>[]): Tag[] {
  const tags = wire.map(({ TagKey, TagValue }) => ({ key: TagKey, value: TagValue }));
  if (new Set(tags.map(({ key }) => key)).size < tags.length) throw tagException('Duplicate tag keys');
  // So many at once can never do, whatever the key has; AWS has another exception for what is too many with those.
  if (tags.length > MOST_TAGS_PER_KEY) throw tagException('Too many tags');
  for (const text of tags.flatMap(({ key, value }) => [key, value])) {
    if (text.toLowerCase().startsWith('aws:')) throw tagException('Tags beginning with aws: are reserved');
    if (!TAG_CHARACTERS.test(text)) throw tagException('Invalid tag');
  }
  return inOrder(tags);
}

/** "Tag naming conventions" of the Tag Editor's user guide. */
const TAG_CHARACTERS = /^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$/u;

/** The tags of a key after TagResource: values of keys that it had are replaced. */
export function mergeTags(existing: readonly Tag[], added: readonly Tag[]): Tag[] {
  const merged = new Map([...existing, ...added].map((tag) => [tag.key, tag]));
  if (merged.size > MOST_TAGS_PER_KEY) throw tooManyTags();
  return inOrder([...merged.values()]);
}

export function withoutTags(existing: readonly Tag[], keys: readonly string[]): Tag[] {
  const removed = new Set(keys);
  return existing.filter(({ key }) => !removed.has(key));
}

/** By UTF-16 code units: any order will do that never changes. */
function inOrder(tags: Tag[]): Tag[] {
  return tags.sort((a, b) => (a.key < b.key ? -1 : 1));
}

function tooManyTags(): KeyholdError {
  return new KeyholdError('LimitExceededException', `A key can have at most ${MOST_TAGS_PER_KEY} tags.`);
}

function tagException(message: string): KeyholdError {
  return new KeyholdError('TagException', message);
}
