import type { KeyholdError } from '../runtime/errors.ts';
import type { Json, JsonObject } from './json.ts';
import { malformed, quoted } from './malformed.ts';

/** Who makes a request, as authentication found out. */
export interface Principal {
  readonly type: 'Root' | 'User' | 'AssumedRole' | 'FederatedUser' | 'WebIdentity' | 'Service' | 'Anonymous';
  /**
   * `arn:aws:iam::111122223333:user/alice`, `…:root`, `arn:aws:sts::…:assumed-role/R/S`; of a service, its name; of who
   * comes with a token of an OIDC provider, to have a role, the provider's `arn:aws:iam::…:oidc-provider/HOST/PATH`.
   */
  readonly arn: string;
  /** 12 digits; empty of who acts for no account: a service, a web identity, anyone unknown. */
  readonly accountId: string;
  /** The unique id: `AIDA…` of a user, `AROA…:session` of a role's session, the account id of root. */
  readonly id: string;
  /** Of an AssumedRole: the role's IAM ARN, which policies may name. */
  readonly roleArn?: string;
  /** Of an AssumedRole that was assumed with a web identity: the ARN of the OIDC provider. */
  readonly federatedProvider?: string;
}

/** A `Principal` or `NotPrincipal` element, compiled. */
export interface PrincipalElement {
  /** NotPrincipal: the statement is about everyone who is not listed. */
  readonly excludes: boolean;
  /** `*` is listed. */
  readonly everyone: boolean;
  /** Accounts listed by `arn:aws:iam::ACCOUNT:root` or by their 12 digits. */
  readonly accounts: ReadonlySet<string>;
  /** ARNs, unique ids, names of services and ARNs of OIDC providers; their shapes keep them apart. */
  readonly names: ReadonlySet<string>;
  /** ARNs of users, roles and sessions as they are written, in the partition `aws`. */
  readonly arns: ReadonlySet<string>;
  /** Someone is listed whom Keyhold cannot tell from others (other Federated, CanonicalUser), so it may be anyone. */
  readonly hasUnidentifiable: boolean;
}

/**
 * How an element names a principal, from weakest to strongest. The order matters: what a stronger naming grants
 * includes what a weaker one does.
 */
export const NOT_NAMED = 0;
/** By its account, which delegates: the account's own policies decide. */
const VIA_ACCOUNT = 1;
/** By its role or its web identity's provider; permissions boundary and session policies still limit the session. */
export const VIA_ROLE = 2;
/** Itself, or as anyone. */
export const DIRECTLY = 3;

export type Naming = typeof NOT_NAMED | typeof VIA_ACCOUNT | typeof VIA_ROLE | typeof DIRECTLY;

/** How an Allow names the principal. Where an element leaves doubt, it does not; and no Allow has a `NotPrincipal`. */
export function allowNaming(element: PrincipalElement, principal: Principal): Naming {
  if (element.excludes) return NOT_NAMED;
  // Everyone is everyone of AWS: a token of any provider that an account knows must not be as good as one that is named.
  if (principal.type === 'WebIdentity' && !element.names.has(principal.arn)) return NOT_NAMED;
  return listedAs(element, principal);
}

/** Whether a Deny names the principal. Where an element leaves doubt, it does. */
export function denyNames(element: PrincipalElement, principal: Principal, hasBoundary: boolean): boolean {
  if (!element.excludes) return element.hasUnidentifiable || listedAs(element, principal) !== NOT_NAMED;
  // "The NotPrincipal element with a Deny effect will always deny any IAM principal that has a permissions boundary
  // policy attached, regardless of the values specified" (IAM User Guide, NotPrincipal).
  return hasBoundary || !isFullyListed(element, principal);
}

function listedAs(element: PrincipalElement, principal: Principal): Naming {
  const { names } = element;
  if (element.everyone) return DIRECTLY;
  if (names.size > 0) {
    if (names.has(principal.arn) || names.has(principal.id)) return DIRECTLY;
    if (isRoleListed(element, principal) || isProviderListed(element, principal)) return VIA_ROLE;
  }
  return element.accounts.has(principal.accountId) && actsForAccount(principal) ? VIA_ACCOUNT : NOT_NAMED;
}

/**
 * NotPrincipal spares only those who are listed in every capacity in which they act: "you must also specify the account
 * ARN", and for a session its role's ARN too (IAM User Guide, NotPrincipal).
 */
function isFullyListed(element: PrincipalElement, principal: Principal): boolean {
  if (element.everyone) return true;
  if (actsForAccount(principal) && !element.accounts.has(principal.accountId)) return false;
  if (principal.type === 'Root') return true;
  if (principal.type === 'AssumedRole' && !isRoleListed(element, principal)) return false;
  return element.names.has(principal.arn) || element.names.has(principal.id);
}

function isRoleListed(element: PrincipalElement, principal: Principal): boolean {
  if (principal.type !== 'AssumedRole') return false;
  if (principal.roleArn !== undefined && element.names.has(principal.roleArn)) return true;
  return element.names.has(roleIdOf(principal));
}

/** Of a role's session, whose id is `AROA…:session`. */
function roleIdOf({ id }: Principal): string {
  const colon = id.indexOf(':');
  return colon < 0 ? id : id.slice(0, colon);
}

/** "OIDC session principals" (IAM User Guide, Principal): a session stays the session of the identity it was made for. */
function isProviderListed(element: PrincipalElement, { type, federatedProvider }: Principal): boolean {
  return type === 'AssumedRole' && federatedProvider !== undefined && element.names.has(federatedProvider);
}

/** Whether this is an identity of an account, which has policies of its own and is meant where its account is named. */
export function actsForAccount({ type }: Principal): boolean {
  return type !== 'Service' && type !== 'Anonymous' && type !== 'WebIdentity';
}

const ACCOUNT_ID = /^\d{12}$/;
/**
 * An account and its identities are the same whichever partition a policy names them in: here they act in the China and
 * GovCloud Regions as in all others, and policies written for those say `aws-cn` or `aws-us-gov`.
 */
const OTHER_PARTITION = /^arn:aws-(?:cn|us-gov):/;
const ACCOUNT_ROOT = /^arn:aws:iam::(\d{12}):root$/;
/** Users, roles and their sessions. No wildcards: "you cannot use a wildcard to match part of a principal name". */
const IDENTITY_ARN =
  /^arn:aws:(?:iam::\d{12}:(?:user|role)|sts::\d{12}:(?:assumed-role\/[^/*?]+|federated-user))\/[!-)+->@-~]+$/;
/** A federated user's session, which has no unique id but its name. */
const FEDERATED_USER = /^arn:aws:sts::\d{12}:federated-user\/[!-)+->@-~]+$/;
/** An OIDC provider: its issuer's host, and perhaps a path. */
const OIDC_PROVIDER = /^arn:aws:iam::\d{12}:oidc-provider\/[!-)+->@-~]+$/;
/** Of users and roles: an ARN in a policy becomes one when its bearer is deleted. */
const UNIQUE_ID = /^(?:AIDA|AROA)[A-Z0-9]{16,124}$/;
const SERVICE = /^[a-z0-9][a-z0-9.-]*\.(?:amazonaws\.com(?:\.cn)?|amazon\.com)$/;

/**
 * The unique ids of users, roles and sessions by their ARNs in the partition `aws`, as they were when a policy was saved:
 * `AIDA…`, `AROA…`, and of a session `AROA…:session-name`.
 */
export type PrincipalIds = ReadonlyMap<string, string>;

/**
 * Compiles the value of a `Principal` or `NotPrincipal` element. An ARN that has a unique id means the bearer of the id
 * alone: whoever is later made under the same name inherits nothing, neither what is allowed nor what is denied.
 *
 * @throws KeyholdError MalformedPolicyDocumentException
 */
export function parsePrincipalElement(
  value: Json,
  excludes: boolean,
  policyKind: 'resource' | 'trust',
  ids?: PrincipalIds,
): PrincipalElement {
  const element = {
    excludes,
    everyone: value === '*',
    accounts: new Set<string>(),
    names: new Set<string>(),
    arns: new Set<string>(),
    hasUnidentifiable: false,
  };
  if (element.everyone) return element;
  if (!(value instanceof Map) || value.size === 0) throw invalidPrincipal(policyKind);
  for (const [kind, listed] of value as JsonObject) {
    const texts = typeof listed === 'string' ? [listed] : listed;
    if (!Array.isArray(texts) || texts.length === 0) throw invalidPrincipal(policyKind, kind);
    for (const text of texts as readonly Json[]) {
      if (typeof text !== 'string' || text === '') throw invalidPrincipal(policyKind, kind);
      if (kind === 'AWS' && addIdentity(text, element, ids)) continue;
      if (kind === 'Service' && SERVICE.test(text)) element.names.add(text);
      else if (kind === 'Federated' && OIDC_PROVIDER.test(withoutPartition(text))) {
        element.names.add(withoutPartition(text));
      } else if (kind === 'Federated' || kind === 'CanonicalUser') element.hasUnidentifiable = true;
      else throw invalidPrincipal(policyKind, kind, text);
    }
  }
  return element;
}

interface Building {
  everyone: boolean;
  readonly accounts: Set<string>;
  readonly names: Set<string>;
  readonly arns: Set<string>;
}

/** Whether it is one. */
function addIdentity(written: string, element: Building, ids: PrincipalIds | undefined): boolean {
  const text = withoutPartition(written);
  const account = ACCOUNT_ROOT.exec(text)?.[1];
  if (text === '*') element.everyone = true;
  else if (account !== undefined) element.accounts.add(account);
  else if (ACCOUNT_ID.test(text)) element.accounts.add(text);
  else if (UNIQUE_ID.test(text) || FEDERATED_USER.test(text)) element.names.add(text);
  else if (IDENTITY_ARN.test(text)) {
    element.arns.add(text);
    element.names.add(ids?.get(text) ?? text);
  } else return false;
  return true;
}

/** The ARN of a principal, or a pattern of such ARNs, as principals here have them, whichever partition it was written in. */
export function withoutPartition(arn: string): string {
  return arn.replace(OTHER_PARTITION, 'arn:aws:');
}

/**
 * A user, a role, a session or an account (by its root user) as grants name them: by ARN. Undefined for what is none.
 *
 * @returns the ARN as {@link grantNames} has it, whichever partition it was written in
 */
export function parsePrincipalArn(written: string): { readonly arn: string; readonly accountId: string } | undefined {
  const arn = withoutPartition(written);
  if (!ACCOUNT_ROOT.test(arn) && !IDENTITY_ARN.test(arn)) return undefined;
  return { arn, accountId: arn.split(':')[4] as string };
}

/** Whether this is the name of an AWS service, such as `dynamodb.amazonaws.com`. */
export function isServiceName(text: string): boolean {
  return SERVICE.test(text);
}

/**
 * Whom a grant names as its grantee: the caller itself, by its own ARN; the role of its session; or its account as a whole.
 */
export type GrantNaming = 'caller' | 'role' | 'account';

/** A name by which a grant may mean a principal: its unique id, its ARN, or the ARN of its account. */
export interface GrantName {
  readonly name: string;
  readonly naming: GrantNaming;
}

/**
 * By which names a grant may mean this principal, the strongest first: by its unique id if it had its name when the grant was
 * made, and by the name otherwise. The root user bears the name of its account.
 */
export function grantNames(principal: Principal): readonly GrantName[] {
  const { type, arn, id, roleArn, accountId } = principal;
  const names: GrantName[] = [{ name: arn, naming: 'caller' }];
  if (type === 'User' || type === 'AssumedRole') names.unshift({ name: id, naming: 'caller' });
  if (roleArn !== undefined) {
    names.push({ name: roleIdOf(principal), naming: 'role' }, { name: roleArn, naming: 'role' });
  }
  const account = accountRootArn(accountId);
  if (actsForAccount(principal) && arn !== account) names.push({ name: account, naming: 'account' });
  return names;
}

/** How policies and grants name an account as a whole. */
export function accountRootArn(accountId: string): string {
  return `arn:aws:iam::${accountId}:root`;
}

/**
 * The refusal of a policy that names as a principal what is none, or who does not exist: whoever saves a policy looks for its
 * users and roles. Which principal it is, AWS says of trust policies alone.
 *
 * @param kind of the principal, as in the policy: `AWS`, `Service`, `Federated`
 */
export function invalidPrincipal(policyKind: 'resource' | 'trust', kind = 'AWS', written = ''): KeyholdError {
  return malformed(
    policyKind === 'trust'
      ? `Invalid principal in policy: "${quoted(kind.toUpperCase())}":"${quoted(written)}"`
      : 'Policy contains a statement with one or more invalid principals.',
  );
}
