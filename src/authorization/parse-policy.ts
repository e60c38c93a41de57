import { parseDate } from './condition-values.ts';
import { type Condition, compileCondition, isDateOperator } from './conditions.ts';
import { malformed, quoted } from './malformed.ts';
import { type ArnPattern, parseResourceArn } from './pattern.ts';
import type { ActionElement, Policy, PolicyKind, ResourceElement, Statement } from './policy.ts';
import { type PrincipalElement, type PrincipalIds, parsePrincipalElement } from './principal.ts';
import { type Document, readDocument, type WrittenStatement } from './read-document.ts';
import { failsLegacyParsing, resourceFault } from './resource-format.ts';
import { wildcardPattern } from './wildcard.ts';

/** AWS KMS's limit for a key policy; and IAM's for the text of any policy, white space included. */
const LONGEST_DOCUMENT: Readonly<Record<PolicyKind, number>> = { resource: 32_768, identity: 131_072, trust: 131_072 };
/** What the APIs of KMS and IAM do not let into a policy's text. */
const FOREIGN_CHARACTER = /[^\t\n\r\x20-\xff]/;

/**
 * Reads and compiles a policy document. The text itself is kept by the caller and never rewritten.
 *
 * What is wrong is looked for in AWS's order, and said in the words of the API that the policy is sent to: IAM's for the
 * policies of identities, and those that IAM and S3 have for policies with principals.
 *
 * @param principalIds of the principals it names, as far as they have one: see {@link PrincipalIds}
 * @throws KeyholdError MalformedPolicyDocumentException with the reason
 */
export function parsePolicy(text: string, kind: PolicyKind, principalIds?: PrincipalIds): Policy {
  return compile(read(text, kind), kind, principalIds);
}

/** The same of a policy that is about to become a managed one, for which IAM has no use for the older version. */
export function parseManagedPolicy(text: string): Policy {
  const document = read(text, 'identity');
  if (document.version !== '2012-10-17') throw malformed('Policy document must be version 2012-10-17 or greater.');
  return compile(document, 'identity', undefined);
}

function read(text: string, kind: PolicyKind): Document {
  if (text.length > LONGEST_DOCUMENT[kind]) throw malformed('Policy is too long.');
  if (FOREIGN_CHARACTER.test(text)) throw malformed('Policy contains a character that is not allowed.');
  return readDocument(text, kind);
}

function compile(
  { id, version, statements: written }: Document,
  kind: PolicyKind,
  principalIds: PrincipalIds | undefined,
): Policy {
  const hasVariables = version === '2012-10-17';
  if (kind === 'identity') checkLegacyParsing(written);
  const principals = written.map((statement) => compilePrincipal(statement, kind, principalIds));
  checkSids(written, kind);
  checkActionsExist(written, kind);
  if (kind === 'trust') checkTrust(written);
  else checkResources(written);
  for (const { action } of written) action?.value.forEach(checkAction);
  const patternsByText = new Map<string, ArnPattern>();
  const statements = written.map((statement, index) =>
    Object.freeze({
      sid: statement.sid,
      index,
      effect: statement.effect as Statement['effect'],
      principal: principals[index],
      action: compileAction(statement),
      resource: kind === 'trust' ? OWN_ROLE : compileResource(statement, hasVariables, patternsByText),
      conditions: compileConditions(statement, hasVariables),
    }),
  );
  return Object.freeze({
    kind,
    id,
    denies: Object.freeze(statements.filter((statement) => statement.effect === 'Deny')),
    allows: Object.freeze(statements.filter((statement) => statement.effect === 'Allow')),
    principalArns: namedBy(statements, ({ arns }) => arns),
    principalAccounts: namedBy(statements, ({ accounts }) => accounts),
  });
}

/** What IAM's older parser refuses, it refuses without a reason. */
function checkLegacyParsing(statements: readonly WrittenStatement[]): void {
  const isSound = ({ effect, conditions }: WrittenStatement) =>
    isEffect(effect) &&
    conditions.every(
      (it) => !isDateOperator(it.operator) || it.values.every((value) => parseDate(value) !== undefined),
    );
  const resources = statements.flatMap(({ resource }) => resource?.value ?? []);
  // It stops at the first resource in which the newer parser finds a fault, which is then told further below.
  const faulty = resources.findIndex((resource) => resourceFault(resource) !== undefined);
  const reached = faulty < 0 ? resources : resources.slice(0, faulty);
  if (statements.every(isSound) && !reached.some(failsLegacyParsing)) return;
  throw malformed('The policy failed legacy parsing');
}

function isEffect(effect: string): effect is Statement['effect'] {
  return effect === 'Allow' || effect === 'Deny';
}

function compilePrincipal(
  { effect, principal }: WrittenStatement,
  kind: PolicyKind,
  ids: PrincipalIds | undefined,
): PrincipalElement | undefined {
  if (kind === 'identity') {
    if (principal) throw malformed('Policy document should not specify a principal.');
    return undefined;
  }
  if (!isEffect(effect)) throw malformed(`Invalid effect: ${quoted(effect)}`);
  if (!principal) throw malformed('Missing required field Principal');
  // "Using it with "Effect": "Allow" is not supported" (NotPrincipal, IAM User Guide): it would let in everyone unthought of.
  if (principal.excludes && effect === 'Allow') throw malformed('Allow with NotPrincipal is not allowed.');
  if (kind === 'trust' && principal.excludes) {
    throw malformed('AssumeRole policy must not contain NotPrincipal field.');
  }
  if (kind === 'trust' && principal.value === '*') {
    throw malformed('AssumeRolepolicy contained an invalid principal: "STAR":"*".');
  }
  return parsePrincipalElement(principal.value, principal.excludes, kind, ids);
}

function checkSids(statements: readonly WrittenStatement[], kind: PolicyKind): void {
  const seen = new Set<string>();
  for (const { sid } of statements) {
    if (!sid) continue;
    // KMS's own default key policy has a Sid with spaces; IAM allows letters and digits only.
    if (kind === 'identity' && !/^[0-9A-Za-z]*$/.test(sid)) {
      throw malformed(
        'Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular expression [0-9A-Za-z]*',
      );
    }
    if (seen.has(sid)) {
      throw malformed(
        kind === 'trust'
          ? 'The Statement Ids in the policy are not unique'
          : 'Statement IDs (SID) in a single policy must be unique.',
      );
    }
    seen.add(sid);
  }
}

function checkActionsExist(statements: readonly WrittenStatement[], kind: PolicyKind): void {
  if (statements.every(({ action }) => action !== undefined && action.value.length > 0)) return;
  throw malformed(kind === 'trust' ? 'Missing required field Action' : 'Policy statement must contain actions.');
}

/** A trust policy is about one role, and about nothing else that it can name. */
function checkTrust(statements: readonly WrittenStatement[]): void {
  for (const { action, resource } of statements) {
    if (action?.value.some((text) => !/^sts:/i.test(text))) {
      throw malformed('AssumeRole policy may only specify STS AssumeRole actions.');
    }
    if (resource) {
      throw malformed(
        resource.excludes ? 'AssumeRole policy must not contain resources.' : 'Has prohibited field Resource',
      );
    }
  }
}

function checkResources(statements: readonly WrittenStatement[]): void {
  for (const { resource } of statements) {
    for (const text of resource?.value ?? []) {
      const fault = resourceFault(text);
      if (fault !== undefined) throw malformed(fault);
    }
  }
}

function checkAction(action: string): void {
  const [vendor = '', name, ...more] = action.split(':');
  if (action === '*') return;
  if (name === undefined) {
    throw malformed('Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.');
  }
  if (more.length > 0) throw malformed('Actions/Condition can contain only one colon.');
  if (vendor !== '*' && !/^[a-zA-Z0-9.-]*$/.test(vendor)) throw malformed(`Vendor ${quoted(vendor)} is not valid`);
}

function compileAction({ action }: WrittenStatement): ActionElement {
  const actions = (action?.value ?? []).map((text) => text.toLowerCase());
  return {
    excludes: action?.excludes === true,
    any: actions.some((text) => text === '*' || text === '*:*'),
    exact: new Set(actions.filter((text) => !hasWildcard(text))),
    patterns: actions.filter(hasWildcard).map((text) => wildcardPattern(text)),
  };
}

/** A trust policy is about the role it belongs to, and only that role's requests ask it. */
const OWN_ROLE: ResourceElement = Object.freeze({ excludes: false, any: true, patterns: [] });

/** @param patternsByText what has been compiled for other statements of the policy: decisions tell it by its identity */
function compileResource(
  { resource }: WrittenStatement,
  hasVariables: boolean,
  patternsByText: Map<string, ArnPattern>,
): ResourceElement {
  if (resource === undefined || resource.value.length === 0) {
    throw malformed('Policy statement must contain resources.');
  }
  const patterns = resource.value.map((text) => {
    const known = patternsByText.get(text) ?? parseResourceArn(text, hasVariables);
    patternsByText.set(text, known);
    return known;
  });
  return { excludes: resource.excludes, any: patterns.some((pattern) => pattern.kind === 'any'), patterns };
}

function compileConditions({ conditions }: WrittenStatement, hasVariables: boolean): readonly Condition[] {
  return conditions.map(({ operator, key, values }) => compileCondition(operator, key, values, hasVariables));
}

function namedBy(
  statements: readonly Statement[],
  names: (element: PrincipalElement) => ReadonlySet<string>,
): readonly string[] {
  return [...new Set(statements.flatMap(({ principal }) => (principal ? [...names(principal)] : [])))];
}

function hasWildcard(text: string): boolean {
  return text.includes('*') || text.includes('?');
}
