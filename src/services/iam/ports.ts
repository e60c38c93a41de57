import type { Random } from '../../runtime/random.ts';
import type { Reader } from '../../store/sealed-store.ts';
import type { Operation } from '../operation.ts';
import type { IdentityUsages } from './identity-usages.ts';

/** What IAM's targets and handlers may reach. In a change, `store` looks through the transaction. */
export interface IamPorts {
  readonly store: Reader;
  readonly random: Random;
  readonly accessKeyUsages: IdentityUsages;
  readonly roleUsages: IdentityUsages;
}

/** An operation of IAM: what `Operation` says, with IAM's ports. */
export type IamOperation<Request extends object, Response, Targets> = Operation<Request, Response, Targets, IamPorts>;
