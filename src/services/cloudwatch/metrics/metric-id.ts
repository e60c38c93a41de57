import type { Dimension, Metric } from '@aws-sdk/client-cloudwatch';
import type { MetricId } from '../../../monitoring/metric.ts';
import type { Input } from '../../../wire/shapes.ts';
import type { Scope } from '../../caller.ts';

/** A metric of the caller's account in the Region of the request. */
export function metricIdOf(
  { caller, region }: Scope,
  namespace: string,
  name: string,
  dimensions: readonly Input<Dimension>[] = [],
): MetricId {
  return {
    accountId: caller.principal.accountId,
    region,
    namespace,
    name,
    // AWS takes a metric for the same in whatever order its dimensions come.
    dimensions: dimensions
      .map(({ Name, Value }) => ({ name: Name, value: Value }))
      .sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0)),
  };
}

export function shownMetric({ namespace, name, dimensions }: MetricId): Metric {
  return {
    Namespace: namespace,
    MetricName: name,
    Dimensions: dimensions.map((each) => ({ Name: each.name, Value: each.value })),
  };
}
