import type { AdvancedEventSelector, EventSelector } from '@aws-sdk/client-cloudtrail';
import type { Tag } from '../../keys/key.ts';
import { table } from '../../store/sealed-store.ts';
import type { Input } from '../../wire/shapes.ts';

/** What CloudTrail keeps in the store. The monitor delivers what these say, and notes how that went. */

/** A trail. It belongs to an account, and is found in its home Region; a multi-Region trail is shown in all. */
export interface TrailRecord {
  readonly accountId: string;
  readonly homeRegion: string;
  readonly name: string;
  readonly bucketName: string;
  readonly keyPrefix?: string;
  readonly includeGlobalServiceEvents: boolean;
  readonly isMultiRegion: boolean;
  /** Whether digest files are delivered. */
  readonly logFileValidation: boolean;
  /** False if the trail is to have no events of its own delivery. Writing into a directory is none, so either is kept to. */
  readonly recursiveLogging?: boolean;
  readonly tags: readonly Tag[];
  /** Of either kind, or of none: then all management events are delivered (`selectors.ts`). */
  readonly eventSelectors?: readonly ManagementEventSelector[];
  readonly advancedEventSelectors?: readonly AdvancedSelector[];
  readonly isLogging: boolean;
  readonly startedLoggingAtMs?: number;
  readonly stoppedLoggingAtMs?: number;
  readonly createdAtMs: number;
}

/** An event selector as it is kept and shown: with all its members. */
export type ManagementEventSelector = {
  readonly [Member in keyof EventSelector]-?: NonNullable<Input<EventSelector>[Member]>;
};

/** Of management events, or of data events. */
export type AdvancedSelector = Input<AdvancedEventSelector>;

export const trailsTable = table<TrailRecord>('trails');

/** In the order of accounts, then of home Regions. */
export function trailKey(accountId: string, homeRegion: string, name: string): string {
  return `${accountId}/${homeRegion}/${name}`;
}

/** How delivery of a trail goes: written by the monitor, under the trail's key. */
export interface TrailStatusRecord {
  readonly latestDeliveryAttemptAtMs?: number;
  readonly latestDeliveryAtMs?: number;
  /** Why the latest attempt failed; absent after one that succeeded. */
  readonly latestDeliveryError?: string;
  readonly latestDigestDeliveryAtMs?: number;
  readonly latestDigestDeliveryError?: string;
}

export const trailStatusesTable = table<TrailStatusRecord>('trail-statuses');

/** A key pair that digest files are signed with: of one account in one Region. */
export interface DigestKeyRecord {
  readonly accountId: string;
  readonly region: string;
  /** As digest files name it. */
  readonly fingerprint: string;
  /** PKCS #1 RSAPublicKey in DER, in Base64. */
  readonly publicKey: string;
  readonly validFromMs: number;
  readonly validToMs: number;
  /** Sealed under a domain key: `custody/digest-key.ts`. */
  readonly wrapped: string;
}

export const digestKeysTable = table<DigestKeyRecord>('digest-keys');

export function digestKeyKey(accountId: string, region: string, fingerprint: string): string {
  return `${accountId}/${region}/${fingerprint}`;
}
