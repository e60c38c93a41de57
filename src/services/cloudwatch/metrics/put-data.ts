import type { MetricDatum as AwsDatum } from '@aws-sdk/client-cloudwatch';
import type { MetricDatum, StatisticSet } from '../../../monitoring/metric.ts';
import { KeyholdError } from '../../../runtime/errors.ts';
import * as metrics from '../../../wire/metric-shapes.ts';
import { exclusive, invalidValue, tooMany } from '../../../wire/parameter-words.ts';
import { type Input, required, structure } from '../../../wire/shapes.ts';
import type { Scope } from '../../caller.ts';
import { metricIdOf } from './metric-id.ts';

/** What PutMetricData takes for a datum, with the refusals and words of AWS as far as they are known. */

export const datum = structure<AwsDatum>({
  MetricName: required(metrics.metricName),
  Dimensions: metrics.dimensions,
  Timestamp: metrics.moment,
  Value: metrics.value,
  StatisticValues: metrics.statisticSet,
  Values: metrics.values,
  Counts: metrics.values,
  Unit: metrics.unit,
  StorageResolution: metrics.storageResolution,
});

const INVALID = 'InvalidParameterValueException';
const MOST_VALUES = 150;
/** "Values must be in the range of -2^360 to 2^360"; the smallest but 0 that AWS takes is as small as that is large. */
const GREATEST = 2 ** 360;
const OLDEST_MS = 14 * 86_400_000;
const NEWEST_MS = 2 * 3_600_000;
/** "must contain only ASCII characters", and no control characters ("Dimension", API reference). */
const ASCII = /^[\x20-\x7e]*$/;

/** @param path as AWS names it: `MetricData.member.1` */
export function checkDatum(each: Input<AwsDatum>, path: string): void {
  const { Value, Values, Counts, StatisticValues, StorageResolution = 60, Dimensions = [] } = each;
  checkText(each.MetricName, `${path}.MetricName`);
  for (const [index, { Name, Value: value }] of Dimensions.entries()) {
    const at = `${path}.Dimensions.member.${index + 1}`;
    if (Name.startsWith(':') || Name.trim() === '') throw invalidValue(Name, `${at}.Name`, INVALID);
    if (value.trim() === '') throw invalidValue(value, `${at}.Value`, INVALID);
    checkText(Name, `${at}.Name`);
    checkText(value, `${at}.Value`);
    if (Dimensions.findIndex((other) => other.Name === Name) < index) throw invalidValue(Name, `${at}.Name`, INVALID);
  }
  if (Value !== undefined && Values !== undefined) {
    throw exclusive(`${path}.Value`, `${path}.Values`, 'InvalidParameterCombinationException');
  }
  if (Value !== undefined && StatisticValues !== undefined) {
    throw exclusive(`${path}.Value`, `${path}.StatisticValues`, 'InvalidParameterCombinationException');
  }
  if (StorageResolution !== 1 && StorageResolution !== 60) {
    throw invalid(`The parameter ${path}.StorageResolution must be a value in the set [ 1, 60 ].`);
  }
  if (Value !== undefined) checkNumber(Value, `${path}.Value`);
  else if (Values !== undefined) checkValues(Values, Counts, path);
  else if (StatisticValues !== undefined) checkSet(StatisticValues, `${path}.StatisticValues`);
  else {
    const message = `At least one of the parameters ${path}.Value or ${path}.StatisticValues must be specified.`;
    throw new KeyholdError('MissingRequiredParameterException', message);
  }
}

function checkText(text: string, path: string): void {
  if (!ASCII.test(text)) throw invalidValue(text, path, INVALID);
}

function checkNumber(value: number, path: string): void {
  const size = Math.abs(value);
  if (!(size <= GREATEST) || (size !== 0 && size < 1 / GREATEST)) throw invalidValue(value, path, INVALID);
}

function checkValues(values: readonly number[], counts: readonly number[] | undefined, path: string): void {
  if (values.length === 0)
    throw new KeyholdError('MissingRequiredParameterException', `The parameter ${path}.Values is required.`);
  if (values.length > MOST_VALUES) throw tooMany(`${path}.Values`, MOST_VALUES, INVALID);
  if (counts !== undefined && counts.length !== values.length) {
    throw invalid(`The parameters ${path}.Values and ${path}.Counts must be of the same size.`);
  }
  for (const [index, value] of values.entries()) checkNumber(value, `${path}.Values.member.${index + 1}`);
  for (const [index, count] of counts?.entries() ?? []) {
    checkNumber(count, `${path}.Counts.member.${index + 1}`);
    if (count < 0) throw invalidValue(count, `${path}.Counts.member.${index + 1}`, INVALID);
  }
}

function checkSet(set: NonNullable<Input<AwsDatum>['StatisticValues']>, path: string): void {
  for (const name of ['Maximum', 'Minimum', 'SampleCount', 'Sum'] as const) checkNumber(set[name], `${path}.${name}`);
  if (set.Maximum < set.Minimum) throw invalid(`The parameter ${path}.Maximum must be greater than ${path}.Minimum.`);
  if (set.SampleCount < 0) throw invalid(`The parameter ${path}.SampleCount must be greater than 0.`);
  if (set.SampleCount === 0) throw invalid(`The parameter ${path}.SampleCount must not equal 0.`);
}

/** When it was observed: without a time of its own, now. */
export function checkTime(each: Input<AwsDatum>, path: string, nowMs: number): void {
  const timeMs = each.Timestamp?.getTime() ?? nowMs;
  if (timeMs >= nowMs - OLDEST_MS && timeMs <= nowMs + NEWEST_MS) return;
  throw invalid(`The parameter ${path}.Timestamp must specify a time within the past two weeks.`);
}

/** Undefined where it says of each value that it was observed no times. */
export function observedDatum(each: Input<AwsDatum>, namespace: string, scope: Scope): MetricDatum | undefined {
  const observed = observedValues(each);
  if (Array.isArray(observed) && observed.length === 0) return undefined;
  const timeMs = each.Timestamp?.getTime() ?? scope.nowMs;
  return {
    metric: metricIdOf(scope, namespace, each.MetricName, each.Dimensions),
    // "60 … specifies this metric as a regular-resolution metric, which CloudWatch stores at 1-minute resolution."
    timeMs: timeMs - (timeMs % ((each.StorageResolution ?? 60) * 1000)),
    unit: each.Unit ?? 'None',
    observed,
  };
}

/** AWS takes a datum with both values and a summary, and does not say what it makes of it; the values say more. */
function observedValues({
  Value,
  Values,
  Counts,
  StatisticValues: set,
}: Input<AwsDatum>): [number, number][] | StatisticSet {
  if (Value !== undefined) return [[Value, 1]];
  if (Values === undefined && set !== undefined) {
    return { sampleCount: set.SampleCount, sum: set.Sum, minimum: set.Minimum, maximum: set.Maximum };
  }
  return (Values ?? [])
    .map((value, index): [number, number] => [value, Counts?.[index] ?? 1])
    .filter(([, count]) => count > 0);
}

function invalid(message: string): KeyholdError {
  return new KeyholdError(INVALID, message);
}
