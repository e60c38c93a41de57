import type { MetricDatum, MetricId, MetricListQuery, MetricPage } from './metric.ts';

/**
 * Which metrics there are. AWS has no limit to their number; here an account may have so many of its own, in all Regions,
 * and besides as many that the server makes: what an account does with its own leaves those alone, lest whoever may put
 * metrics could blind the alarms on what they do.
 */
export const MOST_METRICS_OF_ACCOUNT = 10_000;

/** Namespaces of these beginnings are the server's own; AWS reserves the first. */
export const reservedNamespaces = ['AWS/', 'Keyhold/'] as const;

export function isReserved(namespace: string): boolean {
  return reservedNamespaces.some((prefix) => namespace.startsWith(prefix));
}

export interface KnownMetric {
  /** In the order in which they were first observed. */
  readonly id: number;
  readonly metric: MetricId;
  /** Of the newest datum. */
  lastMs: number;
  readonly units: Set<string>;
  /** Something here is not yet written down. */
  unwritten: boolean;
}

interface Share {
  own: number;
  reserved: number;
}

export class MetricDirectory {
  readonly #byScope = new Map<string, Map<string, KnownMetric>>();
  readonly #shares = new Map<string, Share>();
  /** By the very objects that callers pass again and again. */
  readonly #seen = new WeakMap<MetricId, KnownMetric>();
  #lastId = 0;

  /** Takes in what was written down; in the order of ids. */
  restore(known: KnownMetric): void {
    this.#scope(known.metric).set(nameOf(known.metric), known);
    this.#countIn(known.metric, 1);
    this.#lastId = known.id;
  }

  find(metric: MetricId): KnownMetric | undefined {
    return this.#byScope.get(scopeOf(metric))?.get(nameOf(metric));
  }

  /** The metric of a datum, which is known from then on; undefined where there is no room for it. */
  admit({ metric, timeMs, unit }: MetricDatum): KnownMetric | undefined {
    const known = this.#seen.get(metric) ?? this.#findOrMake(metric);
    if (known === undefined) return undefined;
    if (timeMs > known.lastMs) known.lastMs = timeMs;
    if (!known.units.has(unit)) {
      known.units.add(unit);
      known.unwritten = true;
    }
    return known;
  }

  whyNoRoom(data: readonly MetricDatum[]): string | undefined {
    const wanted = new Map<string, Set<string>>();
    for (const { metric } of data) {
      if (this.#seen.has(metric) || this.find(metric) !== undefined) continue;
      const share = `${metric.accountId}/${isReserved(metric.namespace) ? 'reserved' : 'own'}`;
      const names = wanted.get(share) ?? new Set();
      wanted.set(share, names.add(`${scopeOf(metric)}\0${nameOf(metric)}`));
      if (names.size > this.#roomFor(metric)) {
        return `The account has at most ${MOST_METRICS_OF_ACCOUNT} metrics, and these would be more.`;
      }
    }
    return undefined;
  }

  /** Those that something was observed of, the oldest first. */
  list({
    accountId,
    region,
    namespace,
    name,
    dimensions = [],
    activeSinceMs,
    after = 0,
    limit,
  }: MetricListQuery): MetricPage {
    const found: KnownMetric[] = [];
    for (const known of this.#byScope.get(scopeOf({ accountId, region }))?.values() ?? []) {
      if (known.id <= after || known.lastMs < activeSinceMs) continue;
      if (namespace !== undefined && known.metric.namespace !== namespace) continue;
      if (name !== undefined && known.metric.name !== name) continue;
      if (!dimensions.every((wanted) => known.metric.dimensions.some((each) => matches(each, wanted)))) continue;
      if (found.length === limit)
        return { metrics: found.map(({ metric }) => metric), next: found.at(-1)?.id ?? after };
      found.push(known);
    }
    return { metrics: found.map(({ metric }) => metric) };
  }

  /** Whether more than half of the room of such metrics of the account is taken. */
  isCrowded(metric: MetricId): boolean {
    return this.#roomFor(metric) < MOST_METRICS_OF_ACCOUNT / 2;
  }

  *all(): Generator<KnownMetric> {
    for (const metrics of this.#byScope.values()) yield* metrics.values();
  }

  forget({ metric }: KnownMetric): void {
    this.#byScope.get(scopeOf(metric))?.delete(nameOf(metric));
    this.#seen.delete(metric);
    this.#countIn(metric, -1);
  }

  #findOrMake(metric: MetricId): KnownMetric | undefined {
    const scope = this.#scope(metric);
    const name = nameOf(metric);
    let known = scope.get(name);
    if (known === undefined) {
      if (this.#roomFor(metric) < 1) return undefined;
      known = { id: ++this.#lastId, metric, lastMs: Number.NEGATIVE_INFINITY, units: new Set(), unwritten: true };
      scope.set(name, known);
      this.#countIn(metric, 1);
    }
    // Only the object that is held anyway: of any other, the caller may never ask again.
    if (known.metric === metric) this.#seen.set(metric, known);
    return known;
  }

  #scope(metric: MetricId): Map<string, KnownMetric> {
    const key = scopeOf(metric);
    let scope = this.#byScope.get(key);
    if (scope === undefined) {
      scope = new Map();
      this.#byScope.set(key, scope);
    }
    return scope;
  }

  #roomFor({ accountId, namespace }: MetricId): number {
    const share = this.#shares.get(accountId);
    return MOST_METRICS_OF_ACCOUNT - ((isReserved(namespace) ? share?.reserved : share?.own) ?? 0);
  }

  #countIn({ accountId, namespace }: MetricId, by: number): void {
    const share = this.#shares.get(accountId) ?? { own: 0, reserved: 0 };
    share[isReserved(namespace) ? 'reserved' : 'own'] += by;
    this.#shares.set(accountId, share);
  }
}

function scopeOf({ accountId, region }: Pick<MetricId, 'accountId' | 'region'>): string {
  return `${accountId}/${region}`;
}

/** Each part with its length, so that two metrics never have one name. */
function nameOf({ namespace, name, dimensions }: MetricId): string {
  let text = `${namespace.length}:${namespace}${name.length}:${name}`;
  for (const { name: key, value } of dimensions) text += `${key.length}:${key}${value.length}:${value}`;
  return text;
}

function matches(
  dimension: { name: string; value: string },
  wanted: { name: string; value?: string | undefined },
): boolean {
  return dimension.name === wanted.name && (wanted.value === undefined || dimension.value === wanted.value);
}
