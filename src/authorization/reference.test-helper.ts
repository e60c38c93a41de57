import type { DenyReason } from './decide.ts';
import type { Principal } from './principal.ts';
import { type Answer, conditionAnswer, every, expanded, glob, not, some } from './reference-conditions.test-helper.ts';
import type {
  Listed,
  OneOrMore,
  Situation,
  WrittenGrant,
  WrittenPolicy,
  WrittenStatement,
} from './situation.test-helper.ts';

/**
 * The authorizer as a specification, after AWS's "Policy evaluation logic" (IAM User Guide) and "Grants in AWS KMS"
 * (developer guide): it reads the documents as they are written, asks every question of every statement and takes no short
 * cut. test/authorization/ holds the real one and its parser against it.
 */
export type Verdict = 'allowed' | DenyReason;

export function authorizeByReference(s: Situation): Verdict {
  const verdict = byPolicies(s);
  if (verdict === 'allowed' || verdict.startsWith('explicit-deny')) return verdict;
  return s.grants.some((grant) => grantAllows(grant, s)) ? 'allowed' : verdict;
}

function byPolicies(s: Situation): Verdict {
  const denies = (policy: WrittenPolicy | undefined) =>
    policy && list(policy.Statement).some((it) => it.Effect === 'Deny' && denyApplies(it, policy, s));
  if (denies(s.resourcePolicy)) return 'explicit-deny-in-resource-based-policy';
  if (s.identityPolicies.some(denies)) return 'explicit-deny-in-identity-based-policy';
  if (denies(s.boundary)) return 'explicit-deny-in-permissions-boundary';
  if (s.sessionPolicies.some(denies)) return 'explicit-deny-in-session-policy';

  const isHome = s.principal.accountId === s.resourceAccountId;
  const policy = s.resourcePolicy;
  if (policy === undefined) return isHome ? callersSide(s) : 'no-resource-based-policy-allows';
  const named = list(policy.Statement)
    .filter((it) => it.Effect === 'Allow' && it.Principal !== undefined && covers(it, policy, s) === true)
    .flatMap((it) => listedCapacities(it.Principal as Listed, s))
    // Everyone is everyone of AWS, and nobody who only has a token.
    .filter((capacity) => capacity !== 'anyone' || s.principal.type !== 'WebIdentity');
  if (named.length === 0) return 'no-resource-based-policy-allows';
  if (!hasAccount(s.principal) || (isHome && (named.includes('itself') || named.includes('anyone')))) return 'allowed';
  return isHome && (named.includes('role') || named.includes('provider')) ? limits(s) : callersSide(s);
}

/** A grant names the caller, the role of its session, or its account; each of them leaves a part of its own policies in force. */
function grantAllows({ grantee, operations, contextSubset = {} }: WrittenGrant, s: Situation): boolean {
  const isInContext = ([name, value]: [string, string]) => s.context[`kms:encryptioncontext:${name}`]?.[0] === value;
  if (!operations.some((operation) => `kms:${operation}` === s.action)) return false;
  if (!Object.entries(contextSubset).every(isInContext)) return false;
  if (grantee === s.principal.arn) return true;
  if (grantee === s.principal.roleArn) return limits(s) === 'allowed';
  return grantee === rootArn(s.principal.accountId) && callersSide(s) === 'allowed';
}

function callersSide(s: Situation): Verdict {
  if (!hasAccount(s.principal)) return 'no-identity-based-policy-allows';
  const isAllowed = s.principal.type === 'Root' || s.identityPolicies.some((policy) => allowsIn(policy, s));
  return isAllowed ? limits(s) : 'no-identity-based-policy-allows';
}

function limits(s: Situation): Verdict {
  if (s.boundary && !allowsIn(s.boundary, s)) return 'no-permissions-boundary-allows';
  const needsSessionPolicy = s.sessionPolicies.length > 0 || s.principal.type === 'FederatedUser';
  if (needsSessionPolicy && !s.sessionPolicies.some((policy) => allowsIn(policy, s))) return 'no-session-policy-allows';
  return 'allowed';
}

function allowsIn(policy: WrittenPolicy, s: Situation): boolean {
  return list(policy.Statement).some((it) => it.Effect === 'Allow' && covers(it, policy, s) === true);
}

/** What cannot be evaluated denies, and so does a principal who cannot be told from others. */
function denyApplies(it: WrittenStatement, policy: WrittenPolicy, s: Situation): boolean {
  if (covers(it, policy, s) === false) return false;
  if (it.Principal) return isDoubtful(it.Principal) || listedCapacities(it.Principal, s).length > 0;
  if (!it.NotPrincipal) return true;
  const spared = listedCapacities(it.NotPrincipal, s);
  const needed = Object.keys(capacities(s.principal)).filter((capacity) => capacity !== 'provider');
  const isSpared = spared.includes('anyone') || needed.every((capacity) => spared.includes(capacity));
  return s.boundary !== undefined || !isSpared;
}

/** The capacities in which someone acts, with the names that policies have for each. */
function capacities({ type, arn, id, accountId, roleArn, federatedProvider }: Principal): Record<string, string[]> {
  const account = { account: [accountId, rootArn(accountId)] };
  if (type === 'Root') return account;
  return {
    itself: [arn, id],
    ...(roleArn && { role: [roleArn, id.split(':')[0] as string] }),
    ...(federatedProvider && { provider: [federatedProvider] }),
    ...(accountId && hasAccount({ type }) && account),
  };
}

function listedCapacities(listed: Listed, s: Situation): string[] {
  if (listed === '*') return ['anyone'];
  const of = (kind: string) => list(listed[kind] ?? []);
  // Who had an id when the policy was saved is meant by the id alone.
  const meant = of('AWS')
    .map(inOnePartition)
    .map((text) => s.principalIds[text] ?? text);
  const others = [...of('Service'), ...of('Federated').filter(isOidcProvider).map(inOnePartition)];
  const named = Object.entries(capacities(s.principal)).flatMap(([capacity, names]) =>
    names.some((name) => meant.includes(name) || others.includes(name)) ? [capacity] : [],
  );
  return of('AWS').includes('*') ? ['anyone', ...named] : named;
}

function isDoubtful(listed: Listed): boolean {
  return listed !== '*' && ('CanonicalUser' in listed || !list(listed['Federated'] ?? []).every(isOidcProvider));
}

function covers(it: WrittenStatement, { Version }: WrittenPolicy, s: Situation): Answer {
  const onAction = some(list(it.Action ?? it.NotAction ?? []), (text) =>
    glob(text.toLowerCase(), s.action.toLowerCase()),
  );
  const resources = list(it.Resource ?? it.NotResource ?? '*');
  const onResource = some(resources, (text) => resourceAnswer(text, Version, s));
  const conditions = Object.entries(it.Condition ?? {}).flatMap(([operator, keys]) =>
    Object.entries(keys).map(([key, values]) => () => {
      return conditionAnswer(operator, key, list(values).map(String), Version, s.context);
    }),
  );
  return every(
    [
      () => (it.Action ? onAction : not(onAction)),
      () => (it.NotResource ? not(onResource) : onResource),
      ...conditions,
    ],
    (answer) => answer(),
  );
}

/** Each of the six segments is compared with its own; what a pattern leaves out may be anything. */
function resourceAnswer(text: string, version: string | undefined, s: Situation): Answer {
  if (text === '*') return true;
  const actual = sixSegments(s.resource);
  if (actual.length < 6) return false;
  return every(sixSegments(text), (segment, i) => {
    const pattern = expanded(segment, version, s.context);
    return pattern === undefined ? 'unknown' : glob(pattern, actual[i] as string);
  });
}

/** A colon within a variable separates nothing. */
function sixSegments(arn: string): string[] {
  const parts = arn.replace(/\$\{[^}]*\}/g, (variable) => variable.replaceAll(':', '\0')).split(':');
  const segments = parts.length > 6 ? [...parts.slice(0, 5), parts.slice(5).join(':')] : parts;
  return segments.map((segment) => segment.replaceAll('\0', ':'));
}

const hasAccount = ({ type }: Pick<Principal, 'type'>) => !['Service', 'Anonymous', 'WebIdentity'].includes(type);
const isOidcProvider = (text: string) => text.includes(':oidc-provider/');
const inOnePartition = (arn: string) => arn.replace(/^arn:aws-(cn|us-gov):/, 'arn:aws:');
const rootArn = (accountId: string) => `arn:aws:iam::${accountId}:root`;
const list = <T>(value: OneOrMore<T>): readonly T[] => (Array.isArray(value) ? value : [value as T]);
