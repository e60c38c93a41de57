import { isConditionOperator } from './conditions.ts';
import { type Json, type JsonObject, parseJson } from './json.ts';
import { malformed, quoted } from './malformed.ts';
import type { PolicyKind } from './policy.ts';

/** A policy document as it is written: its form is sound, and what it says is yet to be judged. */
export interface Document {
  readonly id: string | undefined;
  readonly version: '2008-10-17' | '2012-10-17';
  readonly statements: readonly WrittenStatement[];
}

export interface WrittenStatement {
  readonly sid: string | undefined;
  /** `Allow` or `Deny`, in whichever case. */
  readonly effect: string;
  readonly principal: WrittenElement<Json> | undefined;
  readonly action: WrittenElement<readonly string[]> | undefined;
  readonly resource: WrittenElement<readonly string[]> | undefined;
  readonly conditions: readonly WrittenCondition[];
}

/** An element or its negation, of which a statement has one at most. */
export interface WrittenElement<Value> {
  readonly excludes: boolean;
  readonly value: Value;
}

export interface WrittenCondition {
  readonly operator: string;
  readonly key: string;
  readonly values: readonly string[];
}

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

/**
 * Reads the form of a document.
 *
 * @throws KeyholdError MalformedPolicyDocumentException
 */
export function readDocument(text: string, kind: PolicyKind): Document {
  /** Of a mistake in the form of an identity's policy, IAM says no more than that there is one. */
  const fault = (reason: string): Error => malformed(kind === 'identity' ? 'Syntax errors in policy.' : reason);
  const json = readJson();
  if (!isObject(json)) throw fault('Policies must be a JSON object.');
  refuseUnknown(json, DOCUMENT_ELEMENTS);
  const version = readVersion();
  const id = optionalText(json, 'Id');
  return { id, version, statements: statementList().map(readStatement) };

  /** KMS is told what the parser has found. IAM says in one way that it is no JSON, also of a key that is there twice. */
  function readJson(): Json {
    if (kind === 'resource') return parseJson(text);
    try {
      return parseJson(text);
    } catch {
      throw fault('This policy contains invalid Json');
    }
  }

  /** Without a version a document is of the first one, which has no variables. */
  function readVersion(): Document['version'] {
    const written = (json as JsonObject).get('Version');
    if (written === undefined) return '2008-10-17';
    if (written === '2008-10-17' || written === '2012-10-17') return written;
    throw fault('The policy must contain a valid version string.');
  }

  function statementList(): readonly Json[] {
    const statement = (json as JsonObject).get('Statement');
    if (statement === undefined) throw fault('Missing required field Statement');
    const list = listOf(statement);
    if (list.length === 0) throw fault('Could not parse the policy: Statement is empty!');
    return list;
  }

  function readStatement(value: Json): WrittenStatement {
    if (!isObject(value)) throw fault('Syntax errors in policy.');
    refuseUnknown(value, STATEMENT_ELEMENTS);
    return {
      sid: optionalText(value, 'Sid'),
      effect: readEffect(value),
      principal: oneOf(value, 'Principal', 'NotPrincipal'),
      action: textList(value, 'Action', 'NotAction'),
      resource: textList(value, 'Resource', 'NotResource'),
      conditions: readConditions(value.get('Condition')),
    };
  }

  function readEffect(statement: JsonObject): string {
    const effect = statement.get('Effect');
    if (effect === undefined) throw fault('Missing required field Effect');
    if (typeof effect !== 'string') throw fault('Invalid effect: not a string');
    if (!/^(?:allow|deny)$/i.test(effect)) throw fault(`Invalid effect: ${quoted(effect)}`);
    return effect;
  }

  function readConditions(block: Json | undefined): readonly WrittenCondition[] {
    if (block === undefined) return [];
    if (!isObject(block)) throw fault('Syntax errors in policy.');
    return [...block].flatMap(([operator, keys]) => {
      if (!isObject(keys)) throw fault('Syntax errors in policy.');
      // One that names no key asks for nothing, and IAM does not look at it.
      if (keys.size > 0 && !isConditionOperator(operator)) {
        throw fault(`Invalid Condition type : ${quoted(operator)}`);
      }
      return [...keys].map(([key, values]) => ({ operator, key, values: conditionValues(values) }));
    });
  }

  /** Values may be written as JSON numbers and booleans too. */
  function conditionValues(value: Json): readonly string[] {
    return listOf(value).map((item) => {
      if (typeof item === 'string') return item;
      if (typeof item === 'boolean') return String(item);
      if (item !== null && 'text' in item) return item.text;
      throw fault('Syntax errors in policy.');
    });
  }

  function textList(
    statement: JsonObject,
    name: string,
    negation: string,
  ): WrittenElement<readonly string[]> | undefined {
    const element = oneOf(statement, name, negation);
    if (element === undefined) return undefined;
    const value = listOf(element.value);
    if (!value.every((item) => typeof item === 'string')) throw fault(`Syntax errors in policy: ${name}.`);
    return { excludes: element.excludes, value };
  }

  function oneOf(statement: JsonObject, name: string, negation: string): WrittenElement<Json> | undefined {
    const value = statement.get(name);
    const negated = statement.get(negation);
    if (value !== undefined && negated !== undefined) {
      throw fault(`Statement contains both ${name} and ${negation}.`);
    }
    if (value !== undefined) return { excludes: false, value };
    return negated === undefined ? undefined : { excludes: true, value: negated };
  }

  function optionalText(object: JsonObject, name: string): string | undefined {
    const value = object.get(name);
    if (value === undefined || typeof value === 'string') return value;
    throw fault(`Syntax errors in policy: ${name}.`);
  }

  function refuseUnknown(object: JsonObject, known: ReadonlySet<string>): void {
    for (const name of object.keys()) {
      if (!known.has(name)) throw fault(`Unknown field ${quoted(name)}`);
    }
  }
}

function listOf(value: Json): readonly Json[] {
  return Array.isArray(value) ? value : [value];
}

function isObject(value: Json): value is JsonObject {
  return value instanceof Map;
}
