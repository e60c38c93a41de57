import { CellsByTime, PeriodCells } from './cells-by-time.ts';
import type { MetricStore } from './metric.ts';
import { MetricDirectory } from './metric-directory.ts';

/** A store that keeps everything in memory, by the second, for as long as it lives. */
export function memoryMetrics(): MetricStore {
  const directory = new MetricDirectory();
  const cells = new CellsByTime();
  return {
    record(data) {
      for (const datum of data) {
        const known = directory.admit(datum);
        if (known !== undefined) cells.add(known.id, datum);
      }
    },
    whyNoRoom: (data) => directory.whyNoRoom(data),
    periods(query) {
      const periods = new PeriodCells(query);
      const known = directory.find(query.metric);
      if (known !== undefined) cells.countInto(periods, known.id);
      return periods.inOrder();
    },
    units: (metric) => [...(directory.find(metric)?.units ?? [])],
    list: (query) => directory.list(query),
  };
}
