import { conditionOperators, isBoolean, type ValueTest } from './condition-operators.ts';
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

type Qualifier = 'ForAllValues' | 'ForAnyValue' | undefined;

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
  if (!key.includes(':')) {
    throw malformed('Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.');
  }
  if (values.length === 0) throw malformed(`Condition ${quoted(key)} has no values.`);
  const asked = contextKey(key);
  const wanted = PRINCIPAL_ARN_KEYS.has(asked) ? values.map(withoutPartition) : values;
  return { operator, key, holds: compileTest(operator, asked, wanted, hasVariables) };
}

/** The keys whose values are ARNs of principals: policies may write those in any partition, as in a Principal element. */
const PRINCIPAL_ARN_KEYS: ReadonlySet<string> = new Set([
  'aws:principalarn',
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

function compileTest(
  written: string,
  key: string,
  values: readonly string[],
  hasVariables: boolean,
): Condition['holds'] {
  if (written === 'Null') return compileNull(key, values);
  const colon = written.indexOf(':');
  const qualifier = colon < 0 ? undefined : written.slice(0, colon);
  if (qualifier !== undefined && qualifier !== 'ForAllValues' && qualifier !== 'ForAnyValue') {
    throw unknownOperator(written);
  }
  const ifExists = written.endsWith('IfExists');
  const name = written.slice(colon + 1, ifExists ? -'IfExists'.length : undefined);
  const operator = conditionOperators.get(name);
  if (operator === undefined) throw unknownOperator(written);

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
  for (const value of values) {
    if (!isBoolean(value)) throw malformed(`Policy contains a condition value of the wrong type: ${quoted(value)}`);
  }
  const accepted = new Set(values.map((value) => value.toLowerCase() === 'true'));
  return (evaluation) =>
    isSpent(evaluation) ? UNKNOWN : truthOf(accepted.has(valuesOf(evaluation, key).length === 0));
}

function unknownOperator(written: string): Error {
  return malformed(`Invalid Condition type : ${quoted(written)}`);
}
