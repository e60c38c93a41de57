import type { GetMetricDataInput, GetMetricDataOutput, LabelOptions } from '@aws-sdk/client-cloudwatch';
import { isPeriod } from '../../../monitoring/retention.ts';
import { parseStatistic } from '../../../monitoring/statistics.ts';
import { KeyholdError } from '../../../runtime/errors.ts';
import * as metrics from '../../../wire/metric-shapes.ts';
import { exclusive, inParameterWords, invalidValue, tooMany } from '../../../wire/parameter-words.ts';
import { enumeration, type Input, integer, required, structure } from '../../../wire/shapes.ts';
import { namelessAccountTarget } from '../../account-target.ts';
import type { CloudWatchOperation } from '../ports.ts';
import { metricDataResults } from './metric-data-results.ts';

const MOST_QUERIES = 500;
const QUERY_ID = /^[a-z][a-zA-Z0-9_]*$/;

type DataInput = Input<GetMetricDataInput>;
type Query = DataInput['MetricDataQueries'][number];

export const getMetricData: CloudWatchOperation<GetMetricDataInput, GetMetricDataOutput, { account: undefined }> = {
  name: 'GetMetricData',
  input: inParameterWords(
    structure<GetMetricDataInput>({
      MetricDataQueries: required(metrics.metricDataQueries),
      StartTime: required(metrics.moment),
      EndTime: required(metrics.moment),
      NextToken: metrics.nextToken,
      ScanBy: enumeration(['TimestampDescending', 'TimestampAscending']),
      MaxDatapoints: integer(),
      // Of dynamic labels, which are shown as they were sent.
      LabelOptions: structure<LabelOptions>({ Timezone: metrics.label }),
    }),
    { missing: 'ValidationException', invalid: 'ValidationException' },
  ),
  validate: refuseWhatAwsDoes,
  targets: { account: namelessAccountTarget('cloudwatch:GetMetricData') },
  effect: 'read',
  audit: {
    readOnly: true,
    dataOf: 'AWS::CloudWatch::Metric',
    request: ['StartTime', 'EndTime', 'ScanBy', 'MaxDatapoints', 'MetricDataQueries'],
  },
  handle: ({ input, scope, ports }) => metricDataResults(input, scope, ports.metrics),
};

/** In AWS's words where they are known, by its own answers quoted in moto, localstack and elsewhere. */
function refuseWhatAwsDoes({ MetricDataQueries: queries, StartTime, EndTime, MaxDatapoints = 1 }: DataInput): void {
  if (StartTime > EndTime) throw invalid('The parameter EndTime must be greater than StartTime.');
  if (StartTime.getTime() === EndTime.getTime()) {
    throw invalid('The parameter StartTime must not equal parameter EndTime.');
  }
  if (queries.length === 0) throw invalid('The parameter MetricDataQueries is required.\n');
  if (queries.length > MOST_QUERIES) throw tooMany('MetricDataQueries', MOST_QUERIES, 'ValidationException');
  if (MaxDatapoints < 1) throw invalid('The parameter MaxDatapoints must be greater than or equal to 1.');
  for (const [index, query] of queries.entries()) checkQuery(query, `MetricDataQueries.member.${index + 1}`);
  if (new Set(queries.map(({ Id }) => Id)).size < queries.length) {
    throw invalid('The values for parameter id in MetricDataQueries are not unique.');
  }
}

function checkQuery({ Id, MetricStat, Expression, Period }: Query, path: string): void {
  if (!QUERY_ID.test(Id)) {
    throw invalid(`The value ${Id} for parameter ${path}.Id is not matching the expected pattern ${QUERY_ID.source}.`);
  }
  if (MetricStat !== undefined && Expression !== undefined) {
    throw exclusive(`${path}.Expression`, `${path}.MetricStat`, 'ValidationException');
  }
  if (MetricStat === undefined && Expression === undefined) {
    throw invalid(`The parameter ${path}.MetricStat is required.\n`);
  }
  if (MetricStat !== undefined) {
    if (Period !== undefined) throw exclusive(`${path}.Period`, `${path}.MetricStat`, 'ValidationException');
    const { Metric, Stat } = MetricStat;
    if (Metric.Namespace === undefined || Metric.MetricName === undefined) {
      const missing = Metric.Namespace === undefined ? 'Namespace' : 'MetricName';
      throw invalid(`The parameter ${path}.MetricStat.Metric.${missing} is required.\n`);
    }
    checkPeriod(MetricStat.Period, `${path}.MetricStat.Period`);
    if (parseStatistic(Stat) === undefined) throw invalidValue(Stat, `${path}.MetricStat.Stat`, 'ValidationException');
  }
  if (Period !== undefined) checkPeriod(Period, `${path}.Period`);
}

function checkPeriod(seconds: number, path: string): void {
  if (isPeriod(seconds)) return;
  throw invalid(`The parameter ${path} must be a value in the set [ 1, 5, 10, 20, 30 ] or any multiple of 60.`);
}

function invalid(message: string): KeyholdError {
  return new KeyholdError('ValidationException', message);
}
