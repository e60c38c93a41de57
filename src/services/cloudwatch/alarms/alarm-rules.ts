import type { PutMetricAlarmInput } from '@aws-sdk/client-cloudwatch';
import { partitionOf } from '../../../keys/key.ts';
import {
  type Comparison,
  comparisons,
  type MissingDataTreatment,
  missingDataTreatments,
} from '../../../monitoring/alarm-rule.ts';
import { isSimple, parseStatistic } from '../../../monitoring/statistics.ts';
import { KeyholdError } from '../../../runtime/errors.ts';
import type { Input } from '../../../wire/shapes.ts';
import type { AlarmConfiguration } from './alarm-record.ts';

/**
 * What PutMetricAlarm's members must be together. Of AWS's messages some are on record, mostly in issues of Terraform and
 * CloudFormation; the others are ours in the same manner.
 */

type Request = Input<PutMetricAlarmInput>;

/** "can't be more than 604,800 seconds", and one day for periods of less than an hour (API reference). */
const LONGEST_SECONDS = 604_800;
const LONGEST_OF_SHORT_PERIODS_SECONDS = 86_400;
const HOUR_SECONDS = 3600;

/** A limit of this server, which has all alarms in memory; with AWS, they may have four times as many. */
const MOST_DIMENSION_CHARACTERS = 8192;

/** Valid besides multiples of a minute. */
const highResolutionPeriods = [10, 20, 30];

/** Of what AWS's alarms can do, and those of this server cannot. */
const unsupported = [
  'Metrics',
  'ThresholdMetricId',
  'EvaluationCriteria',
  'EvaluationInterval',
  'EvaluationWindow',
  'WarmUpConfiguration',
  'ActionConfiguration',
] as const satisfies readonly (keyof Request)[];

/** @throws KeyholdError ValidationException */
export function readAlarm(request: Request): AlarmConfiguration {
  for (const member of unsupported) {
    if (request[member] !== undefined) {
      throw refusal(`${member} is not supported: an alarm watches one metric, named by MetricName and Namespace.`);
    }
  }
  const { Statistic, ExtendedStatistic, DatapointsToAlarm, AlarmDescription, Unit } = request;
  const metricName = present('MetricName', request.MetricName);
  const namespace = present('Namespace', request.Namespace);
  if ((Statistic === undefined) === (ExtendedStatistic === undefined)) {
    throw refusal('Exactly one of Statistic or ExtendedStatistic must be specified.');
  }
  if (ExtendedStatistic !== undefined) checkExtendedStatistic(ExtendedStatistic);
  const periodSeconds = present('Period', request.Period);
  const evaluationPeriods = present('EvaluationPeriods', request.EvaluationPeriods);
  checkTimes(periodSeconds, evaluationPeriods);
  if (DatapointsToAlarm !== undefined && DatapointsToAlarm > evaluationPeriods) {
    throw refusal('DatapointsToAlarm must be less than or equal to EvaluationPeriods');
  }
  const threshold = present('Threshold', request.Threshold);
  if (!Number.isFinite(threshold)) throw refusal('Threshold must be a finite number');
  const { OKActions = [], AlarmActions = [], InsufficientDataActions = [] } = request;
  for (const action of [...OKActions, ...AlarmActions, ...InsufficientDataActions]) {
    // INVARIANT: callers name ARNs, and the configuration alone says what an ARN leads to.
    if (!ACTION_ARN.test(action)) throw refusal(`Invalid arn syntax: ${action}`);
  }
  const dimensions = (request.Dimensions ?? []).map(({ Name, Value }) => ({ name: Name, value: Value }));
  if (new Set(dimensions.map(({ name }) => name)).size < dimensions.length) {
    throw refusal('Dimensions must not have the same name more than once');
  }
  if (
    dimensions.reduce((length, { name, value }) => length + name.length + value.length, 0) > MOST_DIMENSION_CHARACTERS
  ) {
    throw refusal(`Dimensions must not have more than ${MOST_DIMENSION_CHARACTERS} characters together`);
  }
  const missingData = oneOf('TreatMissingData', missingDataTreatments, request.TreatMissingData);
  const lowSamples = oneOf('EvaluateLowSampleCountPercentile', LOW_SAMPLES, request.EvaluateLowSampleCountPercentile);
  return {
    ...(AlarmDescription === undefined ? {} : { description: AlarmDescription }),
    actionsEnabled: request.ActionsEnabled ?? true,
    okActions: OKActions,
    alarmActions: AlarmActions,
    insufficientDataActions: InsufficientDataActions,
    namespace,
    metricName,
    dimensions,
    ...(Statistic === undefined ? {} : { statistic: Statistic }),
    ...(ExtendedStatistic === undefined ? {} : { extendedStatistic: ExtendedStatistic }),
    ...(Unit === undefined ? {} : { unit: Unit }),
    periodSeconds,
    evaluationPeriods,
    ...(DatapointsToAlarm === undefined ? {} : { datapointsToAlarm: DatapointsToAlarm }),
    threshold,
    comparison: comparisonOf(present('ComparisonOperator', request.ComparisonOperator)),
    ...(missingData === undefined ? {} : { missingData: missingData satisfies MissingDataTreatment }),
    ...(lowSamples === undefined ? {} : { lowSampleCountPercentile: lowSamples }),
  };
}

/**
 * Alarms do what is to be done in their own Region, and say so in these words.
 *
 * @throws KeyholdError ValidationException
 */
export function refuseActionsElsewhere(request: Request, region: string): void {
  const { OKActions = [], AlarmActions = [], InsufficientDataActions = [] } = request;
  const partition = partitionOf(region);
  for (const action of [...OKActions, ...AlarmActions, ...InsufficientDataActions]) {
    const [, its = '', , where = ''] = action.split(':');
    if (its !== partition) throw refusal(`Invalid partition ${its} specified. Only ${partition} is supported.`);
    if (where !== '' && where !== region) {
      throw refusal(`Invalid region ${where} specified. Only ${region} is supported.`);
    }
  }
}

const LOW_SAMPLES = ['evaluate', 'ignore'] as const;
/** Each part is ended by a colon that it cannot have: linear. */
const ACTION_ARN = /^arn:[a-z0-9-]+:[a-z0-9-]+:[a-z0-9-]*:[a-z0-9]*:[\x20-\x7e]+$/;

function checkExtendedStatistic(name: string): void {
  if (parseStatistic(name) !== undefined && !isSimple(name)) return;
  throw refusal(`The value ${name} for parameter ExtendedStatistic is not supported.`);
}

function checkTimes(periodSeconds: number, evaluationPeriods: number): void {
  if (periodSeconds % 60 !== 0 && !highResolutionPeriods.includes(periodSeconds)) {
    throw refusal('Period must be 10, 20, 30 or a multiple of 60');
  }
  const totalSeconds = periodSeconds * evaluationPeriods;
  if (periodSeconds < HOUR_SECONDS && totalSeconds > LONGEST_OF_SHORT_PERIODS_SECONDS) {
    throw refusal(
      'Metrics cannot be checked across more than a day (EvaluationPeriods * Period must be <= 86400) for periods of less ' +
        'than an hour.',
    );
  }
  if (totalSeconds > LONGEST_SECONDS) {
    throw refusal('Metrics cannot be checked across more than a week (EvaluationPeriods * Period must be <= 604800).');
  }
}

function comparisonOf(operator: string): Comparison {
  const comparison = comparisons.find((each) => each === operator);
  if (comparison === undefined)
    throw refusal(`${operator} is of alarms on anomaly detection models, which are not supported.`);
  return comparison;
}

function oneOf<const T extends string>(member: string, values: readonly T[], given: string | undefined): T | undefined {
  if (given === undefined) return undefined;
  const value = values.find((each) => each === given);
  if (value === undefined) throw refusal(`${member} must be one of [${values.join(', ')}]`);
  return value;
}

function present<T>(member: string, value: T | undefined): T {
  if (value === undefined) throw refusal(`${member} must not be null`);
  return value;
}

function refusal(message: string): KeyholdError {
  return new KeyholdError('ValidationException', message);
}
