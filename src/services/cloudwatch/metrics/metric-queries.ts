import { setImmediate } from 'node:timers/promises';
import type { MetricStore, PeriodQuery } from '../../../monitoring/metric.ts';
import { resolutionFor } from '../../../monitoring/retention.ts';
import { needsValues, parseStatistic } from '../../../monitoring/statistics.ts';
import { KeyholdError } from '../../../runtime/errors.ts';
import type { MetricQueries, SeriesPoint } from '../ports.ts';

/** Answers what workers ask of the metrics, where the metrics are. */
export function metricQueries(store: MetricStore): MetricQueries {
  return {
    async put(data) {
      const why = store.whyNoRoom(data);
      if (why !== undefined) throw new KeyholdError('LimitExceededFault', why);
      store.record(data);
    },
    list: async (query) => store.list(query),
    async series({ statistics: names, ...query }) {
      const statistics = names.map((name) => parseStatistic(name) ?? (() => undefined));
      const summariesOnly = !names.some(needsValues);
      const units = query.unit === undefined ? store.units(query.metric) : [query.unit];
      const series: { unit: string; points: SeriesPoint[] }[] = [];
      for (const unit of units) {
        const points: SeriesPoint[] = [];
        for (const part of partsOf({ ...query, unit, summariesOnly })) {
          for (const period of store.periods(part)) {
            points.push({ startMs: period.startMs, values: statistics.map((statistic) => statistic(period)) });
          }
          // Alarms are evaluated in the same thread, and percentiles of two weeks take seconds.
          await setImmediate();
        }
        series.push({ unit, points });
      }
      return series;
    },
  };
}

/** Rows of the metrics' file, each of which may have hundreds of values: some ten milliseconds. */
const MOST_ROWS = 1000;
const MOST_ROWS_WITH_VALUES = 100;

/** The same periods, asked for by a few at a time. */
function* partsOf(query: PeriodQuery): Generator<PeriodQuery> {
  const { fromMs, toMs, periodSeconds, summariesOnly } = query;
  const rowsOfPeriod = periodSeconds / resolutionFor(fromMs, periodSeconds).seconds;
  const most = summariesOnly === true ? MOST_ROWS : MOST_ROWS_WITH_VALUES;
  const partMs = Math.max(Math.floor(most / rowsOfPeriod), 1) * periodSeconds * 1000;
  for (let startMs = fromMs; startMs < toMs; startMs += partMs) {
    yield { ...query, fromMs: startMs, toMs: Math.min(startMs + partMs, toMs) };
  }
}
