import type { EncryptionContext } from '../../crypto/ciphertext.ts';
import type { Tag } from '../../keys/key.ts';
import { multiRegionKeyType } from '../../keys/multi-region.ts';
import type { Scope } from '../caller.ts';
import type { ConditionTable } from '../condition-table.ts';
import { viaServiceName } from '../service-names.ts';
import type { ResolvedKey } from './key-reference.ts';

/**
 * The condition keys that every request has, and those that describe the key that a request is about ("Condition keys for
 * AWS KMS", developer guide). What a single operation has besides stands in its own declaration.
 */

/** Of requests about a key, and of those about the account as a whole or an alias. */
export const callerConditions: ConditionTable<{ readonly scope: Scope }> = {
  'kms:CallerAccount': ({ scope }) => [scope.caller.principal.accountId],
};

export const keyConditions: ConditionTable<{ readonly resolved: ResolvedKey; readonly scope: Scope }> = {
  ...callerConditions,
  'kms:ViaService': ({ scope }) =>
    scope.viaService === undefined ? undefined : [viaServiceName(scope.viaService, scope.region)],
  'kms:RequestAlias': ({ resolved }) => present(resolved.requestAlias),
  'kms:ResourceAliases': ({ resolved: { key } }) => (key && key.aliases.length > 0 ? key.aliases : undefined),
  // Tag keys in conditions are matched without regard to case ("Controlling access using tags", IAM user guide), but a key
  // can have tags that differ in nothing else. All their values are given then, and where those disagree the policy engine
  // cannot tell and refuses: with one of them, whichever it is, a tag beside the one that a policy means could stand in for
  // it.
  'aws:ResourceTag/${TagKey}': ({ resolved }, tagKey) => valuesOfTag(resolved.key?.record.tags ?? [], tagKey),
  ...kindConditions<{ readonly resolved: ResolvedKey }>(
    ({ resolved: { key } }) => key && { ...key.record, multiRegionKeyType: multiRegionKeyType(key.record) },
  ),
};

/** What kind of key it is, or is to be. */
export interface KeyKind {
  readonly keySpec: string;
  readonly keyUsage: string;
  readonly origin: string;
  /** Undefined for single-Region keys. */
  readonly multiRegionKeyType: 'PRIMARY' | 'REPLICA' | undefined;
}

/** The condition keys that tell what kind of key a request works on, or makes. */
export function kindConditions<Request>(kindOf: (request: Request) => KeyKind | undefined): ConditionTable<Request> {
  const spec = (request: Request) => present(kindOf(request)?.keySpec);
  const usage = (request: Request) => present(kindOf(request)?.keyUsage);
  return {
    'kms:KeySpec': spec,
    'kms:CustomerMasterKeySpec': spec,
    'kms:KeyUsage': usage,
    'kms:CustomerMasterKeyUsage': usage,
    'kms:KeyOrigin': (request) => present(kindOf(request)?.origin),
    'kms:MultiRegion': (request) => {
      const kind = kindOf(request);
      return kind && [String(kind.multiRegionKeyType !== undefined)];
    },
    'kms:MultiRegionKeyType': (request) => present(kindOf(request)?.multiRegionKeyType),
  };
}

/** Of operations with an encryption context. The names of its pairs keep their case. */
export function contextConditions<Request>(
  contextOf: (request: Request) => EncryptionContext | undefined,
): ConditionTable<Request> {
  return {
    'kms:EncryptionContextKeys': (request) => {
      const context = contextOf(request);
      return context && Object.keys(context);
    },
    'kms:EncryptionContext:${EncryptionContextKey}': (request, name) => {
      const context = contextOf(request);
      return context !== undefined && Object.hasOwn(context, name) ? [context[name] as string] : undefined;
    },
  };
}

/** `aws:RequestTag/…` and `aws:TagKeys` of a request that brings tags. */
export function requestTagConditions<Request>(
  tagsOf: (request: Request) => readonly RequestTag[] | undefined,
): ConditionTable<Request> {
  return {
    'aws:TagKeys': (request) => tagsOf(request)?.map((tag) => tag.TagKey as string),
    'aws:RequestTag/${TagKey}': (request, tagKey) => {
      const tags = tagsOf(request);
      return (
        tags &&
        valuesOfTag(
          tags.map(({ TagKey = '', TagValue = '' }) => ({ key: TagKey, value: TagValue })),
          tagKey,
        )
      );
    },
  };
}

interface RequestTag {
  readonly TagKey: string | undefined;
  readonly TagValue: string | undefined;
}

/** Whether a service asks on behalf of the caller, for a resource of its own. Of CreateGrant, ListGrants and RevokeGrant. */
export const forAwsResource: ConditionTable<{ readonly scope: Scope }> = {
  'kms:GrantIsForAWSResource': ({ scope }) => [String(scope.viaService !== undefined)],
};

/**
 * Of requests whose answer is for a Nitro enclave: what its verified document says, in lower-case hex ("Condition keys for
 * Nitro Enclaves", developer guide). Undefined also where the document does not have the register.
 */
export const recipientConditions: ConditionTable<{ readonly resolved: Pick<ResolvedKey, 'recipient'> }> = {
  'kms:RecipientAttestation:ImageSha384': ({ resolved }) => present(resolved.recipient?.imageSha384),
  'kms:RecipientAttestation:PCR${PCR_ID}': ({ resolved }, register) =>
    PCR_ID.test(register) ? present(resolved.recipient?.pcrs.get(Number(register))) : undefined,
};

/** As policies write it: without leading zeros, signs or anything else that a number may be written with. */
const PCR_ID = /^(?:0|[1-9]\d?)$/;

/**
 * `kms:KeyMaterialId` of requests that name one of a key's materials. AWS's published reference does not have it yet; requests
 * that name none lack it.
 */
export function namedMaterial(input: { readonly KeyMaterialId?: string | undefined }): readonly string[] | undefined {
  return present(input.KeyMaterialId);
}

/** The values of a tag key that was written in any case. */
function valuesOfTag(tags: readonly Tag[], tagKey: string): readonly string[] | undefined {
  const wanted = tagKey.toLowerCase();
  const values = tags.filter(({ key }) => key.toLowerCase() === wanted).map(({ value }) => value);
  return values.length === 0 ? undefined : values;
}

function present(value: string | undefined): readonly string[] | undefined {
  return value === undefined ? undefined : [value];
}
