import type { AuditTrail } from '../../audit/audit-trail.ts';
import { monotonicMs } from '../../runtime/clock.ts';
import { type AwsErrorCode, invariant, KeyholdError } from '../../runtime/errors.ts';
import { type AnyOperation, refusalOf, type Service } from '../../services/perform.ts';
import type { Looked } from '../../store/change-feed.ts';
import type { Store } from '../../store/sealed-store.ts';
import { type cacheNames, isCounted, isServerError, outcomeOf, requestRow, seriesOf } from './catalogue.ts';
import { accountNumbers, cellsOf, type MetricsMemory, observationsOf } from './memory.ts';

/** One answered request, as it is counted. */
export interface Answered {
  /** Absent where there is none of the name. */
  readonly service: string | undefined;
  readonly operation: AnyOperation | undefined;
  /** Of the caller, once authenticated. */
  readonly accountId: string | undefined;
  /** Absent after a success. */
  readonly code: AwsErrorCode | undefined;
  /** What was thrown. */
  readonly error: unknown;
  readonly seconds: number;
}

export type CacheName = (typeof cacheNames)[number];

/** What one worker counts. All of it is quick and throws nothing: some additions in memory, for every request. */
export interface WorkerMetrics {
  answered(request: Answered): void;
  looked(cache: CacheName): Looked;
  /** The same trail, counted. */
  ofTrail(trail: AuditTrail): AuditTrail;
  auditSyncFailed(): void;
  /** The same store, its transactions timed. */
  ofStore(store: Store): Store;
  stop(): void;
}

const LOOP_CHECK_MS = 100;

export function workerMetrics(memory: MetricsMemory, slot: number): WorkerMetrics {
  const requests = cellsOf(memory, slot, 'requests');
  const accountRequests = cellsOf(memory, slot, 'accountRequests');
  const requestSeconds = observationsOf(memory, slot, 'requestSeconds');
  const serverErrors = cellsOf(memory, slot, 'serverErrors');
  const denials = cellsOf(memory, slot, 'denials');
  const authenticationFailures = cellsOf(memory, slot, 'authenticationFailures');
  const cacheLooks = cellsOf(memory, slot, 'cacheLooks');
  const auditSyncFailures = cellsOf(memory, slot, 'auditSyncFailures');
  const numberOf = accountNumbers(memory);
  const stopWatching = watchEventLoop(memory, slot);

  function countFailure(code: AwsErrorCode, error: unknown, row: number, outcome: number): void {
    if (isServerError(outcome)) serverErrors.add(seriesOf.serverError(row), 1);
    if (code === 'AccessDeniedException') {
      denials.add(seriesOf.denial(error instanceof KeyholdError ? refusalOf(error) : undefined), 1);
    }
    const unauthenticated = seriesOf.authenticationFailure(code);
    if (unauthenticated !== undefined) authenticationFailures.add(unauthenticated, 1);
  }

  return {
    answered({ service, operation, accountId, code, error, seconds }) {
      const row = requestRow(service, operation);
      const outcome = outcomeOf(code);
      const account = accountId === undefined ? 'none' : numberOf(accountId);
      requests.add(seriesOf.request(row, outcome), 1);
      accountRequests.add(seriesOf.accountRequest(account, row, outcome), 1);
      requestSeconds.observe(seriesOf.requestSeconds(row), seconds);
      if (code !== undefined) countFailure(code, error, row, outcome);
    },
    looked: (cache) => {
      const [hit, miss] = [seriesOf.cacheLook(cache, true), seriesOf.cacheLook(cache, false)];
      return (isHit) => cacheLooks.add(isHit ? hit : miss, 1);
    },
    ofTrail: (trail) => countedTrail(trail, memory, slot),
    auditSyncFailed: () => auditSyncFailures.add(0, 1),
    ofStore: (store) => timedStore(store, memory, slot),
    stop: stopWatching,
  };
}

/** INVARIANT: every operation is counted under its own name. */
export function checkCounted(services: readonly Service[]): void {
  for (const { name, operations } of services) {
    for (const operation of operations.values()) {
      invariant(isCounted(name, operation), `metrics/catalogue.ts knows ${operation.name} of ${name}`);
    }
  }
}

function countedTrail(trail: AuditTrail, memory: MetricsMemory, slot: number): AuditTrail {
  const records = cellsOf(memory, slot, 'auditRecords');
  const failures = cellsOf(memory, slot, 'auditFailures');
  const queue = cellsOf(memory, slot, 'auditQueue');
  const writeSeconds = observationsOf(memory, slot, 'auditSeconds');
  /** Those that the trail writes together: it gives the same promise for all of them, which is looked at once. */
  let write: { readonly promise: Promise<void>; readonly startMs: number; waiting: number } | undefined;
  // Nothing that the worker before left waiting will be written.
  let queued = 0;
  queue.set(0, 0);

  function begin(promise: Promise<void>): NonNullable<typeof write> {
    const begun = { promise, startMs: monotonicMs(), waiting: 0 };
    const settle = (counter: typeof records) => () => {
      queued -= begun.waiting;
      queue.set(0, queued);
      counter.add(0, begun.waiting);
      writeSeconds.observe(0, (monotonicMs() - begun.startMs) / 1000);
      begun.waiting = 0;
      if (write === begun) write = undefined;
    };
    promise.then(settle(records), settle(failures));
    return begun;
  }

  return {
    ...trail,
    append(recordJson) {
      const promise = trail.append(recordJson);
      if (write?.promise !== promise) write = begin(promise);
      write.waiting += 1;
      queued += 1;
      queue.set(0, queued);
      return promise;
    },
  };
}

function timedStore(store: Store, memory: MetricsMemory, slot: number): Store {
  const seconds = observationsOf(memory, slot, 'storeSeconds');
  const failures = cellsOf(memory, slot, 'storeFailures');
  return {
    ...store,
    async transact(work, options) {
      const startMs = monotonicMs();
      try {
        return await store.transact(work, options);
      } catch (error) {
        if (error instanceof KeyholdError && error.code === 'StoreUnavailable') failures.add(0, 1);
        throw error;
      } finally {
        seconds.observe(0, (monotonicMs() - startMs) / 1000);
      }
    },
  };
}

/** @returns what ends it */
function watchEventLoop(memory: MetricsMemory, slot: number): () => void {
  const loopSeconds = observationsOf(memory, slot, 'loopSeconds');
  let dueMs = monotonicMs() + LOOP_CHECK_MS;
  const timer = setInterval(() => {
    const nowMs = monotonicMs();
    loopSeconds.observe(0, Math.max(0, nowMs - dueMs) / 1000);
    // Node.js sets an interval anew from when it ran.
    dueMs = nowMs + LOOP_CHECK_MS;
  }, LOOP_CHECK_MS);
  timer.unref();
  return () => clearInterval(timer);
}
