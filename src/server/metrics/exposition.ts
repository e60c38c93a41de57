import { readdirSync, readFileSync } from 'node:fs';
import { type Metric, Registry } from 'prom-client';
import type { Clock } from '../../runtime/clock.ts';
import { type Family, type FamilyName, families, type Labels } from './catalogue.ts';
import { accountOf, type MetricsMemory, totalsOf } from './memory.ts';

/** The figures as text, for Prometheus. Any thread can write it: all of them see the same memory. */
export interface Exposition {
  /** @param accept the header of the request: OpenMetrics for who asks for it */
  write(accept: string): Promise<{ readonly contentType: string; readonly body: string }>;
}

/** One line of text. */
interface Sample {
  readonly metricName?: string;
  readonly labels: Labels | { readonly le: number | string };
  readonly value: number;
}

interface Shown {
  readonly name: string;
  readonly help: string;
  readonly type: Family['type'];
  readonly samples: () => readonly Sample[];
}

export function exposition(memory: MetricsMemory, clock: Clock): Exposition {
  return {
    async write(accept) {
      const registry = new Registry<string & Registry['contentType']>();
      if (accept.includes('application/openmetrics-text')) {
        registry.setContentType(Registry.OPENMETRICS_CONTENT_TYPE as unknown as Registry['contentType']);
      }
      const nowMs = clock.now();
      for (const name of Object.keys(families) as FamilyName[]) {
        const family: Family = families[name];
        register(registry, { ...family, samples: () => samplesOf(family, memory, totalsOf(memory, name), nowMs) });
      }
      for (const shown of processMetrics()) register(registry, shown);
      return { contentType: registry.contentType, body: await registry.metrics() };
    },
  };
}

/**
 * prom-client writes whatever answers `get` as its own metrics do, which is how it writes what it has aggregated of the
 * processes of a cluster. Its Histogram could not be given what has been counted elsewhere.
 */
function register(registry: Registry, { name, help, type, samples }: Shown): void {
  const metric = { name, help, type, get: async () => ({ name: metric.name, help, type, values: samples() }) };
  registry.registerMetric(metric as unknown as Metric);
}

function samplesOf(family: Family, memory: MetricsMemory, totals: Float64Array, nowMs: number): Sample[] {
  const samples: Sample[] = [];
  const width = totals.length / family.size;
  for (let series = 0; series < family.size; series++) {
    const start = series * width;
    // Most series of the large families are.
    if (family.fromTheStart !== true && areZero(totals, start, width)) continue;
    const cells = totals.subarray(start, start + width);
    const labels = family.labels(series, (number) => accountOf(memory, number));
    if (labels === undefined) continue;
    if (family.bounds !== undefined) {
      samples.push(...histogramSamples(family, family.bounds, labels, cells));
      continue;
    }
    const counted = cells[0] as number;
    const value = family.shown === undefined ? counted : family.shown(counted, nowMs);
    if (value !== undefined) samples.push({ labels, value });
  }
  return samples;
}

function areZero(cells: Float64Array, start: number, count: number): boolean {
  for (let at = start; at < start + count; at++) if (cells[at] !== 0) return false;
  return true;
}

/** Prometheus's buckets count all that is not above their bound. */
function histogramSamples(
  { name }: Family,
  bounds: readonly number[],
  labels: Labels,
  cells: Float64Array,
): readonly Sample[] {
  let count = 0;
  const buckets = [...bounds, '+Inf'].map((le, bucket) => {
    count += cells[bucket] as number;
    return { metricName: `${name}_bucket`, labels: { ...labels, le }, value: count };
  });
  const sum = cells[bounds.length + 1] as number;
  return [
    ...buckets,
    { metricName: `${name}_sum`, labels, value: sum },
    { metricName: `${name}_count`, labels, value: count },
  ];
}

/**
 * The names that all client libraries of Prometheus have for a process. Not prom-client's own: those count from when a
 * thread registered them, and so would fall when another thread is asked.
 */
function* processMetrics(): Iterable<Shown> {
  const { user, system } = process.cpuUsage();
  const one = (value: number) => () => [{ labels: {}, value }];
  yield {
    name: 'process_cpu_seconds_total',
    help: 'CPU time of the process, of all its threads',
    type: 'counter',
    samples: one((user + system) / 1e6),
  };
  yield {
    name: 'process_resident_memory_bytes',
    help: 'Memory of the process that is in RAM',
    type: 'gauge',
    samples: one(process.memoryUsage.rss()),
  };
  // Of Linux alone.
  const openFiles = readProc(() => readdirSync('/proc/self/fd').length);
  if (openFiles !== undefined) {
    yield {
      name: 'process_open_fds',
      help: 'File descriptors in use, connections among them',
      type: 'gauge',
      samples: one(openFiles),
    };
  }
  const mostFiles = readProc(() =>
    Number(/^Max open files +(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1]),
  );
  if (mostFiles !== undefined && !Number.isNaN(mostFiles)) {
    yield {
      name: 'process_max_fds',
      help: 'File descriptors that the process may have',
      type: 'gauge',
      samples: one(mostFiles),
    };
  }
}

function readProc<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
