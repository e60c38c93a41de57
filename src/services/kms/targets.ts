import { decodeHeader, type EncryptionContext } from '../../crypto/ciphertext.ts';
import type { KeyUsage } from '../../crypto/key-specs.ts';
import { aliasArn } from '../../keys/alias.ts';
import { foldContext, foldTerms, type GrantRequest, type GrantTerms, isGrantOperation } from '../../keys/grant.ts';
import type { KeyIdentity, KeyRecord } from '../../keys/key.ts';
import { type KeyOperation, keyStateTable, statesFor } from '../../keys/key-state-table.ts';
import { keyState } from '../../keys/lifecycle.ts';
import { isRefusedByManager } from '../../keys/managed-key-operations.ts';
import { invariant } from '../../runtime/errors.ts';
import { type MaybePromise, whenThere } from '../../runtime/maybe-promise.ts';
import type { Scope } from '../caller.ts';
import { type ConditionTable, conditionReader } from '../condition-table.ts';
import type { ConditionRequest, GrantQuestion, Target, TargetSummary } from '../operation.ts';
import { callerConditions, contextConditions, keyConditions, recipientConditions } from './condition-keys.ts';
import {
  disabled,
  incorrectKey,
  invalidCiphertext,
  invalidState,
  notPendingDeletion,
  wrongOrigin,
  wrongUsage,
} from './errors.ts';
import { grantsAllow } from './grant-decision.ts';
import { followKeyReference, livingKey, type ResolvedKey } from './key-reference.ts';
import type { LoadedKey } from './key-source.ts';
import type { KmsPorts } from './ports.ts';
import { attestedRecipient, type RecipientInput } from './recipient.ts';

/** What KMS's operations work on: a key, the key of a ciphertext, an alias, or the account as a whole. */

type KmsTarget<Input, Resolved> = Target<Input, Resolved, KmsPorts>;

/** Further condition keys of an operation. */
type Conditions<Input> = ConditionTable<ConditionRequest<Input, unknown>>;

interface KeyUse<Input> {
  /** Its row in the key state table says in which states the operation succeeds. */
  readonly operation: KeyOperation;
  /** Absent where it is `kms:` and the operation's name. */
  readonly permission?: string;
  /** For cryptographic operations: the usage that the key must have. */
  readonly usage?: KeyUsage;
  /** For operations on imported material: the origin that the key must have. */
  readonly origin?: KeyRecord['origin'];
  readonly encryptionContext?: (input: Input) => EncryptionContext | undefined;
  readonly encryptionAlgorithm?: (input: Input) => string;
  readonly conditions?: Conditions<Input>;
  /** Of CreateGrant: what the grant that is asked for allows. */
  readonly newGrant?: (input: Input) => GrantTerms;
  /** For operations that can answer to a Nitro enclave. */
  readonly recipient?: (input: Input) => RecipientInput;
}

export interface KeyTargetDeclaration<Input> extends KeyUse<Input> {
  /** The required member that names the key. */
  readonly reference: (input: Input) => string | undefined;
  readonly accepts: 'key' | 'key or alias';
  /** Whether other accounts can call the operation at all ("Cross-account use" in the API reference). */
  readonly crossAccount: boolean;
}

export interface CiphertextKeyTargetDeclaration<Input> extends KeyUse<Input> {
  /** Absent only where the request names a key, and asks about permissions alone. */
  readonly ciphertext: (input: Input) => Uint8Array | undefined;
  readonly encryptionAlgorithm: (input: Input) => string;
  /** The optional member that names the key as well. */
  readonly reference: (input: Input) => string | undefined;
}

/** A key as handlers get it: it exists, the caller may use it, and its usage and state allow the operation. */
export interface KeyResource extends ResolvedKey {
  readonly key: LoadedKey;
}

/** A key that the request names. */
export function keyTarget<Input>(declaration: KeyTargetDeclaration<Input>): KmsTarget<Input, KeyResource> {
  return {
    ...keyUse(declaration, declaration.accepts, declaration.crossAccount),
    resolve: (input, ports, scope) => {
      checkGrantTokens(input, ports);
      const reference = declaration.reference(input);
      invariant(reference !== undefined, 'a required member has been validated');
      const resolved = followKeyReference(reference, declaration.accepts, ports.keys, scope);
      return asResource(resolved, declaration, input, ports, scope);
    },
    denial: (resolved, scope) => foreignDenial(permissionOf(declaration), resolved, scope),
  };
}

/** The key that a request names as `KeyId` to use it: by any name of it, and of any account that lets the caller do so. */
export function cryptographicKeyTarget<Input extends { readonly KeyId: string }>(
  use: KeyUse<Input> & { readonly usage: KeyUsage },
): KmsTarget<Input, KeyResource> {
  return keyTarget({ ...use, reference: (input) => input.KeyId, accepts: 'key or alias', crossAccount: true });
}

/**
 * The key of a ciphertext blob: the one that the request names, or else the one that the blob's header names. A blob that
 * was damaged is InvalidCiphertextException. One whose key does not exist, or is another account's and not shared with
 * the caller, is AccessDeniedException in the same words.
 */
export function ciphertextKeyTarget<Input>(
  declaration: CiphertextKeyTargetDeclaration<Input>,
): KmsTarget<Input, KeyResource> {
  const use = keyUse(declaration, 'ciphertext, key or alias', true);
  return {
    ...use,
    // AWS reads a ciphertext before it looks at the usage and the state of the key that the request names besides.
    check: (resolved, input, scope) => {
      const blob = declaration.ciphertext(input);
      if (blob !== undefined && declaration.encryptionAlgorithm(input) === 'SYMMETRIC_DEFAULT') {
        const header = decodeHeader(blob);
        if (header === undefined) throw invalidCiphertext();
        if (header.keyId !== resolved.key.record.keyId) throw incorrectKey();
      }
      use.check(resolved, input, scope);
    },
    resolve: (input, ports, scope) => {
      checkGrantTokens(input, ports);
      const reference = declaration.reference(input);
      if (reference !== undefined) {
        const resolved = followKeyReference(reference, 'key or alias', ports.keys, scope);
        return asResource(resolved, declaration, input, ports, scope);
      }
      const blob = declaration.ciphertext(input);
      invariant(blob !== undefined, 'a required member has been validated');
      const header = decodeHeader(blob);
      if (header === undefined) throw invalidCiphertext();
      return asResource(keyOfCiphertext(header.keyId, ports, scope), declaration, input, ports, scope);
    },
    denial: (resolved, scope) =>
      resolved.namedArn === UNNAMED && isOutOfSight(resolved, scope)
        ? UNKNOWN_CIPHERTEXT_KEY
        : foreignDenial(permissionOf(declaration), resolved, scope),
  };
}

/** The account and Region as a whole, for operations that name no key. AWS writes its resource as `*`. */
export function accountTarget<Input>(
  permission: string,
  conditions: Conditions<Input> = {},
): KmsTarget<Input, undefined> {
  const reader = conditionReader<ConditionRequest<Input, unknown>>(conditions, callerConditions);
  return {
    permission,
    resolve: async () => undefined,
    facts: (_, scope) => ({ arn: '*', accountId: scope.caller.principal.accountId }),
    condition: reader.read,
    summary: { namedBy: 'account', crossAccount: false, states: [], conditionKeys: reader.names },
  };
}

/** As {@link accountTarget}, for operations that can answer to a Nitro enclave. */
export function accountTargetForRecipient<Input>(
  permission: string,
  recipient: (input: Input) => RecipientInput,
): KmsTarget<Input, Pick<ResolvedKey, 'recipient'>> {
  const { facts, summary } = accountTarget<Input>(permission);
  const reader = conditionReader<ConditionRequest<Input, Pick<ResolvedKey, 'recipient'>>>(
    callerConditions,
    recipientConditions,
  );
  return {
    permission,
    resolve: async (input, ports, scope) => {
      const attested = await attestedRecipient(recipient(input), ports, scope);
      return attested === undefined ? {} : { recipient: attested };
    },
    facts: (_, scope) => facts(undefined, scope),
    condition: reader.read,
    summary: { ...summary, conditionKeys: reader.names },
  };
}

const callerReader = conditionReader(callerConditions);

/** An alias of the caller's own account, which only identity policies can allow or deny. It need not exist. */
export function aliasTarget<Input>(
  permission: string,
  aliasName: (input: Input) => string | undefined,
): KmsTarget<Input, string> {
  return {
    permission,
    resolve: async (input) => {
      const name = aliasName(input);
      invariant(name !== undefined, 'a required member has been validated');
      return name;
    },
    facts: (name, scope) => {
      const { accountId } = scope.caller.principal;
      const arn = aliasArn({ accountId, region: scope.region }, name);
      return { arn, accountId, audit: { accountId, type: 'AWS::KMS::Alias', ARN: arn } };
    },
    condition: callerReader.read,
    summary: { namedBy: 'alias', crossAccount: false, states: [], conditionKeys: callerReader.names },
  };
}

/** Stands for the ARN of a key that only a ciphertext names, and that may not exist. */
const UNNAMED = '*';
const UNKNOWN_CIPHERTEXT_KEY =
  'The ciphertext refers to a customer master key that does not exist, does not exist in this region, or you are not allowed to access.';

function keyOfCiphertext(keyId: string, ports: KmsPorts, scope: Scope): MaybePromise<ResolvedKey> {
  const own = { accountId: scope.caller.principal.accountId, region: scope.region, keyId };
  return whenThere(livingKey(ports.keys, own, scope.nowMs), (key) =>
    key === undefined ? foreignKeyOfCiphertext(own, ports, scope) : { key, identity: own, namedArn: key.arn },
  );
}

/** The key of a ciphertext that the caller's own account has no key for. */
async function foreignKeyOfCiphertext(own: KeyIdentity, ports: KmsPorts, scope: Scope): Promise<ResolvedKey> {
  const owner = await ports.keys.ownerOf(own.region, own.keyId);
  if (owner === undefined || owner === own.accountId) return { key: undefined, identity: own, namedArn: UNNAMED };
  const identity = { ...own, accountId: owner };
  return { key: await livingKey(ports.keys, identity, scope.nowMs), identity, namedArn: UNNAMED };
}

/** What is not there is refused by `unreachable` below, before a handler could meet it. */
function asResource<Input>(
  found: MaybePromise<ResolvedKey>,
  { recipient }: KeyUse<Input>,
  input: Input,
  ports: KmsPorts,
  scope: Scope,
): MaybePromise<KeyResource> {
  return whenThere(found, (resolved) => {
    // INVARIANT: policies see only what a verified document says.
    const attested = recipient && attestedRecipient(recipient(input), ports, scope);
    if (attested === undefined) return resolved as KeyResource;
    return attested.then((enclave) => ({ ...resolved, recipient: enclave }) as KeyResource);
  });
}

function permissionOf({ operation, permission }: KeyUse<never>): string {
  return permission ?? `kms:${operation}`;
}

/** Tokens add nothing to grants, which act at once; but what is none of ours is refused. */
function checkGrantTokens(input: unknown, ports: KmsPorts): void {
  const { GrantTokens: tokens } = input as { readonly GrantTokens?: readonly string[] };
  if (tokens !== undefined) for (const token of tokens) ports.grantTokens.read(token);
}

/** What a request asks of grants; undefined for operations that no grant can allow. */
function grantRequest<Input>(use: KeyUse<Input>, input: Input): GrantRequest | undefined {
  // No request is made on behalf of a resource yet, so none has the `aws:SourceArn` that some grants demand.
  const operation = permissionOf(use).slice('kms:'.length);
  if (!isGrantOperation(operation)) return undefined;
  if (operation !== 'CreateGrant') return { operation, context: foldContext(use.encryptionContext?.(input) ?? {}) };
  return use.newGrant && { operation, child: foldTerms(use.newGrant(input)) };
}

function keyUse<Input>(use: KeyUse<Input>, namedBy: TargetSummary['namedBy'], crossAccount: boolean) {
  const reader = conditionReader(...conditionsOf(use));
  return {
    permission: permissionOf(use),
    grantAllows: (question: GrantQuestion<Input, ResolvedKey>, ports: KmsPorts) => {
      const { input, resolved, scope, grantCounts } = question;
      const request = grantRequest(use, input);
      return request !== undefined && grantsAllow(request, resolved.identity, ports.grants, scope.caller, grantCounts);
    },
    facts: ({ key, identity, namedArn }: ResolvedKey, scope: Scope) => {
      if (key === undefined) return { arn: namedArn, accountId: identity.accountId, unreachable: true };
      const foreign = identity.accountId !== scope.caller.principal.accountId;
      return {
        arn: key.arn,
        accountId: identity.accountId,
        resourcePolicy: key.policy,
        unreachable: (foreign && !crossAccount) || isRefusedByManager(key.record, use.operation),
        audit: { accountId: identity.accountId, type: 'AWS::KMS::Key' as const, ARN: key.arn },
      };
    },
    condition: reader.read,
    summary: summarise(use, namedBy, crossAccount, reader.names),
    check: ({ key }: KeyResource, _: Input, scope: Scope) => checkUse(key, use, scope.nowMs),
  };
}

/** What a use declares of its own comes first. */
function conditionsOf<Input>(use: KeyUse<Input>): ConditionTable<ConditionRequest<Input, ResolvedKey>>[] {
  const { conditions, encryptionContext, encryptionAlgorithm, recipient } = use;
  return [
    ...(conditions === undefined ? [] : [conditions]),
    ...(encryptionContext === undefined
      ? []
      : [contextConditions(({ input }: ConditionRequest<Input, ResolvedKey>) => encryptionContext(input))]),
    ...(encryptionAlgorithm === undefined
      ? []
      : [{ 'kms:EncryptionAlgorithm': ({ input }: { readonly input: Input }) => [encryptionAlgorithm(input)] }]),
    keyConditions,
    ...(recipient === undefined ? [] : [recipientConditions]),
  ];
}

function summarise<Input>(
  { operation, usage }: KeyUse<Input>,
  namedBy: TargetSummary['namedBy'],
  crossAccount: boolean,
  conditionKeys: readonly string[],
): TargetSummary {
  const states = statesFor(operation);
  return { namedBy, crossAccount, states, conditionKeys, ...(usage === undefined ? {} : { usage }) };
}

/** Usage and origin before state, as AWS answers. */
function checkUse<Input>({ record, arn }: LoadedKey, { operation, usage, origin }: KeyUse<Input>, nowMs: number): void {
  if (usage !== undefined && record.keyUsage !== usage) throw wrongUsage(arn, record.keyUsage, operation);
  if (origin !== undefined && record.origin !== origin) throw wrongOrigin(arn, record.origin);
  const state = keyState(record, nowMs);
  switch (keyStateTable[operation][state]) {
    case 'succeeds':
      return;
    case 'disabled':
      throw disabled(arn);
    case 'not pending deletion':
      throw notPendingDeletion(arn);
    case 'invalid state':
      throw invalidState(arn, state);
  }
}

function isOutOfSight(resolved: ResolvedKey, scope: Scope): boolean {
  return resolved.key === undefined || resolved.identity.accountId !== scope.caller.principal.accountId;
}

/** AWS's words for a key of another account, which are the same whether the key exists or not. */
function foreignDenial(permission: string, resolved: ResolvedKey, scope: Scope): string | undefined {
  if (!isOutOfSight(resolved, scope)) return undefined;
  return (
    `User: ${scope.caller.principal.arn} is not authorized to perform: ${permission} on resource: ${resolved.namedArn} ` +
    'because the resource does not exist in this Region, no resource-based policies allow access, or a resource-based policy explicitly denies access'
  );
}
