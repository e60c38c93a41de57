import type { Logger } from 'pino';
import type { MetricStore } from '../../monitoring/metric.ts';
import type { Clock } from '../../runtime/clock.ts';
import type { Random } from '../../runtime/random.ts';
import { metricQueries } from '../../services/cloudwatch/metrics/metric-queries.ts';
import type { MetricQueries } from '../../services/cloudwatch/ports.ts';
import type { Epoch } from '../../store/change-feed.ts';
import type { Store } from '../../store/sealed-store.ts';
import type { DataDirectory } from '../data-directory.ts';
import { startAlarmEvaluation } from './alarms/evaluate-alarms.ts';
import { startForgettingHistory } from './alarms/forget-alarm-history.ts';
import { fairQuestions } from './fair-questions.ts';
import { startMaterialExpirations } from './metrics/material-expirations.ts';
import { metricCounter } from './metrics/metric-counter.ts';
import { openMetricDatabase } from './metrics/metric-database.ts';
import { recordMetrics } from './metrics/record-metrics.ts';
import type { RecordConsumer } from './record-consumer.ts';

/** CloudWatch's part of the monitor: metrics, those that the server makes by itself among them, and the alarms on them. */
export interface Metering {
  /** Counts audit records. */
  readonly consumer: RecordConsumer;
  readonly queries: MetricQueries;
  /** To be called once the consumer has had its last record. */
  stop(): Promise<void>;
}

export interface MeteringOptions {
  readonly directory: DataDirectory;
  readonly store: Store;
  readonly epoch: Epoch;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

export function startMetering({ directory, store, epoch, clock, random, log }: MeteringOptions): Metering {
  const database = openMetricDatabase({ path: directory.metrics, clock, log });
  const alarms = startAlarmEvaluation({ store, epoch, metrics: database, clock, random, log });
  /** What is recorded by way of this is noticed by the alarms, too. */
  const metrics: MetricStore = {
    ...database,
    record(data) {
      database.record(data);
      alarms.recorded(data);
    },
  };
  const history = startForgettingHistory(store, clock, log);
  const expirations = startMaterialExpirations({ store, metrics, clock, log });
  const counter = metricCounter({
    metrics,
    onTooMany: (what) =>
      log.warn(what, 'there are too many metrics: of more keys, principals or accounts none are made'),
  });

  return {
    consumer: recordMetrics(counter, database, directory.audit),
    queries: fairQuestions(metricQueries(metrics)),
    async stop() {
      await Promise.all([alarms.stop(), history.stop(), expirations.stop()]);
      database.close();
    },
  };
}
