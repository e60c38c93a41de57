import type { MetricId } from '../../../monitoring/metric.ts';
import type { WatchedAlarm } from './watched-alarms.ts';

/** Which alarms something that was observed may matter to. */
export class AlarmsByMetric {
  /** By name alone first: most of what is recorded is of no alarm's metric. */
  readonly #named = new Map<string, Map<string, readonly WatchedAlarm[]>>();

  add(alarm: WatchedAlarm): void {
    const { name } = alarm.metric;
    const same = this.#named.get(name) ?? new Map<string, readonly WatchedAlarm[]>();
    this.#named.set(name, same);
    same.set(idOf(alarm.metric), [...this.of(alarm.metric), alarm]);
  }

  remove({ key, metric }: WatchedAlarm): void {
    const same = this.#named.get(metric.name);
    const others = this.of(metric).filter((each) => each.key !== key);
    if (others.length > 0) same?.set(idOf(metric), others);
    else same?.delete(idOf(metric));
    if (same?.size === 0) this.#named.delete(metric.name);
  }

  of(metric: MetricId): readonly WatchedAlarm[] {
    const same = this.#named.get(metric.name);
    return (same === undefined ? undefined : same.get(idOf(metric))) ?? NONE;
  }
}

const NONE: readonly WatchedAlarm[] = [];

/** Each part with its length, so that two metrics never have one. */
function idOf({ accountId, region, namespace, dimensions }: MetricId): string {
  let id = `${accountId}/${region}/${namespace.length}:${namespace}`;
  for (const { name, value } of dimensions) id += `${name.length}:${name}${value.length}:${value}`;
  return id;
}
