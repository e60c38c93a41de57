import type {
  GetMetricDataInput,
  GetMetricDataOutput,
  MessageData,
  MetricDataResult,
} from '@aws-sdk/client-cloudwatch';
import type { Variable } from '../../../monitoring/math-values.ts';
import { evaluate } from '../../../monitoring/metric-math.ts';
import { firstPeriodMs, isKeptBy } from '../../../monitoring/retention.ts';
import { KeyholdError } from '../../../runtime/errors.ts';
import { invalidValue } from '../../../wire/parameter-words.ts';
import type { Input } from '../../../wire/shapes.ts';
import type { Scope } from '../../caller.ts';
import type { MetricQueries, Series } from '../ports.ts';
import { metricIdOf } from './metric-id.ts';

type DataInput = Input<GetMetricDataInput>;
type Query = DataInput['MetricDataQueries'][number];
type Stat = NonNullable<Query['MetricStat']>;

/** "as many as 500 different metrics in a single request, with a total of as many as 100,800 data points" */
const MOST_DATAPOINTS = 100_800;
/** More than PutMetricData takes. */
const FURTHEST_AHEAD_MS = 3 * 3_600_000;

/** What came of a query, before it is cut into pages. */
interface Found {
  readonly query: Query;
  readonly label: string;
  /** The oldest first. */
  readonly points: readonly (readonly [timeMs: number, value: number])[];
  readonly messages: readonly MessageData[];
  readonly forbidden?: true;
  /** Nobody has looked whether there are any points. */
  readonly unread?: true;
}

export async function metricDataResults(
  input: DataInput,
  scope: Scope,
  metrics: MetricQueries,
): Promise<GetMetricDataOutput> {
  const { MetricDataQueries: queries, MaxDatapoints = MOST_DATAPOINTS } = input;
  const labels = labelsOf(queries);
  const page = pageOf(input, Math.min(MaxDatapoints, MOST_DATAPOINTS));
  const withMath = queries.some(({ Expression }) => Expression !== undefined);
  const found = new Map<string, Found>();
  let points = 0;
  for (const [index, query] of queries.entries()) {
    const { Id, MetricStat } = query;
    if (MetricStat === undefined) continue;
    const label = query.Label ?? labels.get(Id) ?? Id;
    // Nothing of what will not be on the page is read, but what expressions are made of.
    const isAsked = withMath || (query.ReturnData !== false && index >= page.index && points <= page.size);
    const one: Found = isAsked
      ? await statistic(query, MetricStat, label, input, scope, metrics)
      : { query, label, points: [], messages: [], unread: true };
    found.set(Id, one);
    points += page.due(index, one.points).length;
    if (withMath && points > MOST_DATAPOINTS) {
      const message = `The expressions are about more than ${MOST_DATAPOINTS} datapoints. Increase Period, or decrease the time range.`;
      throw new KeyholdError('ValidationException', message);
    }
  }
  if (withMath) addExpressions(queries, found, input);
  const returned = queries.filter(({ ReturnData }) => ReturnData !== false);
  return page.cut(
    returned.map(({ Id }) => ({ index: queries.findIndex((query) => query.Id === Id), found: found.get(Id) as Found })),
    withMath,
  );
}

async function statistic(
  query: Query,
  { Metric, Period, Stat, Unit }: Stat,
  label: string,
  { StartTime, EndTime }: DataInput,
  scope: Scope,
  metrics: MetricQueries,
): Promise<Found> {
  const nothing = { query, label, points: [], messages: [] };
  // No account here watches another.
  if ((query.AccountId ?? scope.caller.principal.accountId) !== scope.caller.principal.accountId) {
    return { ...nothing, forbidden: true };
  }
  const startMs = StartTime.getTime();
  if (!isKeptBy(Period, startMs, scope.nowMs)) return nothing;
  const series = await metrics.series({
    metric: metricIdOf(scope, Metric.Namespace ?? '', Metric.MetricName ?? '', Metric.Dimensions),
    ...(Unit === undefined ? {} : { unit: Unit }),
    fromMs: firstPeriodMs(startMs, Period, scope.nowMs),
    // Nothing has been observed of what is further ahead, and nobody shall look for it.
    toMs: Math.min(EndTime.getTime(), scope.nowMs + FURTHEST_AHEAD_MS),
    periodSeconds: Period,
    statistics: [Stat],
  });
  const units = series.filter((each) => each.points.length > 0).sort((a, b) => rankOf(a.unit) - rankOf(b.unit));
  const first: Series | undefined = units[0];
  return {
    query,
    label,
    points: (first?.points ?? []).flatMap(({ startMs: timeMs, values: [value] }): [number, number][] =>
      value === undefined ? [] : [[timeMs, value]],
    ),
    messages: units.length > 1 ? [multipleUnits(units)] : [],
  };
}

/**
 * Of a metric that was observed in several units AWS shows one, the first of these, and says so (localstack's
 * test_get_metric_data_different_units_no_unit_in_query, recorded from AWS).
 */
const unitsByRank = [
  'Megabits',
  'Terabits',
  'Gigabits',
  'Count',
  'Bytes',
  'Gigabytes',
  'Gigabytes/Second',
  'Kilobytes',
  'Kilobits/Second',
  'Terabytes',
  'Terabits/Second',
  'Bytes/Second',
  'Percent',
  'Megabytes',
  'Megabits/Second',
  'Milliseconds',
  'Microseconds',
  'Kilobytes/Second',
  'Gigabits/Second',
  'Megabytes/Second',
  'Bits',
  'Bits/Second',
  'Count/Second',
  'Seconds',
  'Kilobits',
  'Terabytes/Second',
  'None',
];

function rankOf(unit: string): number {
  const rank = unitsByRank.indexOf(unit);
  return rank < 0 ? unitsByRank.length : rank;
}

function multipleUnits(series: readonly Series[]): MessageData {
  const units = series.map(({ unit }) => unit).join(', ');
  return { Code: 'MultipleUnits', Value: `Multiple units returned: '[${units}]'` };
}

/**
 * Whatever tells the queries apart: the metric's name, and the statistic and the period where they are not all the same
 * (localstack's test_label_generation, recorded from AWS).
 */
function labelsOf(queries: readonly Query[]): ReadonlyMap<string, string> {
  const stats = queries.flatMap(({ Id, MetricStat }) => (MetricStat === undefined ? [] : [{ Id, ...MetricStat }]));
  const differ = (of: (stat: Stat) => unknown) => new Set(stats.map(of)).size > 1;
  const byStat = differ(({ Stat }) => Stat);
  const byPeriod = differ(({ Period }) => Period);
  return new Map(
    stats.map(({ Id, Metric, Stat, Period }) => [
      Id,
      [Metric.MetricName, ...(byStat ? [Stat] : []), ...(byPeriod ? [Period] : [])].join(' '),
    ]),
  );
}

/** Expressions may be about each other, in whatever order they come. */
function addExpressions(queries: readonly Query[], found: Map<string, Found>, { StartTime, EndTime }: DataInput): void {
  const variables = new Map<string, Variable>();
  for (const { query, points } of found.values()) {
    const periodSeconds = query.MetricStat?.Period ?? 60;
    variables.set(query.Id, { id: query.Id, ofMetric: true, periodSeconds, values: new Map(points) });
  }
  const expressions = new Map(
    queries.flatMap(({ Id, Expression }) => (Expression === undefined ? [] : [[Id, Expression]])),
  );
  const range = { fromMs: StartTime.getTime(), toMs: EndTime.getTime() };
  const results = evaluate(
    expressions,
    variables,
    range,
    (id, why) => new KeyholdError('ValidationException', `Error in expression '${id}': ${why}`),
  );
  for (const query of queries) {
    const values = results.get(query.Id);
    if (values === undefined) continue;
    const points = [...values].filter(([, value]) => Number.isFinite(value)).sort(([a], [b]) => a - b);
    found.set(query.Id, { query, label: query.Label ?? query.Id, points, messages: [] });
  }
}

interface Page {
  /** Queries before this one have been answered. */
  readonly index: number;
  readonly size: number;
  /** Those points of a query that have not been on an earlier page, in the order that was asked for. */
  due(index: number, points: Found['points']): Found['points'];
  cut(results: readonly { readonly index: number; readonly found: Found }[], withMath: boolean): GetMetricDataOutput;
}

/** Pages go through the queries in their order, and through the points of each in the order that was asked for. */
function pageOf({ NextToken, ScanBy = 'TimestampDescending' }: DataInput, size: number): Page {
  const { index: from, afterMs } = NextToken === undefined ? { index: 0, afterMs: undefined } : placeOf(NextToken);
  const ascending = ScanBy === 'TimestampAscending';
  const isLeft = (timeMs: number) => afterMs === undefined || (ascending ? timeMs > afterMs : timeMs < afterMs);

  function due(index: number, points: Found['points']): Found['points'] {
    if (index < from) return [];
    const ordered = ascending ? points : points.toReversed();
    return index === from ? ordered.filter(([timeMs]) => isLeft(timeMs)) : ordered;
  }

  function cut(
    results: readonly { readonly index: number; readonly found: Found }[],
    withMath: boolean,
  ): GetMetricDataOutput {
    let left = size;
    let next: string | undefined;
    const MetricDataResults = results.map(({ index, found }): MetricDataResult => {
      const wanted = due(index, found.points);
      const isCut = next !== undefined;
      const shown = isCut ? [] : wanted.slice(0, left);
      left -= shown.length;
      const more = shown.length < wanted.length;
      if (more) next ??= tokenOf(index, shown.at(-1)?.[0] ?? (ascending ? -DISTANT : DISTANT));
      const partial = more || (isCut && found.unread === true);
      return {
        Id: found.query.Id,
        Label: found.label,
        Timestamps: shown.map(([timeMs]) => new Date(timeMs)),
        Values: shown.map(([, value]) => value),
        StatusCode: found.forbidden ? 'Forbidden' : partial ? 'PartialData' : 'Complete',
        ...(found.messages.length === 0 ? {} : { Messages: [...found.messages] }),
      };
    });
    // "NextToken is not returned if you are performing a math expression" ("MetricDataResult", API reference).
    return { Messages: [], MetricDataResults, ...(next === undefined || withMath ? {} : { NextToken: next }) };
  }

  return { index: from, size, due, cut };
}

/** Beyond all times of which there are metrics. */
const DISTANT = 8_640_000_000_000_000;

/** Opaque to clients; a made-up one can do no more than begin elsewhere in the answer to the same request. */
function tokenOf(index: number, afterMs: number): string {
  return Buffer.from(`GetMetricData\n${index}\n${afterMs}`, 'utf8').toString('base64url');
}

function placeOf(token: string): { readonly index: number; readonly afterMs: number } {
  const [, index, afterMs] = Buffer.from(token, 'base64url').toString('utf8').split('\n').map(Number);
  if (Number.isSafeInteger(index) && Number.isSafeInteger(afterMs)) {
    const place = { index: index as number, afterMs: afterMs as number };
    if (tokenOf(place.index, place.afterMs) === token) return place;
  }
  throw invalidValue(token, 'NextToken', 'ValidationException');
}
