import type { Random } from '../../runtime/random.ts';
import type { Reader } from '../../store/sealed-store.ts';
import type { Operation } from '../operation.ts';

/** What CloudTrail's targets and handlers may reach. In a change, `store` looks through the transaction. */
export interface CloudTrailPorts {
  readonly store: Reader;
  readonly random: Random;
}

/** An operation of CloudTrail: what `Operation` says, with CloudTrail's ports. */
export type CloudTrailOperation<Request extends object, Response, Targets> = Operation<
  Request,
  Response,
  Targets,
  CloudTrailPorts
>;
