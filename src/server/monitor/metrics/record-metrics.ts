import { eventTimeMs } from '../../../audit/event-time.ts';
import type { FollowedLine } from '../../../audit/follow-stream.ts';
import type { AuditRecord } from '../../../audit/record.ts';
import { segmentsOf, streamsOf } from '../../../audit/stream-files.ts';
import { BEGINNING, behind, goOnFrom } from '../../../audit/stream-position.ts';
import { auditMetricsOf } from '../../../monitoring/audit-metrics.ts';
import { kmsMetricsOf } from '../../../monitoring/kms-metrics.ts';
import type { RecordConsumer } from '../record-consumer.ts';
import type { MetricCounter } from './metric-counter.ts';
import type { MetricDatabase } from './metric-database.ts';

/**
 * Counts audit records as the metrics that the server makes of them.
 *
 * @param counter hands over to `metrics`
 * @param auditDirectory of the streams
 */
export function recordMetrics(
  counter: MetricCounter,
  metrics: Pick<MetricDatabase, 'position' | 'follow' | 'flush'>,
  auditDirectory: string,
): RecordConsumer {
  const present = new Set(streamsOf(auditDirectory).filter((each) => segmentsOf(auditDirectory, each).length > 0));
  /** Of each stream, since it was last handed over. */
  const last = new Map<string, FollowedLine>();
  metrics.follow(() => {
    counter.flush();
    const positions = new Map(Array.from(last, ([stream, line]) => [stream, behind(line)]));
    last.clear();
    return positions;
  });
  return {
    name: 'metrics of the audit trail',
    position(stream) {
      const position = metrics.position(stream);
      if (position !== undefined) return goOnFrom(auditDirectory, stream, position);
      // One that has come into being since is followed from its beginning.
      return present.has(stream) ? undefined : BEGINNING;
    },
    take(followed) {
      countRecord(counter, followed.record);
      last.set(followed.stream, followed);
    },
    flush: () => metrics.flush(),
  };
}

/** What belongs to no account, as requests that were not authenticated do, is in nobody's metrics. */
function countRecord(counter: MetricCounter, record: AuditRecord): void {
  const { recipientAccountId, awsRegion } = record;
  const timeMs = eventTimeMs(record.eventTime);
  if (recipientAccountId === undefined || Number.isNaN(timeMs)) return;
  for (const each of [auditMetricsOf(record), kmsMetricsOf(record)]) {
    if (each.length > 0) counter.count(recipientAccountId, awsRegion, timeMs, each);
  }
}
