import { createHash } from 'node:crypto';
import type { EncryptionContext } from '../crypto/ciphertext.ts';
import { isAsymmetric, type KeySpec, type KeyUsage } from '../crypto/key-specs.ts';

/**
 * What a grant is and what it allows ("Grants in AWS KMS", developer guide). A grant never changes: it is made, and it is
 * retired or revoked.
 */
export interface GrantRecord extends GrantTerms {
  /** 64 hex digits. */
  readonly grantId: string;
  readonly name?: string;
  /** Milliseconds since the epoch. */
  readonly createdAtMs: number;
  /** Who uses the key, as the author wrote it: an ARN, or the name of an AWS service. */
  readonly grantee: GrantPrincipal;
  /** Who may retire the grant, whatever its terms. */
  readonly retiring?: GrantPrincipal;
  /** The account of whoever made it, which may not be the key's. */
  readonly issuingAccountId: string;
}

export interface GrantPrincipal {
  readonly kind: 'AWS' | 'Service';
  readonly name: string;
  /**
   * The unique id of the user, role or session that had the name when the grant was made: whoever has it later is someone
   * else. Absent of accounts and services, and of names that are believed as they are.
   */
  readonly id?: string;
}

/** What a grant allows, and when. */
export interface GrantTerms {
  /** Each once. */
  readonly operations: readonly GrantOperation[];
  readonly constraints: GrantConstraints;
}

/** At most one of the two contexts. */
export interface GrantConstraints {
  readonly encryptionContextSubset?: EncryptionContext;
  readonly encryptionContextEquals?: EncryptionContext;
  readonly sourceArn?: string;
}

/** AWS's quota "Grants per KMS key". */
export const MOST_GRANTS_PER_KEY = 50_000;

interface OperationRow {
  /** The usage that a key must have for it; absent for operations on keys of every usage. */
  readonly usage?: KeyUsage;
  readonly keys: 'all' | 'symmetric' | 'asymmetric';
  /** Whether its requests bring an encryption context, when the key is symmetric. */
  readonly context: boolean;
}

const encryption = { usage: 'ENCRYPT_DECRYPT', keys: 'all', context: true } as const;
const dataKey = { usage: 'ENCRYPT_DECRYPT', keys: 'symmetric', context: true } as const;
const signing = { usage: 'SIGN_VERIFY', keys: 'asymmetric', context: false } as const;
const mac = { usage: 'GENERATE_VERIFY_MAC', keys: 'symmetric', context: false } as const;
const encapsulation = { usage: 'ENCAPSULATE_DECAPSULATE', keys: 'asymmetric', context: false } as const;
const anyKey = { keys: 'all', context: false } as const;

/** The table "Grant operations" of the developer guide. */
const rows = {
  CreateGrant: anyKey,
  Decapsulate: encapsulation,
  Decrypt: encryption,
  DeriveSharedSecret: { usage: 'KEY_AGREEMENT', keys: 'asymmetric', context: false },
  DescribeKey: anyKey,
  Encapsulate: encapsulation,
  Encrypt: encryption,
  GenerateDataKey: dataKey,
  GenerateDataKeyPair: dataKey,
  GenerateDataKeyPairWithoutPlaintext: dataKey,
  GenerateDataKeyWithoutPlaintext: dataKey,
  GenerateMac: mac,
  GetPublicKey: { keys: 'asymmetric', context: false },
  ReEncryptFrom: encryption,
  ReEncryptTo: encryption,
  RetireGrant: anyKey,
  Sign: signing,
  Verify: signing,
  VerifyMac: mac,
} as const satisfies Readonly<Record<string, OperationRow>>;

export type GrantOperation = keyof typeof rows;

export const grantOperations = Object.keys(rows) as readonly GrantOperation[];

export function isGrantOperation(name: string): name is GrantOperation {
  return Object.hasOwn(rows, name);
}

/** Whether a key of this spec and usage has the operation at all. */
export function keyHasOperation(spec: KeySpec, keyUsage: KeyUsage, operation: GrantOperation): boolean {
  const { usage, keys }: OperationRow = rows[operation];
  if (usage !== undefined && usage !== keyUsage) return false;
  return keys === 'all' || (keys === 'asymmetric') === isAsymmetric(spec);
}

/** Whether a grant's encryption context limits the operation: not DescribeKey and its like, which bring none. */
export function isLimitedByContext(operation: GrantOperation): boolean {
  // What CreateGrant brings is the context of the new grant's own constraint.
  return rows[operation].context || operation === 'CreateGrant';
}

/**
 * An encryption context as grant constraints compare it: the names of pairs regardless of case, their values exactly
 * ("GrantConstraints", API reference, which is newer and says more than the developer guide here).
 */
export interface FoldedContext {
  readonly pairs: ReadonlySet<string>;
  /** Equal for contexts that are the same in another order. */
  readonly whole: string;
}

export function foldContext(context: EncryptionContext): FoldedContext {
  const pairs = Object.entries(context)
    .map(([name, value]) => JSON.stringify([name.toLowerCase(), value]))
    .sort();
  return { pairs: new Set(pairs), whole: pairs.join() };
}

/** Terms made ready for comparing. */
export interface FoldedTerms {
  readonly operations: ReadonlySet<GrantOperation>;
  readonly equals?: FoldedContext;
  readonly subset?: FoldedContext;
  readonly sourceArn?: string;
}

export function foldTerms({ operations, constraints }: GrantTerms): FoldedTerms {
  const { encryptionContextEquals, encryptionContextSubset, sourceArn } = constraints;
  const subset = encryptionContextSubset && foldContext(encryptionContextSubset);
  return {
    operations: new Set(operations),
    ...(encryptionContextEquals === undefined ? {} : { equals: foldContext(encryptionContextEquals) }),
    // A subset of nothing demands nothing. An exact context of nothing does: that there be none.
    ...(subset === undefined || subset.pairs.size === 0 ? {} : { subset }),
    ...(sourceArn === undefined ? {} : { sourceArn }),
  };
}

/** What a request asks of the grants that its caller has on a key. */
export type GrantRequest = {
  /** On behalf of which resource a service asks: `aws:SourceArn`. */
  readonly sourceArn?: string;
} & (
  | { readonly operation: Exclude<GrantOperation, 'CreateGrant'>; readonly context: FoldedContext }
  /** The grant that is to be made. */
  | { readonly operation: 'CreateGrant'; readonly child: FoldedTerms }
);

/** Whether these terms allow the request to their grantee. */
export function termsAllow(terms: FoldedTerms, request: GrantRequest): boolean {
  if (!terms.operations.has(request.operation)) return false;
  if (terms.sourceArn !== undefined && terms.sourceArn !== request.sourceArn) return false;
  if (request.operation === 'CreateGrant') return isAsStrict(request.child, terms);
  if (!isLimitedByContext(request.operation)) return true;
  if (terms.equals !== undefined && terms.equals.whole !== request.context.whole) return false;
  return terms.subset === undefined || includesAll(request.context.pairs, terms.subset.pairs);
}

/**
 * INVARIANT: whoever may make grants only by a grant makes none that allows more: no operation that the parent does not
 * have, and constraints at least as strict ("Granting CreateGrant permission", developer guide).
 */
export function isAsStrict(child: FoldedTerms, parent: FoldedTerms): boolean {
  if (!includesAll(parent.operations, child.operations)) return false;
  if (parent.sourceArn !== undefined && parent.sourceArn !== child.sourceArn) return false;
  if (parent.equals !== undefined && parent.equals.whole !== child.equals?.whole) return false;
  if (parent.subset === undefined) return true;
  // Its pairs stand in whatever the child demands: an exact context, or one with more.
  const demanded = child.equals ?? child.subset;
  return demanded !== undefined && includesAll(demanded.pairs, parent.subset.pairs);
}

function includesAll<T>(all: ReadonlySet<T>, wanted: ReadonlySet<T>): boolean {
  for (const each of wanted) if (!all.has(each)) return false;
  return true;
}

/**
 * The same for grants of one key that are alike in all that their authors said, including the name: a request to make one
 * of them again is taken for a retry. Grants without a name are never alike.
 */
export function grantFingerprint(grant: GrantRecord): string {
  const { name, issuingAccountId, grantee, retiring, operations, constraints } = grant;
  const { encryptionContextEquals, encryptionContextSubset, sourceArn } = constraints;
  const said = [
    name,
    issuingAccountId,
    principalFacts(grantee),
    retiring && principalFacts(retiring),
    [...operations].sort(),
    encryptionContextEquals && sortedPairs(encryptionContextEquals),
    encryptionContextSubset && sortedPairs(encryptionContextSubset),
    sourceArn,
  ];
  return createHash('sha256').update(JSON.stringify(said)).digest('hex');
}

function principalFacts({ kind, name, id }: GrantPrincipal): readonly string[] {
  return id === undefined ? [kind, name] : [kind, name, id];
}

function sortedPairs(context: EncryptionContext): string[] {
  return Object.entries(context)
    .map((pair) => JSON.stringify(pair))
    .sort();
}
