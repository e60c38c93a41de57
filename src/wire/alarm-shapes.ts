import type {
  ActionConfiguration,
  AlarmPromQLCriteria,
  EvaluationCriteria,
  EvaluationWindow,
  Tag,
  WarmUpConfiguration,
} from '@aws-sdk/client-cloudwatch';
import { queryId } from './metric-shapes.ts';
import { enumeration, integer, list, type Pattern, required, type Shape, string, structure } from './shapes.ts';

export {
  dimensions,
  extendedStatistic,
  metricDataQueries,
  metricName,
  namespace,
  nextToken,
  period,
  statistic,
  unit,
} from './metric-shapes.ts';

/** The members that CloudWatch's operations on alarms share, with the constraints of its published service description. */

/** "can't contain ASCII control characters" (API reference of PutMetricAlarm); the description does not tell of it. */
const withoutControls: Pattern = {
  printed: '[^\\p{Cntrl}]+',
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are the very ones that are refused
  matches: /^[^\u0000-\u001f\u007f]+$/,
  unpublished: true,
};

export const alarmName = string({ min: 1, max: 255, pattern: withoutControls });
/** Where it may be one that nothing can have: there is no such alarm then. */
export const alarmReference = string({ min: 1, max: 255 });
export const alarmNames = list(alarmReference, { max: 100 });
export const alarmTypes = list(enumeration(['CompositeAlarm', 'MetricAlarm', 'LogAlarm']));
export const alarmDescription = string({ max: 1024 });
export const actionPrefix = string({ min: 1, max: 1024 });
export const actions = list(string({ min: 1, max: 1024 }), { max: 5 });
/** In the order in which AWS prints them. */
export const stateValue = enumeration(['INSUFFICIENT_DATA', 'ALARM', 'OK']);
export const stateReason = string({ max: 1023 });
export const stateReasonData = string({ max: 4000 });
export const maxRecords = integer({ min: 1, max: 100 });
export const historyItemType = enumeration([
  'ConfigurationUpdate',
  'StateUpdate',
  'Action',
  'AlarmContributorStateUpdate',
  'AlarmContributorAction',
]);
export const scanBy = enumeration(['TimestampDescending', 'TimestampAscending']);
export const contributorId = string({ min: 1, max: 16 });
export const resourceArn = string({ min: 1, max: 1024 });
const tagKey = string({ min: 1, max: 128 });
export const tags = list(structure<Tag>({ Key: required(tagKey), Value: required(string({ max: 256 })) }));
export const tagKeys = list(tagKey);

export const evaluationPeriods = integer({ min: 1 });
export const datapointsToAlarm = integer({ min: 1 });
export const comparisonOperator = enumeration([
  'GreaterThanOrEqualToThreshold',
  'GreaterThanThreshold',
  'LessThanThreshold',
  'LessThanOrEqualToThreshold',
  'LessThanLowerOrGreaterThanUpperThreshold',
  'LessThanLowerThreshold',
  'GreaterThanUpperThreshold',
]);
export const treatMissingData = string({ min: 1, max: 255 });
export const lowSampleCountPercentile = string({ min: 1, max: 255 });

export const thresholdMetricId = queryId;
/** A union in the SDK, whose branches no declaration can name. */
export const evaluationCriteria = structure<{ PromQLCriteria?: AlarmPromQLCriteria }>({
  PromQLCriteria: structure<AlarmPromQLCriteria>({
    Query: required(string({ min: 1, max: 10000 })),
    PendingPeriod: integer({ min: 0, max: 86400 }),
    RecoveryPeriod: integer({ min: 0, max: 86400 }),
  }),
}) as unknown as Shape<EvaluationCriteria>;
export const evaluationInterval = integer({ min: 10, max: 3600 });
/** What alarms of this server do not have: whatever it says is refused, so nothing of it is read. */
const unread = <T>() => structure({}) as unknown as Shape<T>;
export const evaluationWindow = unread<EvaluationWindow>();
export const warmUpConfiguration = unread<WarmUpConfiguration>();
export const actionConfiguration = unread<ActionConfiguration>();
