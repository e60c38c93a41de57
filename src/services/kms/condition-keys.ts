import type { EncryptionContext } from '../../crypto/ciphertext.ts';
import type { Tag } from '../../keys/key.ts';
import { multiRegionKeyType } from '../../keys/multi-region.ts';
import type { Scope } from '../caller.ts';
import { viaServiceName } from '../service-names.ts';
import type { ResolvedKey } from './key-reference.ts';

/**
 * The values of the condition keys that describe a key (AWS KMS developer guide, "Condition keys for AWS KMS"); `key` is
 * in lower case. Undefined means that the request does not have the condition key.
 */
export function keyCondition(key: string, resolved: ResolvedKey, scope: Scope): readonly string[] | undefined {
  const loaded = resolved.key;
  switch (key) {
    case 'kms:calleraccount':
      return [scope.caller.principal.accountId];
    case 'kms:viaservice':
      return scope.viaService === undefined ? undefined : [viaServiceName(scope.viaService, scope.region)];
    case 'kms:requestalias':
      return resolved.requestAlias === undefined ? undefined : [resolved.requestAlias];
    case 'kms:resourcealiases':
      return loaded && loaded.aliases.length > 0 ? loaded.aliases : undefined;
    default:
      if (key.startsWith(RESOURCE_TAG)) return tagValue(key.slice(RESOURCE_TAG.length), resolved);
      return loaded && kindCondition(key, { ...loaded.record, multiRegionKeyType: multiRegionKeyType(loaded.record) });
  }
}

/** What kind of key it is, or is to be. */
export interface KeyKind {
  readonly keySpec: string;
  readonly keyUsage: string;
  readonly origin: string;
  /** Undefined for single-Region keys. */
  readonly multiRegionKeyType: 'PRIMARY' | 'REPLICA' | undefined;
}

/** The condition keys that tell what kind of key a request works on, or makes. */
export function kindCondition(key: string, kind: KeyKind): readonly string[] | undefined {
  switch (key) {
    case 'kms:keyspec':
    case 'kms:customermasterkeyspec':
      return [kind.keySpec];
    case 'kms:keyusage':
    case 'kms:customermasterkeyusage':
      return [kind.keyUsage];
    case 'kms:keyorigin':
      return [kind.origin];
    case 'kms:multiregion':
      return [String(kind.multiRegionKeyType !== undefined)];
    case 'kms:multiregionkeytype':
      return kind.multiRegionKeyType && [kind.multiRegionKeyType];
    default:
      return undefined;
  }
}

const RESOURCE_TAG = 'aws:resourcetag/';

/**
 * Tag keys in conditions are matched without regard to case ("Controlling access using tags", IAM user guide), but a key
 * can have tags that differ in nothing else. All their values are given then, and where those disagree the policy engine
 * cannot tell and refuses: with one of them, whichever it is, a tag beside the one that a policy means could stand in
 * for it.
 */
function tagValue(lowerCaseTagKey: string, resolved: ResolvedKey): readonly string[] | undefined {
  return valuesOfTag(resolved.key?.record.tags ?? [], lowerCaseTagKey);
}

function valuesOfTag(tags: readonly Tag[], lowerCaseKey: string): readonly string[] | undefined {
  const values = tags.filter(({ key }) => key.toLowerCase() === lowerCaseKey).map(({ value }) => value);
  return values.length === 0 ? undefined : values;
}

const CONTEXT_KEYS = 'kms:encryptioncontextkeys';
const CONTEXT_PAIR = 'kms:encryptioncontext:';

/** `kms:EncryptionContext:name`, whose name keeps its case, and `kms:EncryptionContextKeys`. */
export function encryptionContextCondition(
  key: string,
  context: EncryptionContext | undefined,
): readonly string[] | undefined {
  if (context === undefined) return undefined;
  if (key === CONTEXT_KEYS) return Object.keys(context);
  if (!key.startsWith(CONTEXT_PAIR)) return undefined;
  const name = key.slice(CONTEXT_PAIR.length);
  return Object.hasOwn(context, name) ? [context[name] as string] : undefined;
}

/** `aws:RequestTag/…` and `aws:TagKeys` of a request that brings tags. */
export function requestTagConditions<Input>(tagsOf: (input: Input) => readonly RequestTag[] | undefined) {
  return (key: string, input: Input): readonly string[] | undefined => {
    const tags = tagsOf(input);
    if (tags === undefined) return undefined;
    if (key === 'aws:tagkeys') return tags.map((tag) => tag.TagKey as string);
    if (!key.startsWith(REQUEST_TAG)) return undefined;
    const named = tags.map(({ TagKey = '', TagValue = '' }) => ({ key: TagKey, value: TagValue }));
    return valuesOfTag(named, key.slice(REQUEST_TAG.length));
  };
}

const REQUEST_TAG = 'aws:requesttag/';

interface RequestTag {
  readonly TagKey: string | undefined;
  readonly TagValue: string | undefined;
}
