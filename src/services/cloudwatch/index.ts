import type { Random } from '../../runtime/random.ts';
import type { Store } from '../../store/sealed-store.ts';
import { awsQuery } from '../../wire/protocol.ts';
import type { AnyOperation, Service } from '../perform.ts';
import type { CloudWatchPorts } from './ports.ts';

/** The table of CloudWatch's operations: one file each. */
const operations: readonly AnyOperation[] = [];

export const cloudWatchOperations: ReadonlyMap<string, AnyOperation> = new Map(
  operations.map((each) => [each.name, each]),
);

export interface CloudWatchDependencies {
  readonly store: Store;
  readonly random: Random;
}

export function cloudWatchService({ store, ...rest }: CloudWatchDependencies): Service {
  return {
    name: 'cloudwatch',
    signingName: 'monitoring',
    spoken: [{ protocol: awsQuery('http://monitoring.amazonaws.com/doc/2010-08-01/'), address: '2010-08-01' }],
    eventSource: 'monitoring.amazonaws.com',
    operations: cloudWatchOperations,
    store,
    ports: (transaction): CloudWatchPorts => ({ store: transaction ?? store, ...rest }),
  };
}
