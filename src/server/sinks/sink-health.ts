import type { AuditTrail } from '../../audit/audit-trail.ts';
import { type AuditSink, MOST_AUDIT_SINKS } from '../../config/audit-sink.ts';
import { type Clock, sharedMonotonicMs } from '../../runtime/clock.ts';
import { KeyholdError } from '../../runtime/errors.ts';
import { seriesOf } from '../metrics/catalogue.ts';
import { cellsOf, type MetricsMemory, mainSection, monitorSection } from '../metrics/memory.ts';

/**
 * How the sinks are, for the metrics, and for workers that must not answer without them. There is one measure: the moment up
 * to which a sink has all that was recorded. A sink that fails, one that hangs, one that is too slow, and a monitor that is
 * not there, all fall behind.
 */

/** How far behind a sink may be before requests are refused, where they are to be. */
const SINK_PATIENCE_MS = 10_000;

/** A moment for each sink, of the clock that threads share; 0 before the first. */
export function sinkMoments(): SharedArrayBuffer {
  return new SharedArrayBuffer(Float64Array.BYTES_PER_ELEMENT * MOST_AUDIT_SINKS);
}

export interface SinkHealth {
  delivered(records: number): void;
  /** An attempt has failed. */
  failed(): void;
  /** Records that the sink will never have. */
  lost(records: number): void;
  waiting(records: number): void;
  /** All that was recorded `agoMs` ago, or before, has been sent. */
  upToDate(agoMs: number): void;
}

export interface SinkMemory {
  readonly metrics: MetricsMemory;
  readonly sinkMoments: SharedArrayBuffer;
}

/** @param number of the sink, from 0, in the order of the configuration */
export function sinkHealth(
  { metrics, sinkMoments }: SinkMemory,
  workers: number,
  number: number,
  kind: AuditSink['kind'],
  clock: Clock,
): SinkHealth {
  const section = monitorSection(workers);
  const series = seriesOf.sink(number, kind);
  const [records, failures, losses, queue, moment] = (
    ['sinkRecords', 'sinkFailures', 'sinkLosses', 'sinkQueue', 'sinkLag'] as const
  ).map((name) => cellsOf(metrics, section, name)) as [Cells, Cells, Cells, Cells, Cells];
  const moments = new Float64Array(sinkMoments);
  return {
    delivered: (count) => records.add(series, count),
    failed: () => failures.add(series, 1),
    lost: (count) => losses.add(series, count),
    waiting: (count) => queue.set(series, count),
    upToDate(agoMs) {
      moments[number] = sharedMonotonicMs() - agoMs;
      moment.set(series, clock.now() - agoMs);
    },
  };
}

type Cells = ReturnType<typeof cellsOf>;

/**
 * Shows the counters of each sink from the start, by a first count that is not shown. Called once for a process, by its main
 * thread: the monitor may be started several times.
 */
export function showSinks(metrics: MetricsMemory, workers: number, sinks: readonly AuditSink[]): void {
  for (const name of ['sinkRecords', 'sinkFailures', 'sinkLosses'] as const) {
    const cells = cellsOf(metrics, mainSection(workers), name);
    for (const [number, { kind }] of sinks.entries()) cells.add(seriesOf.sink(number, kind), 1);
  }
}

/** The same trail, which takes no record while one of the sinks is further behind than `SINK_PATIENCE_MS`. */
export function trailWithSinks(trail: AuditTrail, moments: SharedArrayBuffer, sinks: number): AuditTrail {
  const upTo = new Float64Array(moments, 0, sinks);
  return {
    ...trail,
    append(recordJson) {
      const least = sharedMonotonicMs() - SINK_PATIENCE_MS;
      if (upTo.some((moment) => moment < least)) {
        return Promise.reject(
          new KeyholdError('AuditUnavailable', 'an audit sink is behind, and requests wait for all'),
        );
      }
      return trail.append(recordJson);
    },
  };
}
