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
  /** Whoever records a metric often does best to pass the same object each time: it need not be looked up then. */
  readonly metric: MetricId;
  /**
   * Milliseconds since 1970, cut to whole seconds, or more coarsely: each second in which something was observed is kept for
   * three hours, so that a metric whose times are cut to whole minutes takes a sixtieth of the room.
   */
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
  /**
   * Each value with its count, in ascending order, for percentiles; many different ones are rounded (`spread.ts`). Absent where
   * only summaries are known, and where a value is negative, for then AWS has no percentiles either.
   */
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
  /** The values are not asked for, only what they amount to. */
  readonly summariesOnly?: boolean;
}

export interface MetricListQuery {
  readonly accountId: string;
  readonly region: string;
  readonly namespace?: string | undefined;
  readonly name?: string | undefined;
  /** The metric has all of these, each with the value if one is given, and may have others. */
  readonly dimensions?: readonly { readonly name: string; readonly value?: string | undefined }[];
  /** Something was observed of it at that time or later. */
  readonly activeSinceMs: number;
  /** What the page before ended with. */
  readonly after?: number | undefined;
  readonly limit: number;
}

export interface MetricPage {
  readonly metrics: readonly MetricId[];
  /** Where the next page begins; absent of the last one. */
  readonly next?: number;
}

/** Keeps metrics. The monitor has the only one. */
export interface MetricStore {
  /** Counts in at once; durable within seconds. What there is no room for is left out, and the log says so. */
  record(data: readonly MetricDatum[]): void;
  /**
   * Why something would be left out of what a caller puts, as a sentence for the caller; undefined where nothing would be. An
   * account has only so many metrics (`metric-directory.ts`), and all together have only so much room.
   */
  whyNoRoom(data: readonly MetricDatum[]): string | undefined;
  /** Those of the periods in which something was observed, the oldest first. */
  periods(query: PeriodQuery): readonly Period[];
  /** The units that it was ever observed in; empty of one that is not known. */
  units(metric: MetricId): readonly string[];
  /** In the order in which they were first observed. */
  list(query: MetricListQuery): MetricPage;
}
