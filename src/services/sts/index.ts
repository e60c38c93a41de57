import type { Random } from '../../runtime/random.ts';
import type { Store } from '../../store/sealed-store.ts';
import { awsQuery } from '../../wire/protocol.ts';
import type { AnyOperation, Service } from '../perform.ts';
import { getCallerIdentity } from './get-caller-identity.ts';
import type { StsPorts } from './ports.ts';

/** The table of STS's operations: one file each. */
const operations: readonly AnyOperation[] = [getCallerIdentity];

export const stsOperations: ReadonlyMap<string, AnyOperation> = new Map(operations.map((each) => [each.name, each]));

export interface StsDependencies {
  readonly store: Store;
  readonly random: Random;
}

export function stsService({ store, ...rest }: StsDependencies): Service {
  const ports: StsPorts = { store, ...rest };
  return {
    name: 'sts',
    protocol: awsQuery('https://sts.amazonaws.com/doc/2011-06-15/'),
    address: '2011-06-15',
    eventSource: 'sts.amazonaws.com',
    operations: stsOperations,
    store,
    ports: () => ports,
  };
}
