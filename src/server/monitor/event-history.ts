import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises';
import type { Logger } from 'pino';
import { openEventIndex } from '../../audit/event-index/event-index.ts';
import { fillHoles } from '../../audit/event-index/fill-holes.ts';
import { type EventPage, type EventQuestion, lookUp } from '../../audit/event-index/lookup.ts';
import { KeyholdError } from '../../runtime/errors.ts';
import type { Random } from '../../runtime/random.ts';
import type { EventHistory } from '../../services/cloudtrail/ports.ts';
import type { RecordConsumer } from './record-consumer.ts';

/** LookupEvents' side of the monitor: the index of the streams, and who may ask how much of it at once. */

export interface RunningEventHistory extends EventHistory {
  readonly consumer: RecordConsumer;
  /** To be called when nothing is followed any more. */
  stop(): Promise<void>;
}

/**
 * Questions that are answered at once, and that may wait. AWS answers two requests a second of an account in a Region, and
 * throttles the others; here, a question has a bound on what it reads, and an account one on how many it may ask at once.
 */
const MOST_AT_ONCE = 2;
const MOST_OF_AN_ACCOUNT = 8;
const MOST_WAITING = 64;
/** After each piece of a file that is indexed anew, so that it keeps a processor busy for a third of the time at most. */
const PAUSE_MS = 5;

export function startEventHistory(directory: string, random: Random, log: Logger): RunningEventHistory {
  let stopping = false;
  let filling: Promise<void> | undefined;
  const index = openEventIndex({
    directory,
    random,
    onRebuild(stream, bytes) {
      log.warn({ stream, bytes }, 'the index of the audit trail is not whole; LookupEvents lacks events until it is');
      filling ??= fill();
    },
  });

  async function fill(): Promise<void> {
    // Streams are found one after the other.
    await sleep(PAUSE_MS);
    try {
      await fillHoles(
        index,
        () => sleep(PAUSE_MS),
        () => stopping,
      );
      if (!stopping) log.info('the index of the audit trail is whole again');
    } catch (err) {
      log.error({ err }, 'the index of the audit trail cannot be made whole; the next start will try again');
    }
    filling = undefined;
  }

  const lookup = atMost((question) => lookUp(index, directory, question, turn));

  return {
    consumer: index,
    lookup,
    async stop() {
      stopping = true;
      await filling;
    },
  };
}

/** Answers a few questions at a time, in turn; rejects with ThrottlingException what would wait behind too many. */
export function atMost(
  answer: (question: EventQuestion) => Promise<EventPage>,
): (question: EventQuestion) => Promise<EventPage> {
  const asked = new Map<string, number>();
  const waiting: (() => void)[] = [];
  let running = 0;

  function count(account: string, change: 1 | -1): void {
    const left = (asked.get(account) ?? 0) + change;
    if (left === 0) asked.delete(account);
    else asked.set(account, left);
  }

  return async (question) => {
    const { accountId: account } = question;
    if ((asked.get(account) ?? 0) >= MOST_OF_AN_ACCOUNT || waiting.length >= MOST_WAITING) {
      throw new KeyholdError('ThrottlingException', 'Rate exceeded');
    }
    count(account, 1);
    try {
      // Whoever ends hands its place on, so that nobody who comes meanwhile is first.
      if (running >= MOST_AT_ONCE) await new Promise<void>((go) => waiting.push(go));
      else running++;
      return await answer(question);
    } finally {
      count(account, -1);
      const next = waiting.shift();
      if (next === undefined) running--;
      else next();
    }
  };
}
