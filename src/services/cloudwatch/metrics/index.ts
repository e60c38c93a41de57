import type { AnyOperation } from '../../perform.ts';
import { getMetricData } from './get-metric-data.ts';
import { getMetricStatistics } from './get-metric-statistics.ts';
import { listMetrics } from './list-metrics.ts';
import { putMetricData } from './put-metric-data.ts';

export const metricOperations: readonly AnyOperation[] = [
  getMetricData,
  getMetricStatistics,
  listMetrics,
  putMetricData,
];
