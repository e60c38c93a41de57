import type { FollowedLine } from '../../audit/follow-stream.ts';
import type { AuditRecord } from '../../audit/record.ts';
import type { StreamPosition } from '../../audit/stream-position.ts';

/** A record of the audit trail, as those get it who do something with every record. */
export interface FollowedRecord extends FollowedLine {
  readonly record: AuditRecord;
}

/**
 * Gets every record of every stream, in each stream's order. After a crash it is given again what it had not flushed, so it
 * must be able to take a record twice, and tells them apart by stream and sequence.
 */
export interface RecordConsumer {
  readonly name: string;
  /**
   * Behind which line of a stream to begin, where it keeps that for itself; otherwise, and where it does not know, with what is
   * written from now on.
   */
  position?(stream: string): StreamPosition | undefined;
  /** Is quick, and leaves what takes time for later. */
  take(record: FollowedRecord): void;
  /** Makes durable what it took: called every second while there is something new, and at the end. */
  flush?(): Promise<void> | void;
}
