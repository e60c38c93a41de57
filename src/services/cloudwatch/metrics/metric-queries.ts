import type { MetricStore } from '../../../monitoring/metric.ts';
import { needsValues, parseStatistic } from '../../../monitoring/statistics.ts';
import { KeyholdError } from '../../../runtime/errors.ts';
import type { MetricQueries } from '../ports.ts';

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
      return units.map((unit) => ({
        unit,
        points: store.periods({ ...query, unit, summariesOnly }).map((period) => ({
          startMs: period.startMs,
          values: statistics.map((statistic) => statistic(period)),
        })),
      }));
    },
  };
}
