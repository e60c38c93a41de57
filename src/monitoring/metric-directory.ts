import type { MetricDatum, MetricId, MetricListQuery, MetricPage } from './metric.ts';

/**
 * Which metrics there are. AWS has no limit to their number; here an account may have so many of its own, in all Regions,
 * and besides as many that the server makes: what an account does with its own leaves those alone, lest whoever may put
 * metrics could blind the alarms on what they do.
 */
export const MOST_METRICS_OF_ACCOUNT = 10_000;
/**
 * Of the names of all of them, dimensions and all: one may have 38,000, and all of them are in memory, from the start on. It is
 * a thousand for each.
 */
export const MOST_CHARACTERS_OF_ACCOUNT = 10_000_000;

/** Namespaces of these beginnings are the server's own; AWS reserves the first. */
export const reservedNamespaces = ['AWS/', 'Keyhold/'] as const;

function isReserved(namespace: string): boolean {
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

/** What an account has of its own metrics, or of those that the server makes. */
interface Share {
  metrics: number;
  characters: number;
}

const NOTHING: Share = { metrics: 0, characters: 0 };

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
    const wanted = new Map<string, Map<string, number>>();
    for (const { metric } of data) {
      if (this.#seen.has(metric) || this.find(metric) !== undefined) continue;
      const name = nameOf(metric);
      const names = wanted.get(shareOf(metric)) ?? new Map();
      wanted.set(shareOf(metric), names.set(`${scopeOf(metric)}\0${name}`, name.length));
    }
    for (const [share, names] of wanted) {
      const { metrics, characters } = this.#shares.get(share) ?? NOTHING;
      if (metrics + names.size > MOST_METRICS_OF_ACCOUNT) {
        return `The account has at most ${MOST_METRICS_OF_ACCOUNT} metrics, and these would be more.`;
      }
      if (characters + [...names.values()].reduce((a, b) => a + b, 0) > MOST_CHARACTERS_OF_ACCOUNT) {
        return `The names and dimensions of the account's metrics have at most ${MOST_CHARACTERS_OF_ACCOUNT} characters, and these would be more.`;
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
    const { metrics, characters } = this.#shares.get(shareOf(metric)) ?? NOTHING;
    return metrics > MOST_METRICS_OF_ACCOUNT / 2 || characters > MOST_CHARACTERS_OF_ACCOUNT / 2;
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
      const { metrics, characters } = this.#shares.get(shareOf(metric)) ?? NOTHING;
      if (metrics >= MOST_METRICS_OF_ACCOUNT || characters + name.length > MOST_CHARACTERS_OF_ACCOUNT) return undefined;
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

  #countIn(metric: MetricId, by: 1 | -1): void {
    const share = shareOf(metric);
    const { metrics, characters } = this.#shares.get(share) ?? NOTHING;
    this.#shares.set(share, { metrics: metrics + by, characters: characters + by * nameOf(metric).length });
  }
}

function shareOf({ accountId, namespace }: MetricId): string {
  return `${accountId}/${isReserved(namespace) ? 'reserved' : 'own'}`;
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
