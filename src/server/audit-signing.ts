import { existsSync } from 'node:fs';
import type { Logger } from 'pino';
import { isDueAtOpening, type Rotation } from '../audit/active-file.ts';
import { openFileTrail } from '../audit/file-trail.ts';
import { type ChainLink, chainLine, genesis, linkOf } from '../audit/hash-chain.ts';
import { linesOf } from '../audit/lines-of.ts';
import { HEADS_STREAM, type Heads, type StreamHead, signedHeadsRecord } from '../audit/signed-heads.ts';
import { streamFile, streamsOf, workerOf } from '../audit/stream-files.ts';
import { headOnDisk } from '../audit/stream-tail.ts';
import { type AuditSigner, makeAuditKey, openAuditKey, type WrappedAuditKey } from '../custody/audit-key.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Random } from '../runtime/random.ts';
import { type Store, table } from '../store/sealed-store.ts';
import type { AuditAnchor } from './audit-anchor.ts';
import { expiredFiles, removeExpired } from './audit-retention.ts';
import { type DataDirectory, type OpenDeployment, withDeployment } from './data-directory.ts';

/**
 * Signs how far the audit streams went: at the start, at intervals while something is written, and at the end; and what of
 * them may be gone, before it removes the files that have been kept long enough. All of it happens in the main thread, which
 * serves no request. A failure is logged and refuses nothing; until the next time, what was written since the last signature
 * is protected by its chain alone.
 */

/** Caches hold neither of these tables, so that they may be written beside a running server. */
const auditKeysTable = table<WrappedAuditKey>('audit-keys');
const signedHeadsTable = table<ChainLink>('signed-heads');
const THIS = 'this';

const RETRY_MS = 5000;
const DAY_MS = 24 * 3600 * 1000;

export interface AuditSigningOptions {
  readonly directory: DataDirectory;
  readonly anchor?: AuditAnchor;
  readonly intervalSeconds: number;
  /** Of the streams that no worker holds. */
  readonly rotation: Rotation;
  /** How many of the streams `w0`, `w1` and so on workers hold. */
  readonly workers: number;
  /** How long records are kept; absent, for ever. */
  readonly retentionDays?: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

export interface AuditSigning {
  /** The heads of the streams that workers hold open, as far as they are on the disk: to be kept up to date. */
  readonly live: Map<string, ChainLink>;
  /** Up to which line of each stream the monitor is done: to be kept up to date. */
  readonly consumed: Map<string, number>;
  /** To be called when every stream is closed. */
  stop(options: { clean: boolean }): Promise<void>;
}

/**
 * To be called before the workers start, so that what was there before them is told from what they write.
 *
 * @throws KeyholdError AuditUnavailable if a stream cannot be read, or does not end in a record of its own
 */
export async function startAuditSigning(options: AuditSigningOptions): Promise<AuditSigning> {
  const { directory, anchor, intervalSeconds, rotation, workers, retentionDays, clock, random, log } = options;
  const intervalMs = intervalSeconds * 1000;
  const live = new Map<string, ChainLink>();
  const consumed = new Map<string, number>();
  /** Told of once, and not every minute. */
  const misfits = new Set<string>();
  let signedHeads: readonly StreamHead[] | undefined;
  let signing: Promise<boolean> | undefined;
  let tidying: Promise<void> | undefined;
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;

  async function sign(at: Heads['at'], begins: readonly StreamHead[] = []): Promise<void> {
    const heads = currentHeads(directory.audit, live);
    if (at === 'interval' && begins.length === 0 && JSON.stringify(heads) === JSON.stringify(signedHeads)) return;
    const line = await withDeployment(directory.path, random, async (deployment) => {
      const signer = await auditSigner(deployment);
      const time = new Date(clock.now()).toISOString();
      return appendSignedHeads(directory.audit, deployment.store, { time, at, begins, heads }, signer, log);
    });
    signedHeads = heads;
    anchor?.keep(line);
  }

  /** Gives whether there is nothing left to sign. */
  async function tryToSign(at: Heads['at']): Promise<boolean> {
    try {
      await sign(at);
      return true;
    } catch (err) {
      log.error({ err }, 'the heads of the audit streams cannot be signed; it will be tried again');
      return false;
    }
  }

  /** Closes old files that nobody else does, and removes those that have been kept long enough. */
  async function tidyUp(): Promise<void> {
    try {
      const due = streamsOf(directory.audit)
        .filter((stream) => !isHeld(stream, workers))
        .filter((stream) => isDueAtOpening(directory.audit, stream, rotation, clock));
      if (due.length > 0) await rotate(due);
      if (retentionDays === undefined) return;
      const retention = { directory: directory.audit, keepMs: retentionDays * DAY_MS, consumed };
      const expired = expiredFiles(retention, clock.now(), (path) => {
        if (misfits.has(path)) return;
        misfits.add(path);
        log.error(
          { path },
          'an audit file is kept beyond its time, for it was changed: keyhold audit verify tells more',
        );
      });
      if (expired.paths.length === 0) return;
      await sign('interval', expired.begins);
      removeExpired(directory.audit, expired);
      for (const path of expired.unfinished) {
        log.warn({ path }, 'removed an audit file which not everyone who follows the trail was done with');
      }
      log.info(
        { files: expired.paths.length, begins: expired.begins },
        'removed audit files that were kept long enough',
      );
    } catch (err) {
      log.error({ err }, 'old audit files cannot be closed or removed; it will be tried again');
    }
  }

  /** Commands write within a transaction, and nobody else writes to these streams. */
  function rotate(streams: readonly string[]): Promise<void> {
    return withDeployment(directory.path, random, ({ store }) =>
      store.transact(async () => {
        for (const stream of streams) {
          await openFileTrail({ directory: directory.audit, stream, rotation, clock }).close();
        }
      }),
    );
  }

  function signAfter(delayMs: number): void {
    timer = setTimeout(async () => {
      signing = tryToSign('interval');
      const signed = await signing;
      if (!stopped) tidying = tidyUp();
      await tidying;
      if (!stopped) signAfter(signed ? intervalMs : Math.min(intervalMs, RETRY_MS));
    }, delayMs);
    timer.unref();
  }

  // What would keep a worker from going on with its stream refuses the start, here as there; a full disk does not.
  await openFileTrail({ directory: directory.audit, stream: HEADS_STREAM }).close();
  currentHeads(directory.audit, live);
  // Where that fails it is soon tried again: verification takes what is added unsigned after a stop for tampering.
  signAfter((await tryToSign('start')) ? intervalMs : Math.min(intervalMs, RETRY_MS));

  return {
    live,
    consumed,
    async stop({ clean }) {
      stopped = true;
      clearTimeout(timer);
      await signing;
      await tidying;
      await tryToSign(clean ? 'stop' : 'interval');
      await anchor?.close();
    },
  };
}

function isHeld(stream: string, workers: number): boolean {
  return (workerOf(stream) ?? workers) < workers;
}

/** The heads of all streams: of those that a worker holds as it says, of the others as their files end. */
function currentHeads(directory: string, live: ReadonlyMap<string, ChainLink>): StreamHead[] {
  const streams = new Set(live.keys());
  if (existsSync(directory)) for (const stream of streamsOf(directory)) streams.add(stream);
  return [...streams].sort().map((stream) => {
    const { sequence, hash } = live.get(stream) ?? headOnDisk(directory, stream);
    return { stream, sequence, hash };
  });
}

/** Gives the line that was appended. */
async function appendSignedHeads(
  directory: string,
  store: Store,
  said: Omit<Heads, 'key' | 'follows'>,
  signer: AuditSigner,
  log: Logger,
): Promise<string> {
  const noted = await notedHeads(store);
  const trail = openFileTrail({ directory, stream: HEADS_STREAM });
  let line: string;
  try {
    const link = trail.head();
    const follows = noted === undefined || goesOnFrom(directory, link, noted) ? undefined : noted;
    if (follows !== undefined) {
      log.error(
        { noted: follows.sequence, found: link.sequence },
        'the signed heads of the audit streams are not those that were written last: someone removed them or put them back',
      );
    }
    const record = signedHeadsRecord(link, { ...said, ...(follows === undefined ? {} : { follows }) }, signer);
    line = chainLine(HEADS_STREAM, link, record);
    await trail.append(record);
  } finally {
    await trail.close();
  }
  // After the file, so that a crash in between leaves a file that goes further than the note and not the other way round.
  const { sequence, hash } = trail.head();
  await store.transact(async (transaction) => {
    const before = await transaction.get(signedHeadsTable, THIS);
    if (before === undefined) await transaction.create(signedHeadsTable, THIS, { sequence, hash });
    else await transaction.replace(signedHeadsTable, THIS, { sequence, hash }, before.version);
  });
  return line;
}

/** Whether the file holds the signed heads that the store notes, and goes on from there. */
function goesOnFrom(directory: string, head: ChainLink, noted: ChainLink): boolean {
  if (head.sequence <= noted.sequence) return head.sequence === noted.sequence && head.hash === noted.hash;
  let link = genesis(HEADS_STREAM);
  for (const { bytes } of linesOf(streamFile(directory, HEADS_STREAM))) {
    link = linkOf(link, bytes);
    if (link.sequence === noted.sequence) return link.hash === noted.hash;
  }
  return false;
}

/** What was signed last, as the store notes it. */
export async function notedHeads(store: Store): Promise<ChainLink | undefined> {
  return (await store.get(signedHeadsTable, THIS))?.value;
}

/** SubjectPublicKeyInfo in DER; undefined if nothing was ever signed. */
export async function auditPublicKey(store: Store): Promise<Buffer | undefined> {
  const key = (await store.get(auditKeysTable, THIS))?.value;
  return key === undefined ? undefined : Buffer.from(key.publicKey, 'base64');
}

/** The key is made when it is first used. */
async function auditSigner({ store, domainKeys }: OpenDeployment): Promise<AuditSigner> {
  const sealer = domainKeys.sealer('audit signing key');
  const known = (await store.get(auditKeysTable, THIS))?.value;
  if (known !== undefined) return openAuditKey(sealer, known);
  const made = await makeAuditKey(sealer);
  await store.transact((transaction) => transaction.create(auditKeysTable, THIS, made));
  return openAuditKey(sealer, made);
}
