import type {
  Datapoint,
  GetMetricStatisticsInput,
  GetMetricStatisticsOutput,
  StandardUnit,
} from '@aws-sdk/client-cloudwatch';
import { firstPeriodMs, isKeptBy, isPeriod } from '../../../monitoring/retention.ts';
import { isSimple, parseStatistic } from '../../../monitoring/statistics.ts';
import { KeyholdError } from '../../../runtime/errors.ts';
import * as metrics from '../../../wire/metric-shapes.ts';
import { inParameterWords, invalidValue } from '../../../wire/parameter-words.ts';
import { type Input, required, structure } from '../../../wire/shapes.ts';
import { namelessAccountTarget } from '../../account-target.ts';
import type { CloudWatchOperation, Series, SeriesPoint } from '../ports.ts';
import { metricIdOf } from './metric-id.ts';

const MOST_DATAPOINTS = 1440;

export const getMetricStatistics: CloudWatchOperation<
  GetMetricStatisticsInput,
  GetMetricStatisticsOutput,
  { account: undefined }
> = {
  name: 'GetMetricStatistics',
  input: inParameterWords(
    structure<GetMetricStatisticsInput>({
      Namespace: required(metrics.namespace),
      MetricName: required(metrics.metricName),
      Dimensions: metrics.dimensions,
      StartTime: required(metrics.moment),
      EndTime: required(metrics.moment),
      Period: required(metrics.period),
      Statistics: metrics.statistics,
      ExtendedStatistics: metrics.extendedStatistics,
      Unit: metrics.unit,
    }),
  ),
  validate: refuseWhatAwsDoes,
  targets: { account: namelessAccountTarget('cloudwatch:GetMetricStatistics') },
  effect: 'read',
  audit: {
    readOnly: true,
    dataOf: 'AWS::CloudWatch::Metric',
    request: [
      'Namespace',
      'MetricName',
      'Dimensions',
      'StartTime',
      'EndTime',
      'Period',
      'Statistics',
      'ExtendedStatistics',
      'Unit',
    ],
  },
  async handle({ input, scope, ports }) {
    const { Statistics = [], ExtendedStatistics = [], Period, Unit } = input;
    const startMs = input.StartTime.getTime();
    const names = [...Statistics, ...ExtendedStatistics];
    const series = isKeptBy(Period, startMs, scope.nowMs)
      ? await ports.metrics.series({
          metric: metricIdOf(scope, input.Namespace, input.MetricName, input.Dimensions),
          ...(Unit === undefined ? {} : { unit: Unit }),
          fromMs: firstPeriodMs(startMs, Period, scope.nowMs),
          toMs: input.EndTime.getTime(),
          periodSeconds: Period,
          statistics: names,
        })
      : [];
    return { Label: input.MetricName, Datapoints: series.flatMap((each) => datapoints(each, names)) };
  },
};

function refuseWhatAwsDoes(input: Input<GetMetricStatisticsInput>): void {
  const { StartTime, EndTime, Period, Statistics = [], ExtendedStatistics = [] } = input;
  const seconds = (EndTime.getTime() - StartTime.getTime()) / 1000;
  if (seconds <= 0) throw invalid('The parameter StartTime must be less than the parameter EndTime.');
  if (!isPeriod(Period)) {
    throw invalid('The parameter Period must be a value in the set [ 1, 5, 10, 20, 30 ] or any multiple of 60.');
  }
  if (Statistics.length === 0 && ExtendedStatistics.length === 0) {
    throw combination('Must specify either Statistics or ExtendedStatistics');
  }
  // "you must specify either Statistics or ExtendedStatistics, but not both" (API reference); the words are not AWS's.
  if (Statistics.length > 0 && ExtendedStatistics.length > 0) {
    throw combination('Must specify either Statistics or ExtendedStatistics, but not both');
  }
  for (const [index, name] of ExtendedStatistics.entries()) {
    if (parseStatistic(name) !== undefined && !isSimple(name)) continue;
    throw invalidValue(name, `ExtendedStatistics.member.${index + 1}`, 'InvalidParameterValueException');
  }
  const requested = Math.floor(seconds / Period);
  if (requested > MOST_DATAPOINTS) {
    throw combination(
      `You have requested up to ${requested} datapoints, which exceeds the limit of ${MOST_DATAPOINTS}. ` +
        'You may reduce the datapoints requested by increasing Period, or decreasing the time range.',
    );
  }
}

/** What none of the statistics can be told of is no datapoint. */
function datapoints({ unit, points }: Series, names: readonly string[]): Datapoint[] {
  return points
    .filter(({ values }) => values.some((value) => value !== undefined))
    .map((point) => datapoint(point, unit as StandardUnit, names));
}

function datapoint({ startMs, values }: SeriesPoint, unit: StandardUnit, names: readonly string[]): Datapoint {
  const told = names.flatMap((name, index): [string, number][] => {
    const value = values[index];
    return value === undefined ? [] : [[name, value]];
  });
  const extended = told.filter(([name]) => !isSimple(name));
  return {
    Timestamp: new Date(startMs),
    ...Object.fromEntries(told.filter(([name]) => isSimple(name))),
    Unit: unit,
    // The names are the caller's.
    ...(extended.length === 0 ? {} : { ExtendedStatistics: new Map(extended) as unknown as Record<string, number> }),
  };
}

function invalid(message: string): KeyholdError {
  return new KeyholdError('InvalidParameterValueException', message);
}

function combination(message: string): KeyholdError {
  return new KeyholdError('InvalidParameterCombinationException', message);
}
