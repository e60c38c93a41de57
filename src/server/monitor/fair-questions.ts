import { LRUCache } from 'lru-cache';
import type { MetricDatum } from '../../monitoring/metric.ts';
import { monotonicMs } from '../../runtime/clock.ts';
import { KeyholdError } from '../../runtime/errors.ts';
import type { MetricQueries } from '../../services/cloudwatch/ports.ts';

/**
 * The metrics are asked for by all accounts in the thread that evaluates everyone's alarms.
 *
 * INVARIANT: whatever one account asks or puts, others are answered, and alarms evaluated: the questions of an account are
 * answered one after the other, only so many of them wait, and what it puts takes no more than a fraction of the time.
 */
export function fairQuestions(queries: MetricQueries, nowMs: () => number = monotonicMs): MetricQueries {
  const queues = new Map<string, Queue>();
  const allowances = new LRUCache<string, Allowance>({ max: MOST_REMEMBERED });

  function inTurn<T>(accountId: string, answer: () => Promise<T>): Promise<T> {
    const queue = queues.get(accountId) ?? { size: 0, last: Promise.resolve() };
    if (queue.size >= MOST_WAITING) throw tooMuch();
    queues.set(accountId, queue);
    queue.size++;
    const answered = queue.last.then(answer).finally(() => {
      if (--queue.size === 0) queues.delete(accountId);
    });
    queue.last = answered.catch(() => {});
    return answered;
  }

  /** Throws ThrottlingException where an account has put as much as it may for now. */
  function spend(accountId: string, cost: number): void {
    const atMs = nowMs();
    const { left, asOfMs } = allowances.get(accountId) ?? { left: BURST, asOfMs: atMs };
    const now = Math.min(BURST, left + ((atMs - asOfMs) / 1000) * COST_PER_SECOND);
    if (now < cost) throw tooMuch();
    allowances.set(accountId, { left: now - cost, asOfMs: atMs });
  }

  return {
    async put(data) {
      // All that one request puts is of its caller's account.
      const [first] = data;
      if (first === undefined) return;
      const { accountId } = first.metric;
      return inTurn(accountId, async () => {
        spend(accountId, costOf(data));
        await queries.put(data);
      });
    },
    list: async (query) => inTurn(query.accountId, () => queries.list(query)),
    series: async (query) => inTurn(query.metric.accountId, () => queries.series(query)),
  };
}

interface Queue {
  size: number;
  last: Promise<unknown>;
}

/** What an account may still put at once. */
interface Allowance {
  readonly left: number;
  readonly asOfMs: number;
}

const MOST_WAITING = 64;
/** Accounts that have put something: in the sandbox, anything may be one. */
const MOST_REMEMBERED = 10_000;
/**
 * A datum costs one, and more where it has many values. To write so many takes a tenth of a processor's time; the largest
 * request that there is can be put at once.
 */
const COST_PER_SECOND = 4000;
const BURST = 20_000;
const VALUES_FOR_ONE = 10;

function costOf(data: readonly MetricDatum[]): number {
  return data.reduce(
    (cost, { observed }) => cost + 1 + ('sampleCount' in observed ? 0 : observed.length) / VALUES_FOR_ONE,
    0,
  );
}

/** As AWS's services say it. */
function tooMuch(): KeyholdError {
  return new KeyholdError('ThrottlingException', 'Rate exceeded');
}
