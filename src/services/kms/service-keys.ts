import type { AuditTrail } from '../../audit/audit-trail.ts';
import type { AuditIdentity } from '../../audit/record.ts';
import type { Custody } from '../../custody/contract.ts';
import { AWS_MANAGED_ALIAS_PREFIX, aliasArn } from '../../keys/alias.ts';
import { AWS_OWNED, type KeyIdentity, type KeyOwner, type KeyRecord, keyArn } from '../../keys/key.ts';
import { managedKeyDescription, managedKeyServiceOf } from '../../keys/managed-key-services.ts';
import { rotationFrom, USUAL_ROTATION_PERIOD_DAYS } from '../../keys/rotation.ts';
import { serviceKeyId } from '../../keys/service-key-id.ts';
import { keyName, keysTable } from '../../keys/tables.ts';
import { invariant } from '../../runtime/errors.ts';
import type { Random } from '../../runtime/random.ts';
import type { Store } from '../../store/sealed-store.ts';
import { type Attempt, auditRecordJson, KMS_EVENT_SOURCE } from '../audit-record.ts';
import type { Scope } from '../caller.ts';
import { servicePrincipal } from '../service-names.ts';
import { createAliasRows } from './alias-rules.ts';
import { createKey } from './create-key.ts';
import { createKeyWithMaterial } from './create-key-rows.ts';
import { keyMetadata } from './key-metadata.ts';
import { parseKeyReference, type ResolvedKey } from './key-reference.ts';
import type { KeySource, LoadedKey, PolicyCompiler } from './key-source.ts';
import type { ServiceKeys } from './ports.ts';
import { noteRotation } from './rotation-notes.ts';
import { managedKeyPolicy, ownedKeyPolicy } from './service-key-policies.ts';

export interface ServiceKeyDependencies {
  readonly store: Store;
  readonly keys: KeySource;
  readonly custody: Custody;
  readonly random: Random;
  readonly compilePolicy: PolicyCompiler;
  readonly audit: AuditTrail;
}

/** A key before it is made. */
interface Plan {
  readonly record: KeyRecord;
  readonly policy: string;
  readonly aliasName?: string;
  /** Who makes it, as its audit record says. */
  readonly maker: AuditIdentity & { readonly invokedBy: string };
}

export function serviceKeys(dependencies: ServiceKeyDependencies): ServiceKeys {
  const { store, keys, custody, random, compilePolicy, audit } = dependencies;

  async function make(plan: Plan): Promise<KeyRecord> {
    const known = await keys.key(plan.record);
    if (known !== undefined) return known.record;
    const material = await custody.create(plan.record, plan.record.keySpec);
    return store.transact(async (transaction) => {
      // Another worker, or another request, may have been quicker.
      const there = await transaction.get(keysTable, keyName(plan.record));
      if (there !== undefined) return there.value;
      const made = await createKeyWithMaterial(transaction, plan.record, material, { policy: plan.policy });
      await noteRotation(transaction, made);
      if (plan.aliasName !== undefined) await createAliasRows(transaction, made, plan.aliasName, made.createdAtMs);
      await audit.append(creationRecord(plan, made, random));
      return made;
    });
  }

  return {
    async managed(aliasName, owner, nowMs) {
      const plan = managedKeyPlan(aliasName, owner, nowMs);
      invariant(plan !== undefined, 'the alias is one of a managed key');
      return make(plan);
    },
    foreseen(aliasName, owner, nowMs) {
      const plan = managedKeyPlan(aliasName, owner, nowMs);
      if (plan === undefined) return undefined;
      return {
        record: plan.record,
        version: NOT_STORED,
        arn: keyArn(plan.record),
        policy: compilePolicy(plan.policy),
        policyCharacters: plan.policy.length,
        aliases: [aliasName],
      };
    },
    owned: (service, region, nowMs) => make(ownedKeyPlan(service, region, nowMs)),
  };
}

/** The version of a key that is foreseen: those in the store begin with 1. */
const NOT_STORED = 0;

export function isForeseen(key: LoadedKey): boolean {
  return key.version === NOT_STORED;
}

/**
 * The managed key that a reference names by its alias, where it is the caller's own account's and has not been made yet.
 * Undefined for every other reference, and where there is such a key.
 */
export async function foreseenKey(
  reference: string,
  ports: { readonly keys: KeySource; readonly serviceKeys: ServiceKeys },
  scope: Scope,
): Promise<(ResolvedKey & { readonly key: LoadedKey }) | undefined> {
  if (!reference.includes(AWS_MANAGED_ALIAS_PREFIX)) return undefined;
  const named = parseKeyReference(reference, scope);
  if (named.kind !== 'alias' || named.owner.accountId !== scope.caller.principal.accountId) return undefined;
  const { owner, aliasName } = named;
  if ((await ports.keys.aliasTarget(owner, aliasName)) !== undefined) return undefined;
  const key = ports.serviceKeys.foreseen(aliasName, owner, scope.nowMs);
  if (key === undefined) return undefined;
  return { key, identity: key.record, namedArn: aliasArn(owner, aliasName), requestAlias: aliasName };
}

/** A service asking for itself, and for nobody: what it does with its AWS owned key. */
export function serviceScope(service: string, region: string, nowMs: number): Scope {
  const principal = servicePrincipal(service);
  return {
    caller: {
      principal: { type: 'Service', arn: principal, accountId: AWS_OWNED, id: principal },
      identityPolicies: [],
      accessKeyId: '',
      auditIdentity: { type: 'AWSService', invokedBy: principal },
    },
    region,
    nowMs,
    sourceIp: principal,
    secureTransport: true,
    userAgent: principal,
  };
}

function managedKeyPlan(aliasName: string, owner: KeyOwner, nowMs: number): Plan | undefined {
  const service = managedKeyServiceOf(aliasName);
  if (service === undefined) return undefined;
  const identity = { ...owner, keyId: serviceKeyId(owner, `managed/${service.name}`) };
  return {
    record: serviceKeyRecord(identity, managedKeyDescription(service), nowMs),
    policy: managedKeyPolicy(service, owner),
    aliasName,
    // Of the account, in whose trail it belongs.
    maker: { type: 'AWSService', accountId: owner.accountId, invokedBy: servicePrincipal(service.name) },
  };
}

function ownedKeyPlan(service: string, region: string, nowMs: number): Plan {
  const owner = { accountId: AWS_OWNED, region };
  const identity = { ...owner, keyId: serviceKeyId(owner, `owned/${service}`) };
  return {
    record: serviceKeyRecord(identity, '', nowMs),
    policy: ownedKeyPolicy(service),
    maker: { type: 'AWSService', invokedBy: servicePrincipal(service) },
  };
}

function serviceKeyRecord(identity: KeyIdentity, description: string, nowMs: number): KeyRecord {
  return {
    ...identity,
    createdAtMs: nowMs,
    description,
    keySpec: 'SYMMETRIC_DEFAULT',
    keyUsage: 'ENCRYPT_DECRYPT',
    origin: 'AWS_KMS',
    keyManager: 'AWS',
    lifecycle: { status: 'Enabled' },
    tags: [],
    // "AWS KMS rotates AWS managed keys every year" ("Rotating AWS KMS keys", developer guide).
    rotation: rotationFrom(nowMs, USUAL_ROTATION_PERIOD_DAYS),
  };
}

/** A CreateKey by the service, which nobody asked for: with an id of its own, beside the record of whatever led to it. */
function creationRecord({ maker }: Plan, key: KeyRecord, random: Random): string {
  const attempt: Attempt = {
    requestId: random.uuid(),
    eventId: random.uuid(),
    nowMs: key.createdAtMs,
    sourceIp: maker.invokedBy,
    userAgent: maker.invokedBy,
    host: '',
    service: { eventSource: KMS_EVENT_SOURCE },
    operation: createKey,
    identity: maker,
    region: key.region,
    input: { Description: key.description, KeyUsage: key.keyUsage, KeySpec: key.keySpec, Origin: key.origin },
    output: { KeyMetadata: keyMetadata(key, key.createdAtMs) },
    touched: [],
  };
  return auditRecordJson(attempt, { eventId: attempt.eventId, recipient: maker.accountId });
}
