import type { Caller, Region } from './model.ts';

/** An operation of AWS KMS, as someone asks for it in a Region. */
export interface Request {
  readonly by: Caller;
  readonly region: Region;
  readonly operation: string;
  readonly input: Readonly<Record<string, unknown>>;
}

export type Answer = Readonly<Record<string, unknown>>;

/** What came of a request: an answer, or the name of an exception. */
export type Outcome = { readonly answer: Answer } | { readonly refusal: string };

/** What is held to the model: AWS KMS as Keyhold does it, below the wire or behind it. */
export interface System {
  /** Those it knows besides the owner. */
  readonly others: readonly Exclude<Caller, 'owner'>[];
  /** What the system takes for the time. */
  now(): number;
  call(request: Request): Promise<Outcome>;
  /** Lets a moment pass, as one does between any two requests. */
  tick(): void;
  /** Moves the clock forward. */
  advance(ms: number): Promise<void>;
  /** Does what is due; undefined where the system does it by itself, soon. */
  readonly sweep: (() => Promise<void>) | undefined;
  /** Ends what serves, in an orderly way or not, and starts it anew over what was stored. */
  restart(orderly: boolean): Promise<void>;
  /** How far its dates may be from the model's: the model does not know when exactly a server has read its clock. */
  readonly toleranceMs: number;
}
