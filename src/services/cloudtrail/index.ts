import type { Random } from '../../runtime/random.ts';
import type { Store } from '../../store/sealed-store.ts';
import { awsJson } from '../../wire/protocol.ts';
import type { AnyOperation, Service } from '../perform.ts';
import type { CloudTrailPorts } from './ports.ts';

/** The table of CloudTrail's operations: one file each. */
const operations: readonly AnyOperation[] = [];

export const cloudTrailOperations: ReadonlyMap<string, AnyOperation> = new Map(
  operations.map((each) => [each.name, each]),
);

export interface CloudTrailDependencies {
  readonly store: Store;
  readonly random: Random;
}

export function cloudTrailService({ store, ...rest }: CloudTrailDependencies): Service {
  return {
    name: 'cloudtrail',
    spoken: [
      { protocol: awsJson, address: 'CloudTrail_20131101' },
      // Botocore, and so the AWS CLI, writes Java's package before it.
      { protocol: awsJson, address: 'com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101' },
    ],
    eventSource: 'cloudtrail.amazonaws.com',
    operations: cloudTrailOperations,
    store,
    ports: (transaction): CloudTrailPorts => ({ store: transaction ?? store, ...rest }),
  };
}
