import type { EventPage, EventQuestion } from '../../audit/event-index/lookup.ts';
import type { Random } from '../../runtime/random.ts';
import type { Reader } from '../../store/sealed-store.ts';
import type { Operation } from '../operation.ts';
import type { LookupTokens } from './lookup-tokens.ts';

/** What CloudTrail's targets and handlers may reach. In a change, `store` looks through the transaction. */
export interface CloudTrailPorts {
  readonly store: Reader;
  readonly random: Random;
  readonly eventHistory: EventHistory;
  readonly lookupTokens: LookupTokens;
}

/** The events of all accounts, which the monitor has an index of. Rejects with ThrottlingException when it has too much to do. */
export interface EventHistory {
  lookup(question: EventQuestion): Promise<EventPage>;
}

/** An operation of CloudTrail: what `Operation` says, with CloudTrail's ports. */
export type CloudTrailOperation<Request extends object, Response, Targets> = Operation<
  Request,
  Response,
  Targets,
  CloudTrailPorts
>;
