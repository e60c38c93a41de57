import type { Json, JsonObject } from './json.ts';
import { malformed } from './malformed.ts';

/** Who makes a request, as authentication found out. */
export interface Principal {
  readonly type: 'Root' | 'User' | 'AssumedRole' | 'FederatedUser' | 'Service' | 'Anonymous';
  /** `arn:aws:iam::111122223333:user/alice`, `…:root`, `arn:aws:sts::…:assumed-role/R/S`; of a service, its name. */
  readonly arn: string;
  /** 12 digits. */
  readonly accountId: string;
  /** The unique id: `AIDA…` of a user, `AROA…:session` of a role's session, the account id of root. */
  readonly id: string;
  /** Of an AssumedRole: the role's IAM ARN, which policies may name. */
  readonly roleArn?: string;
}

/** A `Principal` or `NotPrincipal` element, compiled. */
export interface PrincipalElement {
  /** NotPrincipal: the statement is about everyone who is not listed. */
  readonly excludes: boolean;
  /** `*` is listed. */
  readonly everyone: boolean;
  /** Accounts listed by `arn:aws:iam::ACCOUNT:root` or by their 12 digits. */
  readonly accounts: ReadonlySet<string>;
  /** ARNs, unique ids and service names; their shapes keep them apart. */
  readonly names: ReadonlySet<string>;
  /** Someone is listed whom Keyhold cannot tell from others (Federated, CanonicalUser), so it may be anyone. */
  readonly hasUnidentifiable: boolean;
}

/**
 * How an element names a principal, from weakest to strongest. The order matters: what a stronger naming grants
 * includes what a weaker one does.
 */
export const NOT_NAMED = 0;
/** By its account, which delegates: the account's own policies decide. */
export const VIA_ACCOUNT = 1;
/** By its role; permissions boundary and session policies still limit the session. */
export const VIA_ROLE = 2;
/** Itself, or as anyone. */
export const DIRECTLY = 3;

export type Naming = typeof NOT_NAMED | typeof VIA_ACCOUNT | typeof VIA_ROLE | typeof DIRECTLY;

/** How an Allow names the principal. Where an element leaves doubt, it does not. */
export function allowNaming(element: PrincipalElement, principal: Principal): Naming {
  const naming = listedAs(element, principal);
  if (!element.excludes) return naming;
  return naming === NOT_NAMED && !element.hasUnidentifiable ? DIRECTLY : NOT_NAMED;
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
    if (isRoleListed(element, principal)) return VIA_ROLE;
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
  const colon = principal.id.indexOf(':');
  return colon > 0 && element.names.has(principal.id.slice(0, colon));
}

function actsForAccount(principal: Principal): boolean {
  return principal.type !== 'Service' && principal.type !== 'Anonymous';
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
/** Of users and roles: an ARN in a policy becomes one when its bearer is deleted. */
const UNIQUE_ID = /^(?:AIDA|AROA)[A-Z0-9]{16,124}$/;
const SERVICE = /^[a-z0-9][a-z0-9.-]*\.(?:amazonaws\.com(?:\.cn)?|amazon\.com)$/;

/**
 * Compiles the value of a `Principal` or `NotPrincipal` element.
 *
 * @throws KeyholdError MalformedPolicyDocumentException
 */
export function parsePrincipalElement(value: Json, excludes: boolean): PrincipalElement {
  const element = {
    excludes,
    everyone: value === '*',
    accounts: new Set<string>(),
    names: new Set<string>(),
    hasUnidentifiable: false,
  };
  if (element.everyone) return element;
  if (!(value instanceof Map) || value.size === 0) throw invalidPrincipals();
  for (const [kind, listed] of value as JsonObject) {
    const texts = typeof listed === 'string' ? [listed] : listed;
    if (!Array.isArray(texts) || texts.length === 0) throw invalidPrincipals();
    for (const text of texts as readonly Json[]) {
      if (typeof text !== 'string' || text === '') throw invalidPrincipals();
      if (kind === 'AWS') addIdentity(text, element);
      else if (kind === 'Service' && SERVICE.test(text)) element.names.add(text);
      else if (kind === 'Federated' || kind === 'CanonicalUser') element.hasUnidentifiable = true;
      else throw invalidPrincipals();
    }
  }
  return element;
}

function addIdentity(written: string, element: { everyone: boolean; accounts: Set<string>; names: Set<string> }): void {
  const text = withoutPartition(written);
  const account = ACCOUNT_ROOT.exec(text)?.[1];
  if (text === '*') element.everyone = true;
  else if (account !== undefined) element.accounts.add(account);
  else if (ACCOUNT_ID.test(text)) element.accounts.add(text);
  else if (IDENTITY_ARN.test(text) || UNIQUE_ID.test(text)) element.names.add(text);
  else throw invalidPrincipals();
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

/** By which names a grant may mean this principal itself: its own, and of a session also its role's. */
export function grantNames({ arn, roleArn }: Principal): readonly string[] {
  return roleArn === undefined ? [arn] : [arn, roleArn];
}

/** How policies and grants name an account as a whole. */
export function accountRootArn(accountId: string): string {
  return `arn:aws:iam::${accountId}:root`;
}

function invalidPrincipals(): Error {
  return malformed('Policy contains a statement with one or more invalid principals.');
}
