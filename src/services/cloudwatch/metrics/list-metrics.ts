import type { ListMetricsInput, ListMetricsOutput } from '@aws-sdk/client-cloudwatch';
import { KeyholdError } from '../../../runtime/errors.ts';
import * as metrics from '../../../wire/metric-shapes.ts';
import { inParameterWords } from '../../../wire/parameter-words.ts';
import { enumeration, structure } from '../../../wire/shapes.ts';
import { namelessAccountTarget } from '../../account-target.ts';
import type { CloudWatchOperation } from '../ports.ts';
import { shownMetric } from './metric-id.ts';

const PAGE = 500;
/** "ListMetrics doesn't return information about metrics if those metrics haven't reported data in the past two weeks." */
const LISTED_MS = 14 * 86_400_000;
const RECENT_MS = 3 * 3_600_000;

export const listMetrics: CloudWatchOperation<ListMetricsInput, ListMetricsOutput, { account: undefined }> = {
  name: 'ListMetrics',
  input: inParameterWords(
    structure<ListMetricsInput>({
      Namespace: metrics.namespace,
      MetricName: metrics.metricName,
      Dimensions: metrics.dimensionFilters,
      NextToken: metrics.nextToken,
      RecentlyActive: enumeration(['PT3H']),
      IncludeLinkedAccounts: metrics.flag,
      OwningAccount: metrics.accountId,
    }),
  ),
  targets: { account: namelessAccountTarget('cloudwatch:ListMetrics') },
  effect: 'read',
  audit: {
    readOnly: true,
    dataOf: 'AWS::CloudWatch::Metric',
    request: ['Namespace', 'MetricName', 'Dimensions', 'RecentlyActive', 'IncludeLinkedAccounts', 'OwningAccount'],
  },
  async handle({ input, scope, ports }) {
    const { accountId } = scope.caller.principal;
    // No account here watches another, so that there are only its own metrics.
    const linked = input.IncludeLinkedAccounts === true;
    if (linked && (input.OwningAccount ?? accountId) !== accountId) return { Metrics: [], OwningAccounts: [] };
    const { metrics: found, next } = await ports.metrics.list({
      accountId,
      region: scope.region,
      namespace: input.Namespace,
      name: input.MetricName,
      dimensions: (input.Dimensions ?? []).map(({ Name, Value }) => ({ name: Name, value: Value })),
      activeSinceMs: scope.nowMs - (input.RecentlyActive === undefined ? LISTED_MS : RECENT_MS),
      after: input.NextToken === undefined ? undefined : placeOf(input.NextToken),
      limit: PAGE,
    });
    return {
      Metrics: found.map(shownMetric),
      ...(next === undefined ? {} : { NextToken: tokenOf(next) }),
      ...(linked ? { OwningAccounts: found.map(() => accountId) } : {}),
    };
  },
};

/** Tokens are opaque to clients; a made-up one can do no more than begin a listing of the same account elsewhere. */
function tokenOf(place: number): string {
  return Buffer.from(`ListMetrics\n${place}`, 'utf8').toString('base64url');
}

function placeOf(token: string): number {
  const place = Number(Buffer.from(token, 'base64url').toString('utf8').split('\n')[1]);
  if (!Number.isSafeInteger(place) || tokenOf(place) !== token) {
    throw new KeyholdError('InvalidParameterValueException', 'Request parameter NextToken is invalid');
  }
  return place;
}
