import {
  type AliasListEntry,
  CreateAliasCommand,
  CreateGrantCommand,
  CreateKeyCommand,
  DeleteAliasCommand,
  DescribeKeyCommand,
  DisableKeyCommand,
  DisableKeyRotationCommand,
  EnableKeyCommand,
  EnableKeyRotationCommand,
  GetKeyPolicyCommand,
  GetKeyRotationStatusCommand,
  GetParametersForImportCommand,
  type GrantListEntry,
  type GrantOperation,
  ImportKeyMaterialCommand,
  type KeyMetadata,
  type KeySpec,
  type KeyUsageType,
  type KMSClient,
  KMSInvalidStateException,
  NotFoundException,
  PutKeyPolicyCommand,
  paginateListAliases,
  paginateListGrants,
  paginateListResourceTags,
  ReplicateKeyCommand,
  RetireGrantCommand,
  RevokeGrantCommand,
  ScheduleKeyDeletionCommand,
  TagResourceCommand,
  UntagResourceCommand,
  UpdateAliasCommand,
  UpdateKeyDescriptionCommand,
} from '@aws-sdk/client-kms';
import { expect } from 'vitest';
import { wrapWithOpenssl } from './wrap-with-openssl.ts';

/**
 * What Terraform's AWS provider asks of KMS, call for call, for each of its resources: to create, read, update and delete it.
 * Written from which calls the provider makes and what it compares (`internal/service/kms` of
 * hashicorp/terraform-provider-aws). It cannot be had from npm or Debian, so that the program itself does not run here; an SDK
 * sends the same requests.
 *
 * AWS is eventually consistent, so the provider reads after each change until several readings in a row show it, and gives
 * up after minutes. This server is consistent: all of as many readings at once must show a change as soon as it was
 * answered, over as many connections, whichever worker has them.
 */

export type Tags = Readonly<Record<string, string>>;

const READINGS_IN_A_ROW = 5;

/** The provider's waiting for propagation. */
async function propagated<T>(read: () => Promise<T>, wanted: T): Promise<void> {
  const readings = await Promise.all(Array.from({ length: READINGS_IN_A_ROW }, read));
  expect(readings).toEqual(readings.map(() => wanted));
}

/** How Go writes JSON: members in order, and what HTML has a meaning for escaped. It is what the provider sends of a policy. */
export function normalizedJson(text: string): string {
  const ordered = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(ordered);
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(
      Object.entries(value)
        .toSorted(([a], [b]) => (a < b ? -1 : 1))
        .map(([name, member]) => [name, ordered(member)]),
    );
  };
  const escaped = (character: string) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
  return JSON.stringify(ordered(JSON.parse(text))).replace(/[<>&\u2028\u2029]/g, escaped);
}

/** The attributes of `aws_kms_key`, or what they mean when they are left out. */
export interface KeyResource {
  readonly customer_master_key_spec: KeySpec;
  readonly key_usage: KeyUsageType;
  readonly description: string;
  readonly is_enabled: boolean;
  readonly enable_key_rotation: boolean;
  readonly rotation_period_in_days: number | undefined;
  readonly multi_region: boolean;
  readonly policy: string;
  readonly tags: Tags;
}

/** What a refresh reads of a key of any kind; undefined once it is gone, which it is when its deletion is scheduled. */
export interface KeyInfo {
  readonly metadata: KeyMetadata;
  readonly policy: string;
  readonly rotation: { readonly enabled: boolean | undefined; readonly periodDays: number | undefined };
  readonly tags: Tags;
}

async function findKey(kms: KMSClient, KeyId: string): Promise<KeyMetadata | undefined> {
  try {
    const { KeyMetadata: metadata } = await kms.send(new DescribeKeyCommand({ KeyId }));
    const gone = metadata?.KeyState === 'PendingDeletion' || metadata?.KeyState === 'PendingReplicaDeletion';
    return gone ? undefined : metadata;
  } catch (error) {
    if (error instanceof NotFoundException) return undefined;
    throw error;
  }
}

async function readPolicy(kms: KMSClient, KeyId: string): Promise<string> {
  const { Policy = '' } = await kms.send(new GetKeyPolicyCommand({ KeyId, PolicyName: 'default' }));
  return Policy;
}

async function readRotation(kms: KMSClient, KeyId: string) {
  const status = await kms.send(new GetKeyRotationStatusCommand({ KeyId }));
  return { enabled: status.KeyRotationEnabled, periodDays: status.RotationPeriodInDays };
}

async function readTags(kms: KMSClient, KeyId: string): Promise<Tags> {
  const tags: [string, string][] = [];
  for await (const page of paginateListResourceTags({ client: kms }, { KeyId })) {
    for (const { TagKey = '', TagValue = '' } of page.Tags ?? []) tags.push([TagKey, TagValue]);
  }
  return Object.fromEntries(tags);
}

export async function readKeyInfo(kms: KMSClient, id: string): Promise<KeyInfo | undefined> {
  const metadata = await findKey(kms, id);
  if (metadata === undefined) return undefined;
  const policy = await readPolicy(kms, id);
  // Whatever the key's spec is: AWS answers for asymmetric keys that they are not rotated, and the provider takes no error.
  const rotation =
    metadata.Origin === 'AWS_KMS' ? await readRotation(kms, id) : { enabled: undefined, periodDays: undefined };
  return { metadata, policy, rotation, tags: await readTags(kms, id) };
}

function tagList(tags: Tags) {
  return Object.entries(tags).map(([TagKey, TagValue]) => ({ TagKey, TagValue }));
}

/** The member of a request, which the provider leaves out where there are no tags. */
function withTags(tags: Tags) {
  return Object.keys(tags).length === 0 ? {} : { Tags: tagList(tags) };
}

export async function createKey(kms: KMSClient, resource: KeyResource): Promise<string> {
  const { KeyMetadata: metadata } = await kms.send(
    new CreateKeyCommand({
      BypassPolicyLockoutSafetyCheck: false,
      KeySpec: resource.customer_master_key_spec,
      KeyUsage: resource.key_usage,
      Policy: normalizedJson(resource.policy),
      ...(resource.description === '' ? {} : { Description: resource.description }),
      ...(resource.multi_region ? { MultiRegion: true } : {}),
      ...withTags(resource.tags),
    }),
  );
  const id = idOf(metadata);
  if (resource.enable_key_rotation) await updateRotation(kms, id, true, resource.rotation_period_in_days);
  if (!resource.is_enabled) await updateEnabled(kms, id, false);
  await policyPropagated(kms, id, resource.policy);
  await propagated(() => readTags(kms, id), resource.tags);
  return id;
}

export async function readKey(kms: KMSClient, id: string): Promise<KeyResource | undefined> {
  const info = await readKeyInfo(kms, id);
  if (info === undefined) return undefined;
  const { metadata, policy, rotation, tags } = info;
  return {
    customer_master_key_spec: metadata.KeySpec as KeySpec,
    key_usage: metadata.KeyUsage as KeyUsageType,
    description: metadata.Description ?? '',
    is_enabled: metadata.Enabled === true,
    enable_key_rotation: rotation.enabled === true,
    rotation_period_in_days: rotation.periodDays,
    multi_region: metadata.MultiRegion === true,
    policy,
    tags,
  };
}

/** From what was read to what is wanted, by the calls for what differs and no others. */
export async function updateKey(kms: KMSClient, id: string, from: KeyResource, to: KeyResource): Promise<void> {
  await updateTags(kms, id, from.tags, to.tags);
  if (!from.is_enabled && to.is_enabled) await updateEnabled(kms, id, true);
  const period = to.rotation_period_in_days;
  if (
    from.enable_key_rotation !== to.enable_key_rotation ||
    (to.enable_key_rotation && from.rotation_period_in_days !== period)
  ) {
    await updateRotation(kms, id, to.enable_key_rotation, period);
  }
  if (from.description !== to.description) await updateDescription(kms, id, to.description);
  if (normalizedJson(from.policy) !== normalizedJson(to.policy)) await updatePolicy(kms, id, to.policy);
  if (from.is_enabled && !to.is_enabled) await updateEnabled(kms, id, false);
}

export async function updateEnabled(kms: KMSClient, KeyId: string, enabled: boolean): Promise<void> {
  await (enabled ? kms.send(new EnableKeyCommand({ KeyId })) : kms.send(new DisableKeyCommand({ KeyId })));
  await propagated(async () => (await findKey(kms, KeyId))?.Enabled, enabled);
}

async function updateRotation(kms: KMSClient, KeyId: string, enabled: boolean, periodDays?: number): Promise<void> {
  const period = periodDays === undefined ? {} : { RotationPeriodInDays: periodDays };
  await (enabled
    ? kms.send(new EnableKeyRotationCommand({ KeyId, ...period }))
    : kms.send(new DisableKeyRotationCommand({ KeyId })));
  // A year is what AWS takes for a period that is not given.
  await propagated(() => readRotation(kms, KeyId), { enabled, periodDays: enabled ? (periodDays ?? 365) : undefined });
}

async function updateDescription(kms: KMSClient, KeyId: string, Description: string): Promise<void> {
  await kms.send(new UpdateKeyDescriptionCommand({ KeyId, Description }));
  await propagated(async () => (await findKey(kms, KeyId))?.Description, Description);
}

/** Also all that `aws_kms_key_policy` does. */
export async function updatePolicy(kms: KMSClient, KeyId: string, policy: string): Promise<void> {
  await kms.send(
    new PutKeyPolicyCommand({
      BypassPolicyLockoutSafetyCheck: false,
      KeyId,
      Policy: normalizedJson(policy),
      PolicyName: 'default',
    }),
  );
  await policyPropagated(kms, KeyId, policy);
}

/** The text that comes back is the one that was sent, not only one that means the same. */
async function policyPropagated(kms: KMSClient, KeyId: string, policy: string): Promise<void> {
  await propagated(() => readPolicy(kms, KeyId), normalizedJson(policy));
}

export async function updateTags(kms: KMSClient, KeyId: string, from: Tags, to: Tags): Promise<void> {
  const TagKeys = Object.keys(from).filter((key) => !Object.hasOwn(to, key));
  const updated = Object.fromEntries(Object.entries(to).filter(([key, value]) => from[key] !== value));
  if (TagKeys.length > 0) await kms.send(new UntagResourceCommand({ KeyId, TagKeys }));
  if (Object.keys(updated).length > 0) await kms.send(new TagResourceCommand({ KeyId, Tags: tagList(updated) }));
  await propagated(() => readTags(kms, KeyId), to);
}

/** Keys of any kind. Done when the key is gone, and not an error if it was already. */
export async function deleteKey(kms: KMSClient, KeyId: string, deletionWindowInDays?: number): Promise<void> {
  const window = deletionWindowInDays === undefined ? {} : { PendingWindowInDays: deletionWindowInDays };
  try {
    await kms.send(new ScheduleKeyDeletionCommand({ KeyId, ...window }));
  } catch (error) {
    if (error instanceof NotFoundException) return;
    if (error instanceof KMSInvalidStateException && error.message.includes('is pending deletion')) return;
    throw error;
  }
  await propagated(() => findKey(kms, KeyId), undefined);
}

/** What `aws_kms_replica_key` and `aws_kms_replica_external_key` are created with. */
export interface ReplicaResource {
  readonly primary_key_arn: string;
  readonly description: string;
  readonly policy: string;
  readonly tags: Tags;
}

/** Asked of the primary key's Region, awaited in the replica's. */
export async function createReplica(
  clientIn: (region: string) => KMSClient,
  region: string,
  { primary_key_arn, description, policy, tags }: ReplicaResource,
  awaitedState: 'Enabled' | 'PendingImport' = 'Enabled',
): Promise<string> {
  const [, , , primaryRegion = '', , resource = ''] = primary_key_arn.split(':');
  const { ReplicaKeyMetadata: metadata } = await clientIn(primaryRegion).send(
    new ReplicateKeyCommand({
      KeyId: resource.replace('key/', ''),
      ReplicaRegion: region,
      Description: description,
      // Here the provider sends the text as it stands in the configuration.
      Policy: policy,
      ...withTags(tags),
    }),
  );
  const id = idOf(metadata);
  const kms = clientIn(region);
  await propagated(async () => (await findKey(kms, id))?.KeyState, awaitedState);
  await propagated(() => readPolicy(kms, id), policy);
  await propagated(() => readTags(kms, id), tags);
  return id;
}

/** The attributes of `aws_kms_external_key` that concern its material. */
export interface MaterialResource {
  readonly key_material_base64: string;
  /** RFC 3339, or empty for material that does not expire. */
  readonly valid_to: string;
}

export async function createExternalKey(
  kms: KMSClient,
  { multi_region, policy, tags }: Pick<KeyResource, 'multi_region' | 'policy' | 'tags'>,
): Promise<string> {
  const { KeyMetadata: metadata } = await kms.send(
    new CreateKeyCommand({
      BypassPolicyLockoutSafetyCheck: false,
      KeyUsage: 'ENCRYPT_DECRYPT',
      Origin: 'EXTERNAL',
      Policy: normalizedJson(policy),
      ...(multi_region ? { MultiRegion: true } : {}),
      ...withTags(tags),
    }),
  );
  return idOf(metadata);
}

/** For external keys and replicas of theirs, when they are created and when `valid_to` changes. */
export async function importMaterial(kms: KMSClient, KeyId: string, material: MaterialResource): Promise<void> {
  const WrappingAlgorithm = 'RSAES_OAEP_SHA_256';
  const { ImportToken, PublicKey } = await kms.send(
    new GetParametersForImportCommand({ KeyId, WrappingAlgorithm, WrappingKeySpec: 'RSA_2048' }),
  );
  if (PublicKey === undefined) throw new Error('GetParametersForImport answers with a public key');
  const expiry =
    material.valid_to === ''
      ? { ExpirationModel: 'KEY_MATERIAL_DOES_NOT_EXPIRE' as const }
      : { ExpirationModel: 'KEY_MATERIAL_EXPIRES' as const, ValidTo: new Date(material.valid_to) };
  const bytes = Buffer.from(material.key_material_base64, 'base64');
  const EncryptedKeyMaterial = wrapWithOpenssl(PublicKey, WrappingAlgorithm, bytes);
  await kms.send(new ImportKeyMaterialCommand({ KeyId, ImportToken, EncryptedKeyMaterial, ...expiry }));
  await propagated(async () => /^(Enabled|Disabled)$/.test((await findKey(kms, KeyId))?.KeyState ?? ''), true);
  await propagated(async () => validTo(await findKey(kms, KeyId)), material.valid_to);
}

/** As the provider compares and keeps it: to the second. */
export function validTo(metadata: KeyMetadata | undefined): string {
  return metadata?.ValidTo?.toISOString().replace('.000Z', 'Z') ?? '';
}

export interface AliasResource {
  readonly name: string;
  /** A key id or ARN. */
  readonly target_key_id: string;
}

export async function createAlias(kms: KMSClient, { name, target_key_id }: AliasResource): Promise<void> {
  await kms.send(new CreateAliasCommand({ AliasName: name, TargetKeyId: target_key_id }));
}

/** The provider looks through all aliases of the account, page by page. */
export async function readAlias(kms: KMSClient, name: string): Promise<AliasListEntry | undefined> {
  for await (const page of paginateListAliases({ client: kms }, {})) {
    const found = page.Aliases?.find(({ AliasName }) => AliasName === name);
    if (found !== undefined) return found;
  }
  return undefined;
}

export async function updateAlias(kms: KMSClient, { name, target_key_id }: AliasResource): Promise<void> {
  await kms.send(new UpdateAliasCommand({ AliasName: name, TargetKeyId: target_key_id }));
}

export async function deleteAlias(kms: KMSClient, AliasName: string): Promise<void> {
  await unlessNotFound(kms.send(new DeleteAliasCommand({ AliasName })));
}

export interface GrantResource {
  readonly key_id: string;
  readonly name: string;
  readonly grantee_principal: string;
  readonly retiring_principal: string;
  readonly operations: readonly GrantOperation[];
  readonly constraints: {
    readonly encryption_context_equals?: Readonly<Record<string, string>>;
    readonly encryption_context_subset?: Readonly<Record<string, string>>;
  };
}

/** Answers with the grant's id and token. */
export async function createGrant(kms: KMSClient, resource: GrantResource) {
  const { GrantId = '', GrantToken = '' } = await kms.send(
    new CreateGrantCommand({
      GranteePrincipal: resource.grantee_principal,
      KeyId: resource.key_id,
      Operations: [...resource.operations],
      ...constraintsOf(resource),
      Name: resource.name,
      RetiringPrincipal: resource.retiring_principal,
    }),
  );
  return { GrantId, GrantToken };
}

/** Of two constraints, the one that is not configured goes along empty. */
function constraintsOf({ constraints }: GrantResource) {
  if (Object.keys(constraints).length === 0) return {};
  return {
    Constraints: {
      EncryptionContextEquals: { ...constraints.encryption_context_equals },
      EncryptionContextSubset: { ...constraints.encryption_context_subset },
    },
  };
}

async function findGrant(kms: KMSClient, KeyId: string, grantId: string): Promise<GrantListEntry | undefined> {
  const found: GrantListEntry[] = [];
  for await (const page of paginateListGrants({ client: kms }, { KeyId, Limit: 100 })) {
    found.push(...(page.Grants ?? []).filter(({ GrantId }) => GrantId === grantId));
  }
  expect(found.length).toBeLessThanOrEqual(1);
  return found[0];
}

export async function readGrant(kms: KMSClient, keyId: string, grantId: string): Promise<GrantResource | undefined> {
  const grant = await findGrant(kms, keyId, grantId);
  if (grant === undefined) return undefined;
  const { EncryptionContextEquals: equals = {}, EncryptionContextSubset: subset = {} } = grant.Constraints ?? {};
  return {
    key_id: keyId,
    name: grant.Name ?? '',
    grantee_principal: grant.GranteePrincipal ?? '',
    retiring_principal: grant.RetiringPrincipal ?? '',
    operations: grant.Operations ?? [],
    constraints: {
      ...(Object.keys(equals).length === 0 ? {} : { encryption_context_equals: equals }),
      ...(Object.keys(subset).length === 0 ? {} : { encryption_context_subset: subset }),
    },
  };
}

export async function deleteGrant(kms: KMSClient, KeyId: string, GrantId: string, retire: boolean): Promise<void> {
  const input = { KeyId, GrantId };
  await unlessNotFound(retire ? kms.send(new RetireGrantCommand(input)) : kms.send(new RevokeGrantCommand(input)));
  await propagated(() => findGrant(kms, KeyId, GrantId), undefined);
}

async function unlessNotFound(deleted: Promise<unknown>): Promise<void> {
  try {
    await deleted;
  } catch (error) {
    if (!(error instanceof NotFoundException)) throw error;
  }
}

function idOf(metadata: KeyMetadata | undefined): string {
  if (metadata?.KeyId === undefined) throw new Error('the answer describes the key');
  return metadata.KeyId;
}
