import type { FollowedLine } from '../../audit/follow-stream.ts';
import type { AuditRecord } from '../../audit/record.ts';
import { auditMetricsOf } from '../../monitoring/audit-metrics.ts';
import { kmsMetricsOf } from '../../monitoring/kms-metrics.ts';
import type { MetricCounter } from './metric-counter.ts';
import type { PositionsFile } from './positions-file.ts';
import type { RecordConsumer } from './record-consumer.ts';

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
  const timeOf = timeReader();
  /** Of each stream, since the positions were saved. */
  const last = new Map<string, FollowedLine>();
  return {
    name: 'metrics of the audit trail',
    position: (stream) => positions.get(stream),
    take(followed) {
      countRecord(counter, followed.record, timeOf(followed.record.eventTime));
      last.set(followed.stream, followed);
    },
    // The metrics first: what is counted twice after a crash is less harm than what is not counted.
    flush() {
      counter.flush();
      metrics.flush();
      for (const [stream, { sequence, segment, offset, length }] of last) {
        positions.set(stream, { sequence, segment, offset: offset + length + 1 });
      }
      last.clear();
      positions.save();
    },
  };
}

/** What belongs to no account, as requests that were not authenticated do, is in nobody's metrics. */
function countRecord(counter: MetricCounter, record: AuditRecord, timeMs: number): void {
  const { recipientAccountId, awsRegion } = record;
  if (recipientAccountId === undefined || Number.isNaN(timeMs)) return;
  for (const each of [auditMetricsOf(record), kmsMetricsOf(record)]) {
    if (each.length > 0) counter.count(recipientAccountId, awsRegion, timeMs, each);
  }
}

/** Records of one second come one after the other, so that most moments are the last one. */
function timeReader(): (eventTime: string) => number {
  let lastText = '';
  let lastMs = Number.NaN;
  return (eventTime) => {
    if (eventTime !== lastText) {
      lastText = eventTime;
      lastMs = Date.parse(eventTime);
    }
    return lastMs;
  };
}
