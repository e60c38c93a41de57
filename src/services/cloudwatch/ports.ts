import type { MetricDatum, MetricListQuery, MetricPage, PeriodQuery } from '../../monitoring/metric.ts';
import type { Random } from '../../runtime/random.ts';
import type { Reader } from '../../store/sealed-store.ts';
import type { Operation } from '../operation.ts';

/** The metrics, which the monitor has: each is asked for by a message. */
export interface MetricQueries {
  /** Counts in all or nothing. Rejects with LimitExceededFault where there is no room for a new metric. */
  put(data: readonly MetricDatum[]): Promise<void>;
  list(query: MetricListQuery): Promise<MetricPage>;
  /** What was observed of a metric, by unit. */
  series(query: SeriesQuery): Promise<readonly Series[]>;
}

export interface SeriesQuery extends Omit<PeriodQuery, 'summariesOnly'> {
  /** AWS's names: `Sum`, `p99`. */
  readonly statistics: readonly string[];
}

/** What was observed in one unit, the oldest first. */
export interface Series {
  readonly unit: string;
  readonly points: readonly SeriesPoint[];
}

export interface SeriesPoint {
  readonly startMs: number;
  /** In the order in which they were asked for; undefined where a statistic cannot be told. */
  readonly values: readonly (number | undefined)[];
}

/** What CloudWatch's targets and handlers may reach. In a change, `store` looks through the transaction. */
export interface CloudWatchPorts {
  readonly store: Reader;
  readonly random: Random;
  readonly metrics: MetricQueries;
}

/** An operation of CloudWatch: what `Operation` says, with CloudWatch's ports. */
export type CloudWatchOperation<Request extends object, Response, Targets> = Operation<
  Request,
  Response,
  Targets,
  CloudWatchPorts
>;
