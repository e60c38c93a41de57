import { eventTimeMs } from '../../../audit/event-time.ts';
import type { FollowedLine } from '../../../audit/follow-stream.ts';
import type { AuditRecord } from '../../../audit/record.ts';
import { behind } from '../../../audit/stream-position.ts';
import { auditMetricsOf } from '../../../monitoring/audit-metrics.ts';
import { kmsMetricsOf } from '../../../monitoring/kms-metrics.ts';
import type { PositionsFile } from '../positions-file.ts';
import type { RecordConsumer } from '../record-consumer.ts';
import type { MetricCounter } from './metric-counter.ts';

/**
 * Counts audit records as the metrics that the server makes of them.
 *
 * @param metrics to which the counter hands over
 */
export function recordMetrics(
  counter: MetricCounter,
  positions: PositionsFile,
  metrics: { flush(): void },
): RecordConsumer {
  /** Of each stream, since the positions were saved. */
  const last = new Map<string, FollowedLine>();
  return {
    name: 'metrics of the audit trail',
    position: (stream) => positions.get(stream),
    take(followed) {
      countRecord(counter, followed.record);
      last.set(followed.stream, followed);
    },
    // The metrics first: what is counted twice after a crash is less harm than what is not counted.
    flush() {
      counter.flush();
      metrics.flush();
      for (const [stream, line] of last) positions.set(stream, behind(line));
      last.clear();
      positions.save();
    },
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
