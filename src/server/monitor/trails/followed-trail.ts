import { gzipSync } from 'node:zlib';
import type { AuditRecord } from '../../../audit/record.ts';
import type { Clock } from '../../../runtime/clock.ts';
import type { Random } from '../../../runtime/random.ts';
import { type TrailRecord, type TrailStatusRecord, trailStatusesTable } from '../../../services/cloudtrail/records.ts';
import { selects } from '../../../services/cloudtrail/selectors.ts';
import type { Store, Table, Transaction } from '../../../store/sealed-store.ts';
import type { BucketDirectory } from './bucket-directory.ts';
import {
  areSame,
  type LogFile,
  type Positions,
  type RegionDelivery,
  type TrailDeliveryRecord,
  trailDeliveriesTable,
} from './delivery-record.ts';
import { contentHash, digestText, stringToSign } from './digest.ts';
import type { DigestKeys } from './digest-keys.ts';
import { type LogFileWriter, logFileWriter } from './log-file-writer.ts';
import { isWithin, windowsAfter } from './logging-windows.ts';
import { digestName, isRegionName, logFileName, uniqueString } from './object-names.ts';

/**
 * A trail that is delivered: its log files in the making, and how far it is.
 *
 * INVARIANT: a record is in exactly one log file that counts. A file is written whole, under a temporary name, before the
 * transaction that names it and moves the positions behind its records; it gets its place after that. What a crash leaves
 * of files that no transaction names is swept away, and those that one names get their places at the next start.
 */
export interface FollowedTrail {
  readonly key: string;
  /** As it was when it was last looked at. */
  readonly trail: TrailRecord;
  readonly positions: Positions;
  /** Whether nothing more will come: it was stopped or deleted. */
  readonly isEnded: boolean;
  /** Ends and begins its logging as the trail now says; undefined if it was deleted. All else stays as it was. */
  noteLogging(trail: TrailRecord | undefined): void;
  /** From this moment on, delivers as the trail now says. */
  adopt(trail: TrailRecord, nowMs: number): Promise<void>;
  /** @param json the same record as text */
  take(record: AuditRecord, json: string): void;
  /** Writes what was taken. Gives whether it is time to deliver, lest files get too large or too many. */
  write(): Promise<boolean>;
  /** Delivers all that was taken, which is everything up to these positions. Gives how many files it was. */
  deliver(reached: Positions): Promise<number>;
  /** Forgets what was taken and is not delivered: it will be taken again. */
  startOver(): Promise<void>;
  /** The Regions whose digest is due. */
  dueDigests(nowMs: number): readonly string[];
  deliverDigest(region: string, nowMs: number): Promise<void>;
  /** Delivers what is in no digest yet, and ends the chains. Gives how many digests it was. */
  endDigests(nowMs: number): Promise<number>;
  /** Notes how delivery went, for GetTrailStatus. */
  note(status: StatusNote): Promise<void>;
  /** Removes what is kept of it; of a trail that is no more, its status too. */
  forget(isDeleted: boolean): Promise<void>;
}

/** Members that are undefined are removed. */
export type StatusNote = { readonly [Member in keyof TrailStatusRecord]: TrailStatusRecord[Member] | undefined };

export interface DeliveryPorts {
  readonly store: Store;
  readonly buckets: BucketDirectory;
  readonly keys: DigestKeys;
  readonly random: Random;
  readonly clock: Clock;
  readonly digestIntervalMs: number;
}

const LARGEST_FILE_CHARACTERS = 50_000_000;
/** Each takes a quarter of a megabyte while it is compressed. */
const MOST_OPEN_FILES = 16;

/**
 * Three times as many as AWS has. A Region is whatever somebody signs a request for, also somebody of another account who may
 * nothing, and each has a chain of digests for good, with a key.
 */
export const MOST_REGIONS = 100;

/** A trail that begins to be delivered, whose records are behind these positions. */
export function newDelivery(trail: TrailRecord, positions: Positions): TrailDeliveryRecord {
  const startedMs = trail.startedLoggingAtMs ?? trail.createdAtMs;
  const digests = trail.logFileValidation ? { digestStartMs: wholeSeconds(startedMs) } : {};
  return {
    createdAtMs: trail.createdAtMs,
    // It may have been stopped again already.
    windows: windowsAfter([{ fromMs: startedMs }], trail, trail.stoppedLoggingAtMs ?? startedMs),
    positions,
    regions: { [trail.homeRegion]: { logFiles: [], ...digests } },
  };
}

export function followTrail(
  key: string,
  as: { readonly trail: TrailRecord; readonly delivery: TrailDeliveryRecord },
  ports: DeliveryPorts,
): FollowedTrail {
  let { trail, delivery } = as;
  const { store, buckets, keys, random, clock, digestIntervalMs } = ports;
  const writers = new Map<string, LogFileWriter>();
  /** Delivered, but for their place. */
  let unplaced = undigested(delivery);
  /** Whether it is not known if the latest transaction was committed. */
  let isUncertain = false;

  async function save(next: TrailDeliveryRecord): Promise<void> {
    try {
      await store.transact((transaction) => put(transaction, trailDeliveriesTable, key, next), { unlogged: true });
      delivery = next;
    } catch (error) {
      isUncertain = true;
      throw error;
    }
  }

  function placeAll(): void {
    for (const file of unplaced) buckets.place(file);
    unplaced = [];
  }

  function writerOf(region: string): LogFileWriter {
    let writer = writers.get(region);
    if (writer === undefined) {
      writer = logFileWriter(buckets, logFileName(trail, region, clock.now(), uniqueString(random)));
      writers.set(region, writer);
    }
    return writer;
  }

  /**
   * In whose files a record of a Region stands. One that could not be a directory is in no record of ours; such a record, and
   * one of a Region too many, must neither be lost nor stop the others.
   */
  function placeOf(region: string): string {
    if (writers.has(region) || Object.hasOwn(delivery.regions, region)) return region;
    const known = new Set([...writers.keys(), ...Object.keys(delivery.regions)]);
    return isRegionName(region) && known.size < MOST_REGIONS ? region : trail.homeRegion;
  }

  async function discardAll(): Promise<void> {
    const discarded = [...writers.values()];
    writers.clear();
    for (const writer of discarded) await writer.discard();
  }

  async function deliverDigest(region: string, endMs: number, nextStartMs: number | undefined): Promise<void> {
    placeAll();
    const name = digestName(trail, region, endMs);
    const { logFiles, digestStartMs = endMs, previous } = delivery.regions[region] as RegionDelivery;
    const signer = await keys.signerFor({ accountId: trail.accountId, region }, digestStartMs, endMs);
    const facts = {
      accountId: trail.accountId,
      name,
      startMs: digestStartMs,
      endMs,
      fingerprint: signer.fingerprint,
      ...(previous === undefined ? {} : { previous }),
      logFiles,
    };
    const text = digestText(facts);
    const signature = (await signer.sign(Buffer.from(stringToSign(facts, text)))).toString('hex');
    buckets.put(facts.name, gzipSync(text), { signature, 'signature-algorithm': 'SHA256withRSA' });
    const next: RegionDelivery =
      nextStartMs === undefined
        ? { logFiles: [] }
        : {
            logFiles: [],
            digestStartMs: nextStartMs,
            previous: { ...facts.name, hash: contentHash(text), signature },
          };
    await save({ ...delivery, regions: { ...delivery.regions, [region]: next } });
  }

  return {
    key,
    get trail() {
      return trail;
    },
    get positions() {
      return delivery.positions;
    },
    get isEnded() {
      return delivery.windows.every(({ toMs }) => toMs !== undefined);
    },
    noteLogging(now) {
      delivery = { ...delivery, windows: windowsAfter(delivery.windows, now, clock.now()) };
    },
    async adopt(now, nowMs) {
      const digestStartMs = wholeSeconds(nowMs);
      trail = now;
      const regions = Object.entries(delivery.regions).map(([region, each]): [string, RegionDelivery] => {
        if (!now.logFileValidation) return [region, { logFiles: each.logFiles }];
        return [region, each.digestStartMs === undefined ? { logFiles: [], digestStartMs } : each];
      });
      await save({
        ...delivery,
        createdAtMs: now.createdAtMs,
        windows: windowsAfter(delivery.windows, now, nowMs),
        regions: Object.fromEntries(regions),
      });
    },
    take(record, json) {
      if (!selects(trail, record) || !isWithin(delivery.windows, record.eventTime)) return;
      writerOf(placeOf(record.awsRegion)).add(json, record.eventTime);
    },
    async write() {
      let isTime = writers.size >= MOST_OPEN_FILES;
      for (const writer of writers.values()) {
        await writer.write();
        isTime ||= writer.length >= LARGEST_FILE_CHARACTERS;
      }
      return isTime;
    },
    async deliver(reached) {
      const files: { region: string; file: LogFile }[] = [];
      for (const [region, writer] of writers) files.push({ region, file: await writer.finish() });
      if (files.length > 0 || !areSame(reached, delivery.positions)) {
        await save({ ...delivery, positions: reached, regions: withFiles(delivery.regions, trail, files) });
      }
      writers.clear();
      unplaced = [...unplaced, ...files.map(({ file }) => file)];
      placeAll();
      return files.length;
    },
    async startOver() {
      if (!isUncertain) return discardAll();
      // Files that the transaction names, if it was committed, are delivered; the others are swept away at the next start.
      writers.clear();
      delivery = (await store.get(trailDeliveriesTable, key))?.value ?? delivery;
      unplaced = undigested(delivery);
      isUncertain = false;
    },
    dueDigests: (nowMs) =>
      Object.entries(delivery.regions).flatMap(([region, { digestStartMs }]) =>
        digestStartMs !== undefined && nowMs >= digestStartMs + digestIntervalMs ? [region] : [],
      ),
    deliverDigest(region, nowMs) {
      const endMs = (delivery.regions[region]?.digestStartMs as number) + digestIntervalMs;
      // Of hours in which no server ran there are none; the chain goes on all the same, so that none can be taken out of it.
      const missed = Math.floor((nowMs - endMs) / digestIntervalMs);
      return deliverDigest(region, endMs, endMs + missed * digestIntervalMs);
    },
    async endDigests(nowMs) {
      placeAll();
      let count = 0;
      for (const [region, { digestStartMs }] of Object.entries(delivery.regions)) {
        if (digestStartMs === undefined) continue;
        await deliverDigest(region, Math.max(digestStartMs + 1000, wholeSeconds(nowMs)), undefined);
        count++;
      }
      return count;
    },
    note: (status) =>
      store.transact(
        async (transaction) => {
          const before = (await transaction.get(trailStatusesTable, key))?.value;
          await put(transaction, trailStatusesTable, key, { ...before, ...status } as TrailStatusRecord);
        },
        { unlogged: true },
      ),
    async forget(isDeleted) {
      await discardAll();
      await forgetDelivery(store, key, isDeleted);
    },
  };
}

/** Log files that are delivered, and in no digest yet: those that may not have their places either. */
export function undigested({ regions }: TrailDeliveryRecord): readonly LogFile[] {
  return Object.values(regions).flatMap(({ logFiles }) => logFiles);
}

export async function forgetDelivery(store: Store, key: string, isDeleted = true): Promise<void> {
  await store.transact(
    async (transaction) => {
      await put(transaction, trailDeliveriesTable, key, undefined);
      if (isDeleted) await put(transaction, trailStatusesTable, key, undefined);
    },
    { unlogged: true },
  );
}

/** A Region that has its first files has its digests at the same moments as the trail's own. */
function withFiles(
  regions: TrailDeliveryRecord['regions'],
  { homeRegion }: TrailRecord,
  files: readonly { readonly region: string; readonly file: LogFile }[],
): TrailDeliveryRecord['regions'] {
  const next: Record<string, RegionDelivery> = {};
  for (const [region, each] of Object.entries(regions)) {
    // Without digests, nothing is kept of files that have their places.
    next[region] = each.digestStartMs === undefined ? { logFiles: [] } : each;
  }
  const digestStartMs = regions[homeRegion]?.digestStartMs;
  for (const { region, file } of files) {
    const each = next[region] ?? { logFiles: [], ...(digestStartMs === undefined ? {} : { digestStartMs }) };
    next[region] = { ...each, logFiles: [...each.logFiles, file] };
  }
  return next;
}

async function put<T>(transaction: Transaction, table: Table<T>, key: string, value: T | undefined): Promise<void> {
  const before = await transaction.get(table, key);
  if (value === undefined) {
    if (before !== undefined) await transaction.remove(table, key, before.version);
  } else if (before === undefined) {
    await transaction.create(table, key, value as NoInfer<T>);
  } else {
    await transaction.replace(table, key, value as NoInfer<T>, before.version);
  }
}

function wholeSeconds(ms: number): number {
  return ms - (ms % 1000);
}
