import { setTimeout as pause } from 'node:timers/promises';
import type { Logger } from 'pino';
import { type Clock, monotonicMs } from '../../runtime/clock.ts';
import { KeyholdError } from '../../runtime/errors.ts';
import type { Random } from '../../runtime/random.ts';
import { recordAction } from '../../services/cloudwatch/alarms/write-history.ts';
import { type NotificationRecord, notificationsTable } from '../../services/cloudwatch/notifications.ts';
import type { Epoch } from '../../store/change-feed.ts';
import { pagesOfNames } from '../../store/pages.ts';
import type { Store, StoredRecord, Transaction } from '../../store/sealed-store.ts';
import { changesOf } from '../../store/table-changes.ts';
import { deliver } from './deliver.ts';
import type { NotifierFigures } from './notifier-figures.ts';
import type { NotifyTargets, Receiver } from './notify-file.ts';
import { LONGEST_RETRY_MS, retryDelayMs } from './retry.ts';

/**
 * Delivers what is in the outbox, in the background: at least once, again and again for a day, and across restarts, for a
 * record leaves the outbox only when it has been delivered or is given up. A receiver that hangs or fails delays nobody else.
 */
export interface Notifier {
  /** Gives what is under way a moment, and ends it; it is delivered after the next start. */
  stop(): Promise<void>;
}

export interface NotifierOptions {
  readonly store: Store;
  /** Advances with each commit, of whichever thread. */
  readonly epoch: Epoch;
  readonly targets: NotifyTargets;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly figures: NotifierFigures;
  /** For one receiver. */
  readonly mostWaiting?: number;
}

/** How soon something new is noticed. Looking costs a read of shared memory. */
const LOOK_MS = 50;
const STORE_PAUSE_MS = 1000;
/** For so long, what is new is taken in before there is another look. */
const TAKE_IN_MS = 50;
const NOT_AUTHENTIC = 'a notification is not authentic and is not delivered';
const PAGE = 500;
export const GIVE_UP_MS = 24 * 60 * 60 * 1000;
/** At once, to one receiver. */
const MOST_UNDER_WAY = 4;
/** For one receiver. Whoever makes alarms cannot fill memory and disk with what nobody takes. */
const MOST_WAITING = 10_000;
const STOP_PATIENCE_MS = 5000;

/** A record of the outbox that goes to somebody. */
interface Waiting {
  readonly key: string;
  readonly accountId: string;
  readonly to: Destination;
  nextAttemptAtMs: number;
  underWay: boolean;
}

/** One for each target: its receiver, and what there is for it. */
interface Destination {
  readonly receiver: Receiver;
  underWay: number;
  size: number;
  /**
   * By account, the one whose turn is next first. INVARIANT: accounts take turns, and whoever has the most waiting is the first
   * to lose something: none can keep from a receiver what it is to be told of another.
   */
  readonly waiting: Map<string, Set<Waiting>>;
}

export function startNotifier(options: NotifierOptions): Notifier {
  const { store, epoch, targets, clock, random, log, figures, mostWaiting = MOST_WAITING } = options;
  const actions = new Map(Array.from(targets.actions, ([arn, receiver]) => [arn, destination(receiver)]));
  const events = new Map(targets.events.map(({ name, receiver }) => [name, destination(receiver)]));
  const destinations = [...actions.values(), ...events.values()];
  const waiting = new Map<string, Waiting>();
  /** By account, the keys of what has not been looked at. */
  const fresh = new Map<string, Set<string>>();
  const underWay = new Set<Promise<void>>();
  const stopping = new AbortController();
  const givingUp = new AbortController();
  const look = changesOf(store, epoch, notificationsTable);

  /** Notes what is in the outbox. */
  async function noteAll(): Promise<void> {
    for await (const names of pagesOfNames(store, notificationsTable, { prefix: '', limit: PAGE })) {
      for (const name of names) noteFresh(name);
    }
  }

  function noteFresh(key: string): void {
    if (waiting.has(key)) return;
    const accountId = key.slice(0, key.indexOf('/'));
    fresh.set(accountId, (fresh.get(accountId) ?? new Set()).add(key));
  }

  /** Takes in some of it, of each account in turn: it may take a transaction for each, and there may be thousands of one. */
  async function takeInSome(): Promise<void> {
    const endMs = monotonicMs() + TAKE_IN_MS;
    for (const [accountId, keys] of fresh) {
      const [key] = keys;
      if (key === undefined) {
        fresh.delete(accountId);
        continue;
      }
      // Before, so that what is the matter with it lets the others go first the next time.
      fresh.delete(accountId);
      fresh.set(accountId, keys);
      await takeIn(key);
      keys.delete(key);
      if (monotonicMs() > endMs) return;
    }
  }

  async function takeIn(key: string): Promise<void> {
    if (waiting.has(key)) return;
    let stored: StoredRecord<NotificationRecord> | undefined;
    try {
      stored = await store.get(notificationsTable, key);
    } catch (err) {
      if (!isFinal(err)) throw err;
      return log.error({ err }, NOT_AUTHENTIC);
    }
    if (stored === undefined) return;
    const { value } = stored;
    if (value.action === undefined && value.target === undefined) return share(key, stored);
    const to =
      value.action === undefined ? events.get(value.target as string) : actionOf(value.action, value.accountId);
    if (to === undefined) return dropUnknown(key, value);
    await add(key, value, to);
  }

  /** INVARIANT: alarms of an account do nothing with what is another's, though they may name it. */
  function actionOf(arn: string, accountId: string): Destination | undefined {
    const owner = arn.split(':')[4];
    return owner === '' || owner === accountId ? actions.get(arn) : undefined;
  }

  async function add(key: string, { accountId, nextAttemptAtMs }: NotificationRecord, to: Destination): Promise<void> {
    if (to.size >= mostWaiting) {
      const [most = []] = [...to.waiting.values()].sort((a, b) => b.size - a.size);
      const oldest = [...most].find((each) => !each.underWay);
      if (oldest !== undefined) await giveUp(oldest, 'Too many notifications wait for the receiver');
    }
    const added: Waiting = { key, accountId, to, nextAttemptAtMs, underWay: false };
    waiting.set(key, added);
    const ofAccount = to.waiting.get(accountId) ?? new Set();
    to.waiting.set(accountId, ofAccount.add(added));
    to.size++;
  }

  /** An event goes to all who want it, each of whom may fail alone: from here on it is a record for each of them. */
  async function share(key: string, { value, version }: StoredRecord<NotificationRecord>): Promise<void> {
    const wanting = targets.events.filter(({ detailTypes, accounts }) => {
      if (accounts !== undefined && !accounts.includes(value.accountId)) return false;
      return detailTypes === undefined || detailTypes.includes(detailTypeOf(value));
    });
    const shares = wanting.map(({ name }) => ({ key: `${key}/${name}`, value: { ...value, target: name } }));
    await change(async (transaction) => {
      await transaction.remove(notificationsTable, key, version);
      for (const each of shares) {
        // Made of a line of the audit trail that somebody copied: it must not stand in the way of all others.
        if ((await transaction.get(notificationsTable, each.key)) !== undefined) continue;
        await transaction.create(notificationsTable, each.key, each.value);
      }
    });
    for (const each of shares) {
      if (!waiting.has(each.key)) await add(each.key, each.value, events.get(each.value.target) as Destination);
    }
  }

  /** Trying again would help nobody: who is told is in the file, which is read at the start. */
  async function dropUnknown(key: string, value: NotificationRecord): Promise<void> {
    const { action, target, alarmName, accountId } = value;
    await conclude(key, 'No action of this ARN is configured');
    figures.count('none', 'unknown');
    log.warn({ action, target, alarmName, accountId }, 'a notification is for nobody in the file of --notify');
  }

  function startDue(): void {
    const nowMs = clock.now();
    for (const to of destinations) {
      while (to.underWay < MOST_UNDER_WAY) {
        const next = nextDue(to, nowMs);
        if (next === undefined) break;
        const attempt = attemptIt(next).finally(() => underWay.delete(attempt));
        underWay.add(attempt);
      }
    }
  }

  /** The oldest that is due, of the account whose turn it is. */
  function nextDue({ waiting }: Destination, nowMs: number): Waiting | undefined {
    for (const [accountId, ofAccount] of waiting) {
      for (const each of ofAccount) {
        // Further away than any pause is only what was written before somebody set the clock back.
        const isDue = each.nextAttemptAtMs <= nowMs || each.nextAttemptAtMs > nowMs + LONGEST_RETRY_MS;
        if (each.underWay || !isDue) continue;
        waiting.delete(accountId);
        waiting.set(accountId, ofAccount);
        return each;
      }
    }
    return undefined;
  }

  async function attemptIt(each: Waiting): Promise<void> {
    const { key, to } = each;
    each.underWay = true;
    to.underWay++;
    try {
      const stored = await store.get(notificationsTable, key);
      if (stored === undefined) return forget(each);
      const error = await deliver(to.receiver, stored.value, clock.now(), givingUp.signal).then(
        () => undefined,
        (failure: Error) => failure,
      );
      if (givingUp.signal.aborted && error !== undefined) return;
      if (error === undefined) {
        await conclude(key, undefined);
        forget(each);
        figures.count(to.receiver.kind, 'delivered');
        return;
      }
      await failed(each, stored.value, error);
    } catch (err) {
      if (isFinal(err)) {
        forget(each);
        log.error({ err, notification: key }, NOT_AUTHENTIC);
        return;
      }
      log.error({ err, notification: key }, 'a notification cannot be read or kept; it will be tried again');
      each.nextAttemptAtMs = clock.now() + STORE_PAUSE_MS;
    } finally {
      each.underWay = false;
      to.underWay--;
    }
  }

  async function failed(each: Waiting, { attempts, createdAtMs }: NotificationRecord, error: Error): Promise<void> {
    const { key, to } = each;
    const nowMs = clock.now();
    figures.count(to.receiver.kind, 'failed');
    log.warn({ err: error, notification: key, attempts: attempts + 1 }, 'a notification was not delivered');
    if (nowMs - createdAtMs >= GIVE_UP_MS) return giveUp(each, error.message);
    const nextAttemptAtMs = nowMs + retryDelayMs(attempts + 1, random);
    await change(async (transaction) => {
      const stored = await transaction.get(notificationsTable, key);
      if (stored === undefined) return;
      const { value, version } = stored;
      await transaction.replace(
        notificationsTable,
        key,
        { ...value, attempts: attempts + 1, nextAttemptAtMs },
        version,
      );
      if (attempts === 0) await recordAction(transaction, value, error.message, nowMs, random);
    });
    each.nextAttemptAtMs = nextAttemptAtMs;
  }

  async function giveUp(each: Waiting, why: string): Promise<void> {
    await conclude(each.key, why);
    forget(each);
    figures.count(each.to.receiver.kind, 'given_up');
    log.error({ notification: each.key, why }, 'a notification is given up');
  }

  /** @param error absent where it was delivered */
  async function conclude(key: string, error: string | undefined): Promise<void> {
    await change(async (transaction) => {
      const stored = await transaction.get(notificationsTable, key);
      if (stored === undefined) return;
      await transaction.remove(notificationsTable, key, stored.version);
      await recordAction(transaction, stored.value, error, clock.now(), random);
    });
  }

  /** Nobody caches these tables, so that the change log is not crowded with them. What was delivered must not be again. */
  async function change(work: (transaction: Transaction) => Promise<void>): Promise<void> {
    for (;;) {
      try {
        return await store.transact(work, { unlogged: true });
      } catch (err) {
        if (stopping.signal.aborted || isFinal(err)) throw err;
        log.error({ err }, 'the outbox cannot be written; it will be tried again');
        await pause(STORE_PAUSE_MS, undefined, { signal: stopping.signal }).catch(() => {});
      }
    }
  }

  function forget(each: Waiting): void {
    const { key, accountId, to } = each;
    waiting.delete(key);
    const ofAccount = to.waiting.get(accountId);
    if (ofAccount?.delete(each) !== true) return;
    if (ofAccount.size === 0) to.waiting.delete(accountId);
    to.size--;
  }

  async function run(): Promise<void> {
    while (!stopping.signal.aborted) {
      let pauseMs = LOOK_MS;
      try {
        await look(async (key) => noteFresh(key), noteAll);
        await takeInSome();
        if (fresh.size > 0) pauseMs = 0;
        startDue();
        figures.waiting(waiting.size);
      } catch (err) {
        log.error({ err }, 'the outbox cannot be read; it will be tried again');
        pauseMs = STORE_PAUSE_MS;
      }
      await pause(pauseMs, undefined, { signal: stopping.signal }).catch(() => {});
    }
  }

  const running = run();
  return {
    async stop() {
      stopping.abort();
      await running;
      await Promise.race([Promise.all(underWay), pause(STOP_PATIENCE_MS, undefined, { ref: false })]);
      givingUp.abort();
      await Promise.all(underWay);
    },
  };
}

function destination(receiver: Receiver): Destination {
  return { receiver, underWay: 0, size: 0, waiting: new Map() };
}

/** What is no event has none, and goes to those who want all. */
function detailTypeOf({ message }: NotificationRecord): string {
  try {
    return String((JSON.parse(message) as { 'detail-type'?: unknown })['detail-type']);
  } catch {
    return '';
  }
}

/** What trying again cannot mend. */
function isFinal(error: unknown): boolean {
  return error instanceof KeyholdError && (error.code === 'TamperedRecord' || error.code === 'StoreConflict');
}
