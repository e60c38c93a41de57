import { type Condition, compileCondition } from './conditions.ts';
import { type Json, type JsonObject, parseJson } from './json.ts';
import { malformed, quoted } from './malformed.ts';
import { parseResourceArn } from './pattern.ts';
import type { ActionElement, Policy, PolicyKind, ResourceElement, Statement } from './policy.ts';
import { type PrincipalElement, parsePrincipalElement } from './principal.ts';
import { wildcardPattern } from './wildcard.ts';

/** AWS KMS's limit for a key policy, and more than any other policy may have. */
const LONGEST_DOCUMENT = 32_768;
/** What the APIs of KMS and IAM do not let into a policy's text. */
const FOREIGN_CHARACTER = /[^\t\n\r\x20-\xff]/;

const DOCUMENT_ELEMENTS = new Set(['Version', 'Id', 'Statement']);
const STATEMENT_ELEMENTS = new Set([
  'Sid',
  'Effect',
  'Principal',
  'NotPrincipal',
  'Action',
  'NotAction',
  'Resource',
  'NotResource',
  'Condition',
]);
/** `*`, or a vendor's prefix and an action's name. */
const ACTION = /^(?:\*|[a-z0-9*?-]+:[a-z0-9*?-]+)$/;

/**
 * Reads and compiles a policy document. The text itself is kept by the caller and never rewritten.
 *
 * @throws KeyholdError MalformedPolicyDocumentException with the reason
 */
export function parsePolicy(text: string, kind: PolicyKind): Policy {
  if (text.length > LONGEST_DOCUMENT) throw malformed('Policy is too long.');
  if (FOREIGN_CHARACTER.test(text)) throw malformed('Policy contains a character that is not allowed.');
  const document = parseJson(text);
  if (!isObject(document)) throw malformed('Policies must be a JSON object.');
  refuseUnknown(document, DOCUMENT_ELEMENTS);
  const hasVariables = parseVersion(document.get('Version')) === '2012-10-17';
  const id = optionalText(document, 'Id');
  const statements = statementList(document).map((element, index) =>
    parseStatement(element, index, kind, hasVariables),
  );
  refuseDuplicateSids(statements);
  return Object.freeze({
    kind,
    id,
    denies: Object.freeze(statements.filter((statement) => statement.effect === 'Deny')),
    allows: Object.freeze(statements.filter((statement) => statement.effect === 'Allow')),
  });
}

/** Without a version a document is of the first one, which has no variables. */
function parseVersion(version: Json | undefined): '2008-10-17' | '2012-10-17' {
  if (version === undefined) return '2008-10-17';
  if (version === '2008-10-17' || version === '2012-10-17') return version;
  throw malformed('The policy must contain a valid version string.');
}

function statementList(document: JsonObject): readonly Json[] {
  const statement = document.get('Statement');
  if (statement === undefined) throw malformed('Missing required field Statement');
  const list = Array.isArray(statement) ? (statement as readonly Json[]) : [statement];
  if (list.length === 0) throw malformed('Could not parse the policy: Statement is empty!');
  return list;
}

function parseStatement(value: Json, index: number, kind: PolicyKind, hasVariables: boolean): Statement {
  if (!isObject(value)) throw malformed('Syntax errors in policy.');
  refuseUnknown(value, STATEMENT_ELEMENTS);
  return Object.freeze({
    sid: parseSid(value, kind),
    index,
    effect: parseEffect(value),
    principal: parsePrincipal(value, kind),
    action: parseAction(value),
    resource: parseResource(value, hasVariables),
    conditions: parseConditions(value.get('Condition'), hasVariables),
  });
}

function parseSid(statement: JsonObject, kind: PolicyKind): string | undefined {
  const sid = optionalText(statement, 'Sid');
  // KMS's own default key policy has a Sid with spaces; IAM allows letters and digits only.
  if (kind === 'identity' && sid !== undefined && !/^[0-9A-Za-z]*$/.test(sid)) {
    throw malformed(
      'Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular expression [0-9A-Za-z]*',
    );
  }
  return sid;
}

function refuseDuplicateSids(statements: readonly Statement[]): void {
  const seen = new Set<string>();
  for (const { sid } of statements) {
    if (!sid) continue;
    if (seen.has(sid)) throw malformed('Statement IDs (SID) in a single policy must be unique.');
    seen.add(sid);
  }
}

function parseEffect(statement: JsonObject): 'Allow' | 'Deny' {
  const effect = statement.get('Effect');
  if (effect === undefined) throw malformed('Missing required field Effect');
  if (effect === 'Allow' || effect === 'Deny') return effect;
  throw malformed(`Invalid effect: ${typeof effect === 'string' ? quoted(effect) : 'not a string'}`);
}

function parsePrincipal(statement: JsonObject, kind: PolicyKind): PrincipalElement | undefined {
  const element = oneOf(statement, 'Principal', 'NotPrincipal');
  if (kind === 'identity') {
    if (element) throw malformed('Policy document should not specify a principal.');
    return undefined;
  }
  if (!element) throw malformed('Missing required field Principal');
  return parsePrincipalElement(element.value, element.excludes);
}

function parseAction(statement: JsonObject): ActionElement {
  const element = oneOf(statement, 'Action', 'NotAction');
  const actions = element ? textList(element.value, 'Action').map((action) => action.toLowerCase()) : [];
  if (!element || actions.length === 0) throw malformed('Policy statement must contain actions.');
  for (const action of actions) {
    if (!ACTION.test(action)) {
      throw malformed('Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.');
    }
  }
  return {
    excludes: element.excludes,
    any: actions.includes('*'),
    exact: new Set(actions.filter((action) => !hasWildcard(action))),
    patterns: actions.filter(hasWildcard).map((action) => wildcardPattern(action)),
  };
}

function parseResource(statement: JsonObject, hasVariables: boolean): ResourceElement {
  const element = oneOf(statement, 'Resource', 'NotResource');
  const resources = element ? textList(element.value, 'Resource') : [];
  if (!element || resources.length === 0) throw malformed('Policy statement must contain resources.');
  const patterns = resources.map((resource) => parseResourceArn(resource, hasVariables));
  return { excludes: element.excludes, any: patterns.some((pattern) => pattern.kind === 'any'), patterns };
}

function parseConditions(block: Json | undefined, hasVariables: boolean): readonly Condition[] {
  if (block === undefined) return [];
  if (!isObject(block)) throw malformed('Syntax errors in policy.');
  const conditions: Condition[] = [];
  for (const [operator, keys] of block) {
    if (!isObject(keys)) throw malformed('Syntax errors in policy.');
    for (const [key, value] of keys) {
      conditions.push(compileCondition(operator, key, conditionValues(value), hasVariables));
    }
  }
  return conditions;
}

/** Numbers and booleans may stand without quotes. */
function conditionValues(value: Json): readonly string[] {
  const list = Array.isArray(value) ? (value as readonly Json[]) : [value];
  return list.map((item) => {
    if (typeof item === 'string') return item;
    if (typeof item === 'boolean') return String(item);
    if (item !== null && 'text' in item) return item.text;
    throw malformed('Syntax errors in policy.');
  });
}

/** The value of an element or of its negation; a statement has one of the two at most. */
function oneOf(statement: JsonObject, name: string, negation: string): { value: Json; excludes: boolean } | undefined {
  const value = statement.get(name);
  const negated = statement.get(negation);
  if (value !== undefined && negated !== undefined) {
    throw malformed(`Statement contains both ${name} and ${negation}.`);
  }
  if (value !== undefined) return { value, excludes: false };
  return negated === undefined ? undefined : { value: negated, excludes: true };
}

function textList(value: Json, name: string): readonly string[] {
  const list = Array.isArray(value) ? (value as readonly Json[]) : [value];
  if (!list.every((item) => typeof item === 'string')) throw malformed(`Syntax errors in policy: ${name}.`);
  return list;
}

function optionalText(object: JsonObject, name: string): string | undefined {
  const value = object.get(name);
  if (value === undefined || typeof value === 'string') return value;
  throw malformed(`Syntax errors in policy: ${name}.`);
}

function refuseUnknown(object: JsonObject, known: ReadonlySet<string>): void {
  for (const name of object.keys()) {
    if (!known.has(name)) throw malformed(`Unknown field ${quoted(name)}`);
  }
}

function hasWildcard(text: string): boolean {
  return text.includes('*') || text.includes('?');
}

function isObject(value: Json): value is JsonObject {
  return value instanceof Map;
}
