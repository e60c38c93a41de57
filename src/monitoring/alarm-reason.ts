import type { AlarmRule, Datapoint, MissingDatapoint } from './alarm-rule.ts';
import { javaDouble, rawDouble } from './java-number.ts';
import { javaTime, shortTime } from './java-time.ts';

/**
 * Why an alarm is in its state, in CloudWatch's words: people read them in mails and chats, and programs take them apart.
 * They were taken from alarms of AWS that are on record, of 2019 and later; where none is known, a comment says so.
 */

const operators = {
  GreaterThanOrEqualToThreshold: 'greater than or equal to',
  GreaterThanThreshold: 'greater than',
  LessThanThreshold: 'less than',
  LessThanOrEqualToThreshold: 'less than or equal to',
} as const;

/** From so many datapoints on, the text has their number first and then the newest of them. */
const MANY = 5;

/** What was made up for, and how. */
interface Filled {
  readonly count: number;
  readonly treatedAs: 'Breaching' | 'NonBreaching';
}

/** @param datapoints those that speak for the state, the newest first */
export function thresholdCrossed(
  rule: AlarmRule,
  state: 'OK' | 'ALARM',
  datapoints: readonly Datapoint[],
  filled: Filled | undefined,
): string {
  const { evaluationPeriods: most, datapointsToAlarm, threshold, comparison } = rule;
  const made = filled === undefined ? '' : treatment(filled);
  const minimum = state === 'ALARM' ? datapointsToAlarm : datapointsToAlarm && most - datapointsToAlarm + 1;
  const transition = state === 'ALARM' ? 'OK -> ALARM' : 'ALARM -> OK';
  const end = minimum === undefined ? '' : ` (minimum ${counted(minimum)} for ${transition} transition)`;
  // Where only what was made up for speaks for the state, no text of AWS's is known.
  if (datapoints.length === 0) return `Threshold Crossed: ${made.replace(/^ and /, '')}${end}.`;
  const count =
    datapointsToAlarm === undefined
      ? counted(datapoints.length)
      : `${datapoints.length} out of the last ${most} datapoints`;
  const not = state === 'ALARM' ? '' : 'not ';
  const values = `[${datapoints.slice(0, MANY).map(shown).join(', ')}]`;
  const was = `${be(datapoints.length)} ${not}${operators[comparison]} the threshold (${javaDouble(threshold)})${made}`;
  if (datapoints.length < MANY) return `Threshold Crossed: ${count} ${values} ${was}${end}.`;
  const crossed = state === 'ALARM' ? 'crossed' : 'did not cross';
  return `Threshold Crossed: ${count} ${was}. The most recent datapoints which ${crossed} the threshold: ${values}${end}.`;
}

export function noDatapoints(periods: number, treatedAs: Filled['treatedAs']): string {
  const received = `no datapoints were received for ${periods} ${periods === 1 ? 'period' : 'periods'}`;
  return `Threshold Crossed: ${received}${treatment({ count: periods, treatedAs })}.`;
}

export function insufficientData(unknown: number): string {
  return `Insufficient Data: ${counted(unknown)} ${be(unknown)} unknown.`;
}

function treatment({ count, treatedAs }: Filled): string {
  return ` and ${count} missing ${count === 1 ? 'datapoint' : 'datapoints'} ${be(count)} treated as [${treatedAs}]`;
}

function shown({ value, startMs }: Datapoint): string {
  return `${javaDouble(value)} (${shortTime(startMs)})`;
}

function counted(count: number): string {
  return `${count} ${count === 1 ? 'datapoint' : 'datapoints'}`;
}

function be(count: number): string {
  return count === 1 ? 'was' : 'were';
}

/** AWS's limit on it is 4000 characters; these are the newest that fit, whatever they are. */
const MOST_SHOWN = 30;

/**
 * The same for programs, as JSON.
 *
 * @param real what there was, the newest first
 * @param missing what there was not, and had to be made up for
 */
export function reasonData(
  { unit, statistic, periodSeconds, threshold }: AlarmRule,
  real: readonly Datapoint[],
  missing: readonly MissingDatapoint[],
  nowMs: number,
): string {
  const newest = real.slice(0, MOST_SHOWN);
  const evaluated: readonly (Datapoint | MissingDatapoint)[] = [...real, ...missing]
    .sort((a, b) => b.startMs - a.startMs)
    .slice(0, MOST_SHOWN);
  const oldest = newest.at(-1);
  return JSON.stringify({
    version: '1.0',
    queryDate: javaTime(nowMs),
    startDate: oldest && javaTime(oldest.startMs),
    unit,
    statistic,
    period: periodSeconds,
    recentDatapoints: newest.map(({ value }) => rawDouble(value)).reverse(),
    threshold: rawDouble(threshold),
    evaluatedDatapoints: evaluated.map((each) => ({
      timestamp: javaTime(each.startMs),
      ...('value' in each ? { sampleCount: rawDouble(each.sampleCount), value: rawDouble(each.value) } : {}),
    })),
  });
}
