import { trailFileKinds } from '../../metrics/catalogue.ts';
import { cellsOf, type MetricsMemory } from '../../metrics/memory.ts';
import type { FileKind } from './trail-failure.ts';

/** What is counted of the delivery of trails. */
export interface TrailMetrics {
  delivered(kind: FileKind, files: number, nowMs: number): void;
  failed(kind: FileKind): void;
  /** How many trails cannot be delivered now. */
  failing(trails: number): void;
}

export function trailMetrics(memory: MetricsMemory, section: number): TrailMetrics {
  const files = cellsOf(memory, section, 'trailFiles');
  const failures = cellsOf(memory, section, 'trailFailures');
  const failing = cellsOf(memory, section, 'trailsFailing');
  const latest = cellsOf(memory, section, 'trailDeliveryAge');
  return {
    delivered(kind, count, nowMs) {
      if (count === 0) return;
      files.add(trailFileKinds.indexOf(kind), count);
      if (kind === 'log') latest.set(0, nowMs);
    },
    failed: (kind) => failures.add(trailFileKinds.indexOf(kind), 1),
    failing: (trails) => failing.set(0, trails),
  };
}
