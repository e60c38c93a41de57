import type {
  Dimension,
  DimensionFilter,
  Entity,
  Metric,
  MetricDataQuery,
  MetricStat,
  StatisticSet,
} from '@aws-sdk/client-cloudwatch';
import {
  boolean,
  double,
  enumeration,
  integer,
  list,
  map,
  type Pattern,
  required,
  string,
  structure,
  timestamp,
} from './shapes.ts';

/** The members that CloudWatch's operations on metrics share, with the constraints of its published service description. */

/** A character and whatever else: linear. */
const namespaceCharacters: Pattern = { printed: '[^:].*', matches: /^[^:].*$/s };

export const namespace = string({ min: 1, max: 255, pattern: namespaceCharacters });
export const metricName = string({ min: 1, max: 255 });
const dimensionName = string({ min: 1, max: 255 });
const dimensionValue = string({ min: 1, max: 1024 });
export const dimensions = list(
  structure<Dimension>({ Name: required(dimensionName), Value: required(dimensionValue) }),
  { max: 30 },
);
const dimensionFilter = structure<DimensionFilter>({ Name: required(dimensionName), Value: dimensionValue });
export const dimensionFilters = list(dimensionFilter, { max: 10 });
export const moment = timestamp();
export const value = double();
export const values = list(double());
export const statisticSet = structure<StatisticSet>({
  SampleCount: required(double()),
  Sum: required(double()),
  Minimum: required(double()),
  Maximum: required(double()),
});
export const unit = enumeration([
  'Seconds',
  'Microseconds',
  'Milliseconds',
  'Bytes',
  'Kilobytes',
  'Megabytes',
  'Gigabytes',
  'Terabytes',
  'Bits',
  'Kilobits',
  'Megabits',
  'Gigabits',
  'Terabits',
  'Percent',
  'Count',
  'Bytes/Second',
  'Kilobytes/Second',
  'Megabytes/Second',
  'Gigabytes/Second',
  'Terabytes/Second',
  'Bits/Second',
  'Kilobits/Second',
  'Megabits/Second',
  'Gigabits/Second',
  'Terabits/Second',
  'Count/Second',
  'None',
]);
export const storageResolution = integer({ min: 1 });
export const period = integer({ min: 1 });
export const statistic = enumeration(['SampleCount', 'Average', 'Sum', 'Minimum', 'Maximum']);
export const statistics = list(statistic, { min: 1, max: 5 });
export const extendedStatistic = string();
export const extendedStatistics = list(extendedStatistic, { min: 1, max: 10 });
export const nextToken = string();
export const accountId = string({ min: 1, max: 255 });
export const queryId = string({ min: 1, max: 255 });
export const expression = string({ min: 1, max: 2048 });
export const label = string();
export const flag = boolean();
export const entity = structure<Entity>({
  KeyAttributes: map(string({ min: 1, max: 32 }), string({ min: 1, max: 2048 }), { min: 2, max: 4 }),
  Attributes: map(string({ min: 1, max: 256 }), string({ min: 1, max: 2048 }), { max: 10 }),
});
export const metricStat = structure<MetricStat>({
  Metric: required(structure<Metric>({ Namespace: namespace, MetricName: metricName, Dimensions: dimensions })),
  Period: required(period),
  Stat: required(string()),
  Unit: unit,
});
/** Of metrics, and of expressions about them. */
export const metricDataQueries = list(
  structure<MetricDataQuery>({
    Id: required(queryId),
    MetricStat: metricStat,
    Expression: expression,
    Label: label,
    ReturnData: flag,
    Period: period,
    AccountId: accountId,
  }),
);
