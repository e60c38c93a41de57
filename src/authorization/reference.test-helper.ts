// biome-ignore-all lint/suspicious/noTemplateCurlyInString: policy variables look like template literals.
import type { DenyReason } from './decide.ts';
import type { Listed, Situation, WrittenPolicy, WrittenStatement } from './fixtures.test-helper.ts';
import type { Principal } from './principal.ts';

/**
 * The authorizer as a specification: it reads the documents as they are written, asks every question of every statement
 * and takes no short cut. decide.test.ts holds the real one against it.
 */
export function authorizeByReference(s: Situation): 'allowed' | DenyReason {
  const denies = (policy: WrittenPolicy | undefined) =>
    policy?.some((it) => it.Effect === 'Deny' && denyApplies(it, s));
  if (denies(s.resourcePolicy)) return 'explicit-deny-in-resource-based-policy';
  if (s.identityPolicies.some(denies)) return 'explicit-deny-in-identity-based-policy';
  if (denies(s.boundary)) return 'explicit-deny-in-permissions-boundary';
  if (s.sessionPolicies.some(denies)) return 'explicit-deny-in-session-policy';

  const isHome = s.principal.accountId === s.resourceAccountId;
  const hasAccount = s.principal.type !== 'Service' && s.principal.type !== 'Anonymous';
  if (s.resourcePolicy === undefined) return isHome ? callersSide(s) : 'no-resource-based-policy-allows';
  const kinds = s.resourcePolicy
    .filter((it) => it.Effect === 'Allow' && covers(it, s) === true)
    .flatMap((it) => allowedCapacities(it, s));
  if (kinds.length === 0) return 'no-resource-based-policy-allows';
  if (!hasAccount || (isHome && kinds.includes('itself'))) return 'allowed';
  return isHome && kinds.includes('role') ? limits(s) : callersSide(s);
}

function callersSide(s: Situation): 'allowed' | DenyReason {
  if (s.principal.type === 'Service' || s.principal.type === 'Anonymous') return 'no-identity-based-policy-allows';
  const isAllowed = s.principal.type === 'Root' || s.identityPolicies.some((policy) => allowsIn(policy, s));
  return isAllowed ? limits(s) : 'no-identity-based-policy-allows';
}

function limits(s: Situation): 'allowed' | DenyReason {
  if (s.boundary && !allowsIn(s.boundary, s)) return 'no-permissions-boundary-allows';
  const needsSessionPolicy = s.sessionPolicies.length > 0 || s.principal.type === 'FederatedUser';
  if (needsSessionPolicy && !s.sessionPolicies.some((policy) => allowsIn(policy, s))) return 'no-session-policy-allows';
  return 'allowed';
}

function allowsIn(policy: WrittenPolicy, s: Situation): boolean {
  return policy.some((it) => it.Effect === 'Allow' && covers(it, s) === true);
}

function denyApplies(it: WrittenStatement, s: Situation): boolean {
  if (covers(it, s) === false) return false;
  if (it.Principal) return isDoubtful(it.Principal) || listedCapacities(it.Principal, s.principal).length > 0;
  if (!it.NotPrincipal) return true;
  const listed = listedCapacities(it.NotPrincipal, s.principal);
  return s.boundary !== undefined || !capacities(s.principal).every(([capacity]) => listed.includes(capacity));
}

function allowedCapacities(it: WrittenStatement, s: Situation): string[] {
  if (it.Principal) return listedCapacities(it.Principal, s.principal);
  const excluded = it.NotPrincipal ?? '*';
  return isDoubtful(excluded) || listedCapacities(excluded, s.principal).length > 0 ? [] : ['itself'];
}

/** The capacities in which someone acts, with the names that policies have for each. */
function capacities(p: Principal): [capacity: string, names: string[]][] {
  const role: [string, string[]] = ['role', [p.roleArn ?? '', p.id.split(':')[0] ?? '']];
  const account: [string, string[]] = ['account', [p.accountId, `arn:aws:iam::${p.accountId}:root`]];
  if (p.type === 'Root') return [account];
  return [['itself', [p.arn, p.id]], ...(p.roleArn ? [role] : []), ...(p.accountId ? [account] : [])];
}

function listedCapacities(listed: Listed, p: Principal): string[] {
  const texts = listed === '*' ? ['*'] : Object.values(listed).flat();
  if (texts.includes('*')) return ['itself', 'role', 'account'];
  return capacities(p).flatMap(([capacity, names]) => (names.some((name) => texts.includes(name)) ? [capacity] : []));
}

function isDoubtful(listed: Listed): boolean {
  return listed !== '*' && 'Federated' in listed;
}

type Answer = boolean | 'unknown';

function covers(it: WrittenStatement, s: Situation): Answer {
  const onAction = (it.Action ?? it.NotAction ?? []).some((text) => glob(text.toLowerCase(), s.action.toLowerCase()));
  if (onAction === (it.Action === undefined)) return false;
  const answers = (it.Resource ?? it.NotResource ?? []).map((text) => resourceAnswer(text, s));
  const onResource = answers.includes(true) || (answers.includes('unknown') ? 'unknown' : false);
  const resource = it.Resource || onResource === 'unknown' ? onResource : !onResource;
  const condition = it.Condition === undefined || s.context['x:tag'] === it.Condition.StringEquals['x:tag'];
  return condition && resource;
}

/** `${x:name}` is the one variable here. */
function resourceAnswer(text: string, s: Situation): Answer {
  if (text === '*') return true;
  const [pattern, actual] = [text.replace('${x:name}', '<name>').split(':'), s.resource.split(':')];
  if (actual.length < 6) return false;
  const name = s.context['x:name'];
  const answers = pattern.map((segment, i): Answer => {
    if (!segment.includes('<name>')) return glob(segment, actual[i] as string);
    return name === undefined ? 'unknown' : segment.replace('<name>', name) === actual[i];
  });
  return !answers.includes(false) && (answers.includes('unknown') ? 'unknown' : true);
}

/** Only the tests' own patterns come here, so a regular expression may do. */
function glob(pattern: string, text: string): boolean {
  return new RegExp(`^${pattern.replaceAll('*', '.*').replaceAll('?', '.')}$`).test(text);
}
