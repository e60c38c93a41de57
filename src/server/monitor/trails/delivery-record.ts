import type { StreamPosition } from '../../../audit/stream-position.ts';
import { table } from '../../../store/sealed-store.ts';
import type { ObjectName } from './object-names.ts';

/**
 * How far the delivery of a trail is, from when it began to log until all of that has been delivered. It is kept under the
 * trail's key, and is the one truth about what has been delivered: files that it does not name are none.
 */
export interface TrailDeliveryRecord {
  /** Of the trail: another one of the same name is another trail. */
  readonly createdAtMs: number;
  /** When it logged, the oldest first. */
  readonly windows: readonly LoggingWindow[];
  /** Of each audit stream, behind which line to go on; a stream that is not named is read from its beginning. */
  readonly positions: Positions;
  readonly regions: Readonly<Record<string, RegionDelivery>>;
}

/** From the second of its start to that of its end; without an end, it lasts. */
export interface LoggingWindow {
  readonly fromMs: number;
  readonly toMs?: number;
}

export type Positions = Readonly<Record<string, StreamPosition>>;

export function areSame(a: Positions, b: Positions): boolean {
  const streams = new Set([...Object.keys(a), ...Object.keys(b)]);
  return [...streams].every((stream) => (a[stream]?.sequence ?? 0) === (b[stream]?.sequence ?? 0));
}

export interface RegionDelivery {
  /** Log files that are in no digest yet, the oldest first. */
  readonly logFiles: readonly LogFile[];
  /** When the next digest begins; absent where none are delivered. */
  readonly digestStartMs?: number;
  /** The latest digest of the chain. */
  readonly previous?: DigestLink;
}

export interface LogFile extends ObjectName {
  /** SHA-256 of what it holds before it is compressed, in hex. */
  readonly hash: string;
  /** As the records say. */
  readonly newestEventTime: string;
  readonly oldestEventTime: string;
}

export interface DigestLink extends ObjectName {
  /** As of a log file. */
  readonly hash: string;
  /** In hex. */
  readonly signature: string;
}

export const trailDeliveriesTable = table<TrailDeliveryRecord>('trail-deliveries');
