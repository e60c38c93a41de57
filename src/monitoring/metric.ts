/**
 * Metrics as CloudWatch knows them: series of numbers of an account in a Region, named by namespace, name and dimensions.
 * They come from requests (PutMetricData) and from the server itself (`AWS/KMS`, `Keyhold/Audit`).
 */

export interface Dimension {
  readonly name: string;
  readonly value: string;
}

export interface MetricId {
  readonly accountId: string;
  readonly region: string;
  readonly namespace: string;
  readonly name: string;
  /** In the order of their names, each name once. */
  readonly dimensions: readonly Dimension[];
}

/** What was observed of a metric in one second. */
export interface MetricDatum {
  readonly metric: MetricId;
  /** Milliseconds since 1970, cut to whole seconds. */
  readonly timeMs: number;
  /** AWS's name of it (`Seconds`, `Count`); data without one are of the unit `None`. */
  readonly unit: string;
  /** Each value with how often it was observed; or only their summary, of which no percentile can be told. */
  readonly observed: readonly (readonly [value: number, count: number])[] | StatisticSet;
}

export interface StatisticSet {
  readonly sampleCount: number;
  readonly sum: number;
  readonly minimum: number;
  readonly maximum: number;
}

/** All that was observed of a metric, in one unit, in the period that begins at `startMs`. */
export interface Period extends StatisticSet {
  readonly startMs: number;
  /** Each value with its count, for percentiles; absent where only summaries are known. */
  readonly values?: readonly (readonly [value: number, count: number])[];
}

export interface PeriodQuery {
  readonly metric: MetricId;
  /** Absent: of every unit, taken together. */
  readonly unit?: string;
  /** Included. */
  readonly fromMs: number;
  /** Excluded. */
  readonly toMs: number;
  /** Periods begin at `fromMs` and each so many seconds after it. */
  readonly periodSeconds: number;
}

/** Keeps metrics. The monitor has the only one. */
export interface MetricStore {
  /** Counts in at once; durable within seconds. */
  record(data: readonly MetricDatum[]): void;
  /** Those of the periods in which something was observed, the oldest first. */
  periods(query: PeriodQuery): readonly Period[];
}
