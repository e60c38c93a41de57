import type { Random } from '../../runtime/random.ts';
import type { Reader } from '../../store/sealed-store.ts';
import type { Operation } from '../operation.ts';

/** What CloudWatch's targets and handlers may reach. In a change, `store` looks through the transaction. */
export interface CloudWatchPorts {
  readonly store: Reader;
  readonly random: Random;
}

/** An operation of CloudWatch: what `Operation` says, with CloudWatch's ports. */
export type CloudWatchOperation<Request extends object, Response, Targets> = Operation<
  Request,
  Response,
  Targets,
  CloudWatchPorts
>;
