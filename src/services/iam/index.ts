import type { Random } from '../../runtime/random.ts';
import type { Store } from '../../store/sealed-store.ts';
import { awsQuery } from '../../wire/protocol.ts';
import type { AnyOperation, Service } from '../perform.ts';
import { accessKeyOperations } from './access-keys/index.ts';
import { accountOperations } from './account/index.ts';
import { attachmentsOperations } from './attachments/index.ts';
import { groupOperations } from './groups/index.ts';
import type { IdentityUsages } from './identity-usages.ts';
import { policyOperations } from './policies/index.ts';
import type { IamPorts } from './ports.ts';
import { providerOperations } from './providers/index.ts';
import { roleOperations } from './roles/index.ts';
import { simulationOperations } from './simulation/index.ts';
import { userOperations } from './users/index.ts';

/** The table of IAM's operations: one file each, in a folder for what they are about. */
const operations: readonly AnyOperation[] = [
  ...accessKeyOperations,
  ...accountOperations,
  ...attachmentsOperations,
  ...groupOperations,
  ...policyOperations,
  ...providerOperations,
  ...roleOperations,
  ...simulationOperations,
  ...userOperations,
];

export const iamOperations: ReadonlyMap<string, AnyOperation> = new Map(operations.map((each) => [each.name, each]));

export interface IamDependencies {
  readonly store: Store;
  readonly random: Random;
  readonly accessKeyUsages: IdentityUsages;
  readonly roleUsages: IdentityUsages;
}

export function iamService({ store, ...rest }: IamDependencies): Service {
  const ports: IamPorts = { store, ...rest };
  return {
    name: 'iam',
    spoken: [{ protocol: awsQuery({ namespace: 'https://iam.amazonaws.com/doc/2010-05-08/' }), address: '2010-05-08' }],
    eventSource: 'iam.amazonaws.com',
    operations: iamOperations,
    store,
    ports: (transaction) => (transaction === undefined ? ports : { ...ports, store: transaction }),
  };
}
