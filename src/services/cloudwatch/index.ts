import type { Random } from '../../runtime/random.ts';
import type { Store } from '../../store/sealed-store.ts';
import type { AnyOperation, Service } from '../perform.ts';
import { alarmOperations } from './alarms/index.ts';
import { metricOperations } from './metrics/index.ts';
import type { CloudWatchPorts, MetricQueries } from './ports.ts';
import { cloudWatchProtocols } from './protocols.ts';

/** The table of CloudWatch's operations: one file each. */
const operations: readonly AnyOperation[] = [...alarmOperations, ...metricOperations];

export const cloudWatchOperations: ReadonlyMap<string, AnyOperation> = new Map(
  operations.map((each) => [each.name, each]),
);

export interface CloudWatchDependencies {
  readonly store: Store;
  readonly random: Random;
  readonly metrics: MetricQueries;
}

export function cloudWatchService({ store, ...rest }: CloudWatchDependencies): Service {
  return {
    name: 'cloudwatch',
    signingName: 'monitoring',
    spoken: cloudWatchProtocols,
    eventSource: 'monitoring.amazonaws.com',
    operations: cloudWatchOperations,
    store,
    ports: (transaction): CloudWatchPorts => ({ store: transaction ?? store, ...rest }),
  };
}
