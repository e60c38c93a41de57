import type { CreateAliasRequest, CreateGrantRequest, CreateKeyRequest } from '@aws-sdk/client-kms';
import { parsePolicy } from '../../authorization/index.ts';
import { isKeyPairSpec } from '../../crypto/key-pair.ts';
import { keySpecs } from '../../crypto/key-specs.ts';
import { MOST_KEY_POLICY_BYTES } from '../../keys/key.ts';
import { KeyholdError } from '../../runtime/errors.ts';
import * as iam from '../../wire/iam-shapes.ts';
import * as kms from '../../wire/kms-shapes.ts';
import { boolean, enumeration, type Pattern, string } from '../../wire/shapes.ts';
import { checkManagedDocument } from '../iam/policies/policy-versions.ts';
import { checkProviderUrl } from '../iam/providers/provider-rules.ts';
import { refuseLargerTrustPolicy } from '../iam/roles/trust-policy.ts';
import { createAlias } from '../kms/create-alias.ts';
import { createGrant } from '../kms/create-grant.ts';
import { createKey } from '../kms/create-key.ts';
import { readTags } from '../kms/tag-rules.ts';
import { providerName } from '../sts/web-identity/provider-url.ts';
import {
  judged,
  mapping,
  member,
  named,
  needed,
  optional,
  policyDocument,
  type Read,
  readYaml,
  refusedAt,
  scalar,
  secret,
  several,
} from '../yaml-entries.ts';

/** What a seed file declares, judged as far as it can be from the file alone (`docs/seed.md`). */

const digits: Pattern = { printed: '\\d{12}', matches: /^\d{12}$/ };
const accountId = string({ min: 12, max: 12, pattern: digits });
const accountName = string({ min: 1, max: 50, pattern: { printed: '[ -~]+', matches: /^[ -~]+$/ } });
/** Only these are long-term credentials: those of sessions begin otherwise. */
const accessKeyId = string({ pattern: { printed: 'AKIA[A-Z0-9]{16}', matches: /^AKIA[A-Z0-9]{16}$/ } });
const keyIdCharacters: Pattern = {
  printed: '[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|mrk-[0-9a-f]{32}',
  matches: /^(?:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|mrk-[0-9a-f]{32})$/,
};
const keyId = string({ pattern: keyIdCharacters });
const USUAL_REGION = 'us-east-1';

const identityPolicy = judged(policyDocument, (text) => parsePolicy(text, 'identity'));
const inlinePolicies = named(iam.policyName, identityPolicy);
const iamTags = named(iam.tagKey, member(iam.tagValue));

const bearer = {
  policies: inlinePolicies,
  managedPolicies: several(member(iam.arn), (arn) => arn),
};

const managedPolicy = mapping({
  name: needed(member(iam.policyName)),
  path: optional(member(iam.policyPath)),
  description: optional(member(iam.policyDescription)),
  document: needed(judged(policyDocument, checkManagedDocument)),
  tags: iamTags,
});

const group = mapping({ name: needed(member(iam.groupName)), path: optional(member(iam.path)), ...bearer });

const accessKey = mapping({
  id: needed(member(accessKeyId)),
  secret: needed(secret(/^[A-Za-z0-9/+=]{40}$/, '40 letters, digits, slashes, plus and equals signs')),
  status: optional(member(enumeration(['Active', 'Inactive']))),
});

const user = mapping({
  name: needed(member(iam.userName)),
  path: optional(member(iam.path)),
  tags: iamTags,
  groups: several(member(iam.groupName), (name) => name.toLowerCase()),
  ...bearer,
  permissionsBoundary: optional(member(iam.arn)),
  accessKeys: several(accessKey, ({ id }) => id),
});

const role = mapping({
  name: needed(member(iam.roleName)),
  path: optional(member(iam.path)),
  description: optional(member(iam.roleDescription)),
  trustPolicy: needed(
    judged(policyDocument, (text) => {
      parsePolicy(text, 'trust');
      refuseLargerTrustPolicy(text);
    }),
  ),
  maxSessionDuration: optional(member(iam.maxSessionDuration)),
  tags: iamTags,
  ...bearer,
  permissionsBoundary: optional(member(iam.arn)),
});

const oidcProvider = mapping({
  url: needed(judged(member(iam.oidcProviderUrl), checkProviderUrl)),
  clientIds: several(member(iam.clientId), (id) => id),
  thumbprints: several(member(iam.thumbprint), (print) => print.toLowerCase()),
  tags: iamTags,
});

const context = named(string({ min: 1 }), member(string()));

const grant = mapping({
  /** What tells it from others: a grant is made anew when its terms have changed. */
  name: needed(member(kms.grantName)),
  grantee: optional(member(kms.principal)),
  granteeService: optional(member(kms.principal)),
  retiring: optional(member(kms.principal)),
  retiringService: optional(member(kms.principal)),
  operations: several(member(string({ min: 1, max: 64 }))),
  encryptionContextEquals: optional(context.read),
  encryptionContextSubset: optional(context.read),
  sourceArn: optional(member(string({ min: 20, max: 512 }))),
});

/** A period in days as the API takes it, or none. */
const rotation: Read<number | false> = (entry) =>
  scalar(entry) === false ? false : member(kms.rotationPeriodInDays)(entry);

const key = mapping({
  id: needed(member(keyId)),
  region: optional(member(kms.region)),
  spec: optional(member(kms.keySpec)),
  usage: optional(member(kms.keyUsage)),
  description: optional(member(kms.description)),
  policy: optional(
    judged(policyDocument, (text) => {
      parsePolicy(text, 'resource');
      if (Buffer.byteLength(text) <= MOST_KEY_POLICY_BYTES) return;
      throw new KeyholdError('LimitExceededException', `A key policy can have ${MOST_KEY_POLICY_BYTES} bytes at most.`);
    }),
  ),
  bypassPolicyLockoutSafetyCheck: optional(member(boolean())),
  tags: named(string({ min: 1, max: 128 }), member(string({ max: 256 }))),
  enabled: optional(member(boolean())),
  rotation: optional(rotation),
  /** Base64, of the sandbox only. */
  material: optional(secret(/^[A-Za-z0-9+/]+={0,2}$/, 'key material in base64')),
  aliases: several(member(kms.aliasName), (name) => name),
  grants: several(grant, ({ name }) => name),
});

const account = mapping({
  id: needed(member(accountId)),
  name: optional(member(accountName)),
  managedPolicies: several(managedPolicy, nameInLowerCase),
  groups: several(group, nameInLowerCase),
  users: several(user, nameInLowerCase),
  roles: several(role, nameInLowerCase),
  oidcProviders: several(oidcProvider, ({ url }) => providerName(url)),
  keys: several(key, ({ id, region }) => `${region ?? USUAL_REGION}/${id}`),
});

const file = mapping({ accounts: several(account, ({ id }) => id) });

type Reading<R> = R extends Read<infer T> ? T : never;
export type Seed = Reading<typeof file>;
export type SeedAccount = Reading<typeof account>;
export type SeedManagedPolicy = Reading<typeof managedPolicy>;
export type SeedGroup = Reading<typeof group>;
export type SeedUser = Reading<typeof user>;
export type SeedRole = Reading<typeof role>;
export type SeedOidcProvider = Reading<typeof oidcProvider>;
export type SeedKey = Reading<typeof key>;
export type SeedGrant = Reading<typeof grant>;

/** IAM does not tell names by their case. */
function nameInLowerCase({ name }: { readonly name: string }): string {
  return name.toLowerCase();
}

/**
 * Reads a seed file, and judges all that can be judged without the data directory.
 *
 * @param name as messages call the file
 * @param sandbox where key material may be given
 * @throws KeyholdError StartupRefused with file, line, column and path of the entry
 */
export function readSeed(name: string, text: string, sandbox: boolean): Seed {
  const seed = readYaml(name, text, file);
  const owners = new Map<string, string>();
  for (const { id: owner, keys, users } of seed.accounts) {
    for (const entry of keys) {
      claim(owners, `${regionOf(entry)}/${entry.id}`, owner, () =>
        refusedAt(entry.at, `the key id ${entry.id} is there twice`),
      );
      // Keys with one such id in several Regions are related, and one of them is the primary: a seed makes primaries.
      if (entry.id.startsWith('mrk-')) {
        claim(owners, entry.id, owner, () => refusedAt(entry.at, `the multi-Region key id ${entry.id} is there twice`));
      }
      judgeKey(entry, sandbox);
    }
    for (const { accessKeys } of users) {
      for (const { id, at } of accessKeys) {
        claim(owners, id, owner, () => refusedAt(at, `the access key id ${id} is there twice`));
      }
    }
  }
  return seed;
}

function claim(owners: Map<string, string>, id: string, owner: string, refusal: () => KeyholdError): void {
  if (owners.has(id)) throw refusal();
  owners.set(id, owner);
}

/** Whether the file is one that only its owner should read. */
export function holdsSecrets({ accounts }: Seed): boolean {
  return accounts.some(
    ({ users, keys }) =>
      users.some(({ accessKeys }) => accessKeys.length > 0) || keys.some(({ material }) => material !== undefined),
  );
}

export function regionOf({ region }: SeedKey): string {
  return region ?? USUAL_REGION;
}

/** The requests that make a key, its aliases and its grants, each judged by the operation's own declaration. */
function judgeKey(entry: SeedKey, sandbox: boolean): void {
  judgeRequest(entry, createKey, createKeyRequest(entry));
  judged(
    () => entry.tags,
    (tags) => readTags(tags.map(({ name, value }) => ({ TagKey: name, TagValue: value }))),
  )(entry.at);
  for (const alias of entry.aliases) judgeRequest(entry, createAlias, createAliasRequest(entry.id, alias));
  for (const each of entry.grants) judgeRequest(each, createGrant, createGrantRequest(entry.id, each));
  if (entry.material === undefined) return;
  if (!sandbox)
    throw refusedAt(entry.at, 'material is for the sandbox only: elsewhere a key makes its own, or imports it');
  judgeMaterial(entry, Buffer.from(entry.material, 'base64').length);
}

function judgeRequest<Request extends object>(
  { at }: { readonly at: Parameters<typeof refusedAt>[0] },
  { input, validate }: { input: { parse(json: unknown): unknown }; validate?: (input: never) => void },
  request: Request,
): void {
  judged(
    () => request,
    () => validate?.(input.parse(request) as never),
  )(at);
}

function judgeMaterial({ at, spec = 'SYMMETRIC_DEFAULT' }: SeedKey, bytes: number): void {
  const { materialBytes } = keySpecs[spec];
  if (materialBytes === undefined || isKeyPairSpec(spec)) return;
  const { least, most } = materialBytes;
  if (bytes >= least && bytes <= most) return;
  throw refusedAt(at, `material of ${spec} has ${least === most ? least : `${least} to ${most}`} bytes, not ${bytes}`);
}

export function createKeyRequest(entry: SeedKey): CreateKeyRequest {
  const { spec, usage, description, tags, id } = entry;
  return {
    ...(spec === undefined ? {} : { KeySpec: spec }),
    ...(usage === undefined ? {} : { KeyUsage: usage }),
    ...(description === undefined ? {} : { Description: description }),
    ...(tags.length === 0 ? {} : { Tags: tags.map(({ name, value }) => ({ TagKey: name, TagValue: value })) }),
    ...(id.startsWith('mrk-') ? { MultiRegion: true } : {}),
  };
}

export function createAliasRequest(keyId: string, alias: string): CreateAliasRequest {
  return { AliasName: alias, TargetKeyId: keyId };
}

export function createGrantRequest(keyId: string, entry: SeedGrant): CreateGrantRequest {
  const { encryptionContextEquals: equals, encryptionContextSubset: subset, sourceArn } = entry;
  const constrained = equals !== undefined || subset !== undefined || sourceArn !== undefined;
  const constraints = {
    ...(equals === undefined ? {} : { EncryptionContextEquals: contextOf(equals) }),
    ...(subset === undefined ? {} : { EncryptionContextSubset: contextOf(subset) }),
    ...(sourceArn === undefined ? {} : { SourceArn: sourceArn }),
  };
  return {
    KeyId: keyId,
    Name: entry.name,
    Operations: [...entry.operations] as CreateGrantRequest['Operations'],
    ...(entry.grantee === undefined ? {} : { GranteePrincipal: entry.grantee }),
    ...(entry.granteeService === undefined ? {} : { GranteeServicePrincipal: entry.granteeService }),
    ...(entry.retiring === undefined ? {} : { RetiringPrincipal: entry.retiring }),
    ...(entry.retiringService === undefined ? {} : { RetiringServicePrincipal: entry.retiringService }),
    ...(constrained ? { Constraints: constraints } : {}),
  };
}

function contextOf(pairs: readonly { readonly name: string; readonly value: string }[]): Record<string, string> {
  return Object.fromEntries(pairs.map(({ name, value }) => [name, value]));
}
