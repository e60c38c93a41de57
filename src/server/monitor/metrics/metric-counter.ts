import type { Counted, CountedMetric } from '../../../monitoring/counted.ts';
import type { MetricDatum, MetricId, MetricStore } from '../../../monitoring/metric.ts';
import { isRegionOfAws } from '../../../services/cloudwatch/alarms/region-names.ts';

/**
 * Adds up what was counted of many series, so that the store gets one datum of each a second and not one of each event.
 * The store gets nothing until it is flushed: whoever counts knows then what all of it was made of.
 *
 * INVARIANT: what it remembers is bounded, whatever the events are of: so many pairs of account and Region, and of metrics whose
 * dimensions have many values, so many series of an account. What goes beyond is not counted, and said once.
 */
export interface MetricCounter {
  count(accountId: string, region: string, timeMs: number, counted: readonly Counted[]): void;
  /** Hands over what was counted since. */
  flush(): void;
}

export interface MetricCounterOptions {
  readonly metrics: Pick<MetricStore, 'record'>;
  /** Told once of each thing that is not counted. */
  readonly onTooMany: (what: { readonly accountId: string; readonly metric?: string }) => void;
  readonly mostScopes?: number;
}

/** Pairs of account and Region: in the sandbox, anything may be either. */
const MOST_SCOPES = 5000;
/**
 * Besides those that AWS has. INVARIANT: whoever signs requests for Regions that they make up, which takes no permission, and
 * for roles of other accounts counts there too, keeps nobody's attempts elsewhere from being counted.
 */
const MOST_REGIONS_OF_ACCOUNT = 100;

interface Series {
  readonly metric: MetricId;
  readonly counted: CountedMetric;
  timeMs: number;
  pending: number;
}

interface Scope {
  readonly accountId: string;
  readonly region: string;
  readonly series: Map<CountedMetric, Map<string, Series>>;
}

export function metricCounter({ metrics, onTooMany, mostScopes = MOST_SCOPES }: MetricCounterOptions): MetricCounter {
  const scopes = new Map<string, Scope>();
  /** By account. */
  const regions = new Map<string, number>();
  /** By account, how many series it has of each metric that has many. */
  const shares = new Map<string, Map<CountedMetric, number>>();
  const pending = new Set<Series>();
  /** Of seconds that are over. */
  let finished: MetricDatum[] = [];
  let full = false;

  function scopeOf(accountId: string, region: string): Scope | undefined {
    const name = `${accountId}/${region}`;
    const known = scopes.get(name);
    if (known !== undefined) return known;
    const present = isRegionOfAws(region) ? 0 : (regions.get(accountId) ?? 0);
    if (present >= MOST_REGIONS_OF_ACCOUNT) {
      // One beyond: so that it is said once.
      if (present === MOST_REGIONS_OF_ACCOUNT) onTooMany({ accountId });
      regions.set(accountId, MOST_REGIONS_OF_ACCOUNT + 1);
      return undefined;
    }
    if (scopes.size >= mostScopes) {
      if (!full) onTooMany({ accountId });
      full = true;
      return undefined;
    }
    if (!isRegionOfAws(region)) regions.set(accountId, present + 1);
    const scope: Scope = { accountId, region, series: new Map() };
    scopes.set(name, scope);
    return scope;
  }

  function seriesOf(scope: Scope, { metric, values, name }: Counted): Series | undefined {
    let byValues = scope.series.get(metric);
    if (byValues === undefined) {
      byValues = new Map();
      scope.series.set(metric, byValues);
    }
    let series = byValues.get(name);
    if (series === undefined && hasRoom(scope.accountId, metric)) {
      series = newSeries(scope, metric, values);
      byValues.set(name, series);
    }
    return series;
  }

  function hasRoom(accountId: string, metric: CountedMetric): boolean {
    const { mostSeries, name } = metric;
    if (mostSeries === undefined) return true;
    const share = shares.get(accountId) ?? new Map<CountedMetric, number>();
    shares.set(accountId, share);
    const present = share.get(metric) ?? 0;
    // One beyond: so that it is said once.
    if (present === mostSeries) onTooMany({ accountId, metric: name });
    if (present <= mostSeries) share.set(metric, present + 1);
    return present < mostSeries;
  }

  return {
    count(accountId, region, timeMs, counted) {
      const scope = scopeOf(accountId, region);
      if (scope === undefined) return;
      for (const each of counted) {
        const series = seriesOf(scope, each);
        if (series === undefined) continue;
        const cutMs = timeMs - (timeMs % each.metric.resolutionMs);
        if (series.pending > 0 && series.timeMs !== cutMs) finished.push(datumOf(series));
        series.timeMs = cutMs;
        series.pending += 1;
        pending.add(series);
      }
    },
    flush() {
      const data = [...finished, ...Array.from(pending, datumOf)];
      finished = [];
      pending.clear();
      if (data.length > 0) metrics.record(data);
    },
  };
}

function newSeries({ accountId, region }: Scope, counted: CountedMetric, values: readonly string[]): Series {
  const dimensions = counted.dimensions.map((name, at) => ({ name, value: values[at] as string }));
  const { namespace, name } = counted;
  return { metric: { accountId, region, namespace, name, dimensions }, counted, timeMs: 0, pending: 0 };
}

/** Takes what is pending. Each time it happened is a value of 1, so that sums, counts and rates are all right. */
function datumOf(series: Series): MetricDatum {
  const { metric, counted, timeMs, pending } = series;
  series.pending = 0;
  return { metric, timeMs, unit: counted.unit, observed: [[1, pending]] };
}
