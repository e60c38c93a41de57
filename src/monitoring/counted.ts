/** A metric that the server makes by itself: how often something happened. */
export interface CountedMetric {
  readonly namespace: string;
  readonly name: string;
  readonly unit: 'Count' | 'None';
  /** The names of its dimensions, in their order. */
  readonly dimensions: readonly string[];
  /** To how many milliseconds its times are cut. */
  readonly resolutionMs: number;
  /** How many series an account may have of it; absent where its dimensions have few values anyway. */
  readonly mostSeries?: number;
}

/** That it happened once. */
export interface Counted {
  readonly metric: CountedMetric;
  /** Of its dimensions, in the order of their names. */
  readonly values: readonly string[];
  /** All the values as one text, which tells series of a metric apart. */
  readonly name: string;
}

export function counted(metric: CountedMetric, ...values: string[]): Counted {
  // No value has this in it: ARNs, ids and names of operations.
  return { metric, values, name: values.length === 1 ? (values[0] as string) : values.join('\n') };
}
