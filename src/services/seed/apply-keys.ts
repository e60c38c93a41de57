import { isDeepStrictEqual } from 'node:util';
import type { TagResourceRequest } from '@aws-sdk/client-kms';
import type { AuditIdentity, AuditResource } from '../../audit/record.ts';
import type { MaterialImport, NewMaterial } from '../../custody/contract.ts';
import type { GrantPrincipal, GrantRecord } from '../../keys/grant.ts';
import { type KeyIdentity, type KeyRecord, keyArn } from '../../keys/key.ts';
import { isDeleted } from '../../keys/lifecycle.ts';
import {
  aliasesTable,
  aliasRecordName,
  grantsPrefix,
  grantsTable,
  keyName,
  keyOwnerName,
  keyOwnersTable,
  keysTable,
  materialName,
  materialsTable,
  policiesTable,
} from '../../keys/tables.ts';
import { invariant, KeyholdError } from '../../runtime/errors.ts';
import type { Random } from '../../runtime/random.ts';
import type { Store, Transaction } from '../../store/sealed-store.ts';
import { parseJsonBody, serialise } from '../../wire/aws-json.ts';
import { attemptRecords } from '../attempt-records.ts';
import type { Attempt } from '../audit-record.ts';
import type { Scope } from '../caller.ts';
import { rootCaller } from '../iam/callers.ts';
import { documentToShow } from '../iam/principals.ts';
import { createGrant } from '../kms/create-grant.ts';
import { namesToShow } from '../kms/grant-principals.ts';
import { granteeOf, retiringPrincipalOf, termsOf } from '../kms/grant-rules.ts';
import type { KmsDependencies } from '../kms/index.ts';
import { kmsService } from '../kms/index.ts';
import { operatorOrigin } from '../operator-event.ts';
import { perform } from '../perform.ts';
import { refusedAt, refusingAt } from '../yaml-entries.ts';
import {
  createAliasRequest,
  createGrantRequest,
  createKeyRequest,
  regionOf,
  type SeedAccount,
  type SeedGrant,
  type SeedKey,
} from './seed-file.ts';

/**
 * The keys of a seed. They are made and changed by the operations that clients call, performed as the root of their account:
 * what AWS refuses root, a seed is refused. Where a seed says more than a client can, the id of a key and in the sandbox its
 * material, the operation gets that in the place of what it would have made by chance.
 */

export interface KeyChanges {
  readonly transaction: Transaction;
  readonly kms: KmsDependencies;
  readonly nowMs: number;
  /** Of this server. */
  readonly version: string;
  readonly identityOf: (accountId: string) => AuditIdentity;
  /** Gets the audit record of each operation that was performed. */
  readonly recorded: (recordJson: string) => void;
}

const GRANTS_AT_ONCE = 500;

export async function applyKeys(accounts: readonly SeedAccount[], changes: KeyChanges): Promise<void> {
  for (const { id, keys } of accounts) {
    for (const key of keys) await refusingAt(key.at, () => applyKey(id, key, changes));
  }
}

async function applyKey(accountId: string, entry: SeedKey, changes: KeyChanges): Promise<void> {
  const { transaction } = changes;
  const identity = { accountId, region: regionOf(entry), keyId: entry.id };
  const call = (operation: string, request: object, chosen: Partial<KmsDependencies> = {}) =>
    performAsRoot(identity, operation, request, { ...changes, kms: { ...changes.kms, ...chosen } });

  const owner = (await transaction.get(keyOwnersTable, keyOwnerName(identity.region, entry.id)))?.value.accountId;
  if (owner !== undefined && owner !== accountId) {
    throw refusedAt(entry.at, `the account ${owner} has a key of the id ${entry.id}`);
  }
  const material = adoptedMaterial(identity, entry, changes.kms.materialImport);
  const existing = await recordOf(identity, transaction);
  if (existing !== undefined && isDeleted(existing, changes.nowMs)) {
    throw refusedAt(entry.at, 'the deletion of the key is due: start once without the seed, and it is destroyed');
  }
  if (existing === undefined)
    await call('CreateKey', createKeyRequest(entry), chosenForKey(entry.id, material, changes));
  else await bringInLine(existing, entry, material, changes, call);
  await applyAliases(identity, entry, transaction, call);
  for (const grant of entry.grants) {
    await refusingAt(grant.at, () => applyGrant(identity, grant, transaction, call));
  }
  await applyRotation(entry, await present(identity, transaction), call);
  // The two that may take from root what it needs for the others.
  await applyPolicy(identity, entry, transaction, call);
  const { lifecycle } = await present(identity, transaction);
  if (entry.enabled === false && lifecycle.status !== 'Disabled') await call('DisableKey', { KeyId: entry.id });
}

type Call = (operation: string, request: object) => Promise<void>;

/** Id and material are what CreateKey asks chance for. */
function chosenForKey(keyId: string, material: NewMaterial | undefined, { kms }: KeyChanges): Partial<KmsDependencies> {
  // Of a multi-Region key, CreateKey makes the id of a UUID's digits.
  const random: Random = { bytes: (length) => kms.random.bytes(length), uuid: () => keyId.replace(/^mrk-/, '') };
  if (material === undefined) return { random };
  return { random, custody: { ...kms.custody, create: async () => material } };
}

function adoptedMaterial(
  identity: KeyIdentity,
  { material, spec = 'SYMMETRIC_DEFAULT', at }: SeedKey,
  materialImport: MaterialImport,
): NewMaterial | undefined {
  if (material === undefined) return undefined;
  const adopted = materialImport.adopt(identity, spec, Buffer.from(material, 'base64'));
  if (adopted === undefined) throw refusedAt(at, `its material is none for a key of the spec ${spec}`);
  return adopted;
}

/** What a key is for good is only compared. */
async function bringInLine(
  key: KeyRecord,
  entry: SeedKey,
  material: NewMaterial | undefined,
  { transaction }: KeyChanges,
  call: Call,
): Promise<void> {
  const { KeySpec = key.keySpec, KeyUsage = key.keyUsage } = createKeyRequest(entry);
  if (KeySpec !== key.keySpec || KeyUsage !== key.keyUsage) {
    throw refusedAt(entry.at, `the key is there with the spec ${key.keySpec} and the usage ${key.keyUsage}`);
  }
  if (material !== undefined) {
    const row = await transaction.get(materialsTable, materialName(key, material.materialId));
    if (row === undefined) throw refusedAt(entry.at, 'the key is there with other material, which is never replaced');
  }
  if (entry.enabled === true && key.lifecycle.status !== 'Enabled') await call('EnableKey', { KeyId: entry.id });
  if (entry.description !== undefined && entry.description !== key.description) {
    await call('UpdateKeyDescription', { KeyId: entry.id, Description: entry.description });
  }
  const values = new Map(key.tags.map(({ key: name, value }) => [name, value]));
  const Tags = entry.tags
    .filter(({ name, value }) => values.get(name) !== value)
    .map(({ name, value }) => ({ TagKey: name, TagValue: value }));
  if (Tags.length > 0) await call('TagResource', { KeyId: entry.id, Tags } satisfies TagResourceRequest);
}

async function applyRotation({ id, rotation }: SeedKey, key: KeyRecord, call: Call): Promise<void> {
  if (rotation === undefined || rotation === (key.rotation?.periodDays ?? false)) return;
  if (rotation === false) await call('DisableKeyRotation', { KeyId: id });
  else await call('EnableKeyRotation', { KeyId: id, RotationPeriodInDays: rotation });
}

async function applyPolicy(identity: KeyIdentity, entry: SeedKey, transaction: Transaction, call: Call): Promise<void> {
  const { id, policy, bypassPolicyLockoutSafetyCheck: bypass } = entry;
  if (policy === undefined) return;
  const current = (await transaction.get(policiesTable, keyName(identity)))?.value;
  // One that names somebody who was deleted, and is there again, is saved anew: it is to mean who has the name now.
  if (current && (await documentToShow(current.policy, current.principalIds ?? {}, transaction)) === policy) return;
  const more = bypass === undefined ? {} : { BypassPolicyLockoutSafetyCheck: bypass };
  await call('PutKeyPolicy', { KeyId: id, Policy: policy, ...more });
}

async function applyAliases(
  identity: KeyIdentity,
  entry: SeedKey,
  transaction: Transaction,
  call: Call,
): Promise<void> {
  for (const alias of entry.aliases) {
    const target = (await transaction.get(aliasesTable, aliasRecordName(identity, alias)))?.value.targetKeyId;
    if (target === entry.id) continue;
    const isHeld = target !== undefined && (await recordOf({ ...identity, keyId: target }, transaction)) !== undefined;
    await call(isHeld ? 'UpdateAlias' : 'CreateAlias', createAliasRequest(entry.id, alias));
  }
}

/** Grants never change: one whose terms are others now is revoked, and made anew under its name. */
async function applyGrant(
  identity: KeyIdentity,
  entry: SeedGrant,
  transaction: Transaction,
  call: Call,
): Promise<void> {
  const request = createGrantRequest(identity.keyId, entry);
  const wanted = saidOf(createGrant.input.parse(request));
  const former = await grantsNamed(entry.name, identity, transaction);
  const nameOf = await namesToShow(former, transaction);
  if (former.some((grant) => isDeepStrictEqual(saidIn(grant, nameOf), wanted))) return;
  for (const { grantId } of former) await call('RevokeGrant', { KeyId: identity.keyId, GrantId: grantId });
  await call('CreateGrant', request);
}

/** What the author of a grant said, in a form that can be compared. */
function saidOf(request: Parameters<typeof termsOf>[0]): object {
  const { operations, constraints } = termsOf(request);
  return {
    grantee: granteeOf(request),
    retiring: retiringPrincipalOf(request),
    operations: [...operations].sort(),
    constraints: { ...constraints },
  };
}

/** @param nameOf shows somebody who was deleted by another name, so that the grant is made anew to who has the name now */
function saidIn(
  { grantee, retiring, operations, constraints }: GrantRecord,
  nameOf: (principal: GrantPrincipal) => string,
): object {
  const plain = (principal: GrantPrincipal | undefined) =>
    principal && { kind: principal.kind, name: nameOf(principal) };
  return { grantee: plain(grantee), retiring: plain(retiring), operations: [...operations].sort(), constraints };
}

async function grantsNamed(name: string, identity: KeyIdentity, transaction: Transaction): Promise<GrantRecord[]> {
  const found: GrantRecord[] = [];
  for (let after: string | undefined; ; ) {
    const page = await transaction.list(grantsTable, {
      prefix: grantsPrefix(identity),
      limit: GRANTS_AT_ONCE,
      ...(after === undefined ? {} : { after }),
    });
    found.push(...page.map(({ value }) => value).filter((grant) => grant.name === name));
    if (page.length < GRANTS_AT_ONCE) return found;
    after = page.at(-1)?.key;
  }
}

async function recordOf(identity: KeyIdentity, transaction: Transaction): Promise<KeyRecord | undefined> {
  return (await transaction.get(keysTable, keyName(identity)))?.value;
}

async function present(identity: KeyIdentity, transaction: Transaction): Promise<KeyRecord> {
  const key = await recordOf(identity, transaction);
  if (key === undefined) throw new KeyholdError('TamperedRecord', `${keyArn(identity)} is gone`);
  return key;
}

/** Performs an operation of KMS within the transaction, and records it as the dispatcher would. */
async function performAsRoot(
  { accountId, region }: KeyIdentity,
  name: string,
  request: object,
  { transaction, kms, nowMs, version, identityOf, recorded }: KeyChanges,
): Promise<void> {
  const service = kmsService({ ...kms, store: within(transaction, kms.store) });
  const operation = service.operations.get(name);
  invariant(operation !== undefined, 'the operation is one of the service');
  const { sourceIp, userAgent } = operatorOrigin(version);
  const identity = identityOf(accountId);
  const touched: AuditResource[] = [];
  const input = operation.input.parse(parseJsonBody(Buffer.from(serialise(request), 'utf8')));
  operation.validate?.(input);
  const scope: Scope = {
    caller: { ...rootCaller(accountId, ''), auditIdentity: identity },
    region,
    nowMs,
    sourceIp,
    secureTransport: true,
    userAgent,
  };
  await perform(service, operation, input, scope, touched, async (output, targets, consequences) => {
    const attempt: Attempt = {
      requestId: kms.random.uuid(),
      eventId: kms.random.uuid(),
      nowMs,
      sourceIp,
      userAgent,
      host: '',
      service,
      operation,
      identity,
      region,
      input,
      output,
      targets,
      consequences,
      touched,
    };
    for (const json of attemptRecords(attempt, kms.random)) recorded(json);
  });
}

/** The store as the operation sees it: its transaction is a part of the one that is under way. */
function within(transaction: Transaction, store: Store): Store {
  return {
    ...store,
    get: (table, key) => transaction.get(table, key),
    list: (table, options) => transaction.list(table, options),
    names: (table, options) => transaction.names(table, options),
    transact: (work) => work(transaction),
  };
}
