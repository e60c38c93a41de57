import type { SinkRecord } from './sink-record.ts';

/** The receiver asks for some time before the next attempt. */
export class ReceiverBusy extends Error {
  readonly pauseMs: number;

  constructor(message: string, pauseMs: number) {
    super(message);
    this.name = 'ReceiverBusy';
    this.pauseMs = pauseMs;
  }
}

/** The way to one receiver. It keeps nothing: what does not arrive is read from the audit files again. */
export interface Transport {
  /**
   * How long after it was sent a record may turn out not to have arrived, in milliseconds: 0 where the receiver
   * acknowledges.
   */
  readonly settlesAfterMs: number;
  /**
   * Sends records in their order, one batch at a time. Resolves when the receiver has them, as far as its protocol tells,
   * with the number of those that it will never take; rejects if they may not have arrived, and then can be called again.
   *
   * @param signal ends the attempt
   */
  send(records: readonly SinkRecord[], signal: AbortSignal): Promise<{ readonly refused: number }>;
  /** Why what was sent a moment ago may not have arrived; undefined while nothing is known against it. */
  broken(): Error | undefined;
  /** Rejects if it is not known that all that was sent has arrived. Ends within a second or two. */
  close(): Promise<void>;
}
