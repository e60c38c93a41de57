import { invariant } from '../runtime/errors.ts';
import { conditionOperators, type ValueTest } from './condition-operators.ts';
import { parseBoolean } from './condition-values.ts';
import { contextKey } from './context.ts';
import { type Evaluation, isSpent, spend, valuesOf } from './evaluation.ts';
import { malformed, quoted } from './malformed.ts';
import { withoutPartition } from './principal.ts';
import { NO, not, type Truth, truthOf, UNKNOWN, YES } from './truth.ts';

/** One operator applied to one key. The conditions of a statement must all hold. */
export interface Condition {
  /** As the policy's author wrote them, for explanations. */
  readonly operator: string;
  readonly key: string;
  holds(evaluation: Evaluation): Truth;
}

const QUALIFIERS = ['ForAllValues', 'ForAnyValue'] as const;
type Qualifier = (typeof QUALIFIERS)[number] | undefined;

/**
 * Compiles one operator with one key and its values.
 *
 * @param operator such as `StringEquals`, `ForAnyValue:StringLike`, `BoolIfExists`
 * @throws KeyholdError MalformedPolicyDocumentException
 */
export function compileCondition(
  operator: string,
  key: string,
  values: readonly string[],
  hasVariables: boolean,
): Condition {
  const asked = contextKey(key);
  const wanted = PRINCIPAL_ARN_KEYS.has(asked) ? values.map(withoutPartition) : values;
  return { operator, key, holds: compileTest(operator, asked, wanted, hasVariables) };
}

/** The keys whose values are ARNs of principals: policies may write those in any partition, as in a Principal element. */
const PRINCIPAL_ARN_KEYS: ReadonlySet<string> = new Set([
  'aws:principalarn',
  'aws:federatedprovider',
  'kms:granteeprincipal',
  'kms:retiringprincipal',
]);

/** Whether all of them hold. One that surely does not settles it, whatever cannot be evaluated beside it. */
export function allHold(conditions: readonly Condition[], evaluation: Evaluation): Truth {
  let result: Truth = YES;
  for (const condition of conditions) {
    const truth = condition.holds(evaluation);
    if (truth === NO) return NO;
    if (truth === UNKNOWN) result = UNKNOWN;
  }
  return result;
}

/** Whether this is an operator that conditions can have, such as `ForAnyValue:StringLikeIfExists`. */
export function isConditionOperator(written: string): boolean {
  return written === 'Null' || conditionOperators.has(parseOperator(written).name);
}

/** Whether its values are dates. */
export function isDateOperator(written: string): boolean {
  return parseOperator(written).name.startsWith('Date');
}

function parseOperator(written: string): { qualifier: Qualifier; ifExists: boolean; name: string } {
  const qualifier = QUALIFIERS.find((each) => written.startsWith(`${each}:`));
  const ifExists = written.endsWith('IfExists');
  const start = qualifier === undefined ? 0 : qualifier.length + 1;
  return { qualifier, ifExists, name: written.slice(start, ifExists ? -'IfExists'.length : undefined) };
}

function compileTest(
  written: string,
  key: string,
  values: readonly string[],
  hasVariables: boolean,
): Condition['holds'] {
  if (written === 'Null') return compileNull(key, values);
  const { qualifier, ifExists, name } = parseOperator(written);
  const operator = conditionOperators.get(name);
  invariant(operator !== undefined, 'the form of the document has been read');

  const test = operator.compile(values, hasVariables);
  const fits: ValueTest = operator.negated ? (value, evaluation) => not(test(value, evaluation)) : test;
  const whenAbsent = truthOf(ifExists || absentHolds(qualifier, operator.negated));
  return (evaluation) => {
    if (isSpent(evaluation)) return UNKNOWN;
    const present = valuesOf(evaluation, key);
    return present.length === 0 ? whenAbsent : combine(qualifier, present, fits, evaluation);
  };
}

/**
 * What a condition says of a key that the request does not have: a positive operator finds no match, a negated one finds
 * none either and so holds; of no values, all fit and none fits ("Set operators for multivalued context keys").
 */
function absentHolds(qualifier: Qualifier, negated: boolean): boolean {
  if (qualifier === 'ForAllValues') return true;
  if (qualifier === 'ForAnyValue') return false;
  return negated;
}

/** Looking at one value, besides reading its characters. */
const WORK_PER_VALUE = 32;

function combine(qualifier: Qualifier, values: readonly string[], fits: ValueTest, evaluation: Evaluation): Truth {
  let all: Truth = YES;
  let any: Truth = NO;
  for (const value of values) {
    if (!spend(evaluation, WORK_PER_VALUE + value.length)) return UNKNOWN;
    const truth = fits(value, evaluation);
    if (truth === UNKNOWN) {
      if (all === YES) all = UNKNOWN;
      if (any === NO) any = UNKNOWN;
    } else if (truth === YES) any = YES;
    else all = NO;
  }
  if (qualifier === 'ForAllValues') return all;
  if (qualifier === 'ForAnyValue') return any;
  // Without a qualifier a key has one value. AWS leaves open what several mean; where it matters, nothing is known.
  return all === any ? all : UNKNOWN;
}

/** `Null: true` holds when the key is absent, `Null: false` when it is there. */
function compileNull(key: string, values: readonly string[]): Condition['holds'] {
  const accepted = new Set<boolean>();
  for (const value of values) {
    const isAbsent = parseBoolean(value);
    if (isAbsent === undefined) {
      throw malformed(`Policy contains a condition value of the wrong type: ${quoted(value)}`);
    }
    accepted.add(isAbsent);
  }
  return (evaluation) =>
    isSpent(evaluation) ? UNKNOWN : truthOf(accepted.has(valuesOf(evaluation, key).length === 0));
}
