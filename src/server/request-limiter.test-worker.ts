import { parentPort, workerData } from 'node:worker_threads';
import type { AnyOperation, Service } from '../services/perform.ts';
import { scopeOf, user } from '../services/scope.test-helper.ts';
import { type RequestCounters, requestLimiter } from './request-limiter.ts';
import type { RequestQuotas } from './request-quotas.ts';

/** A thread that asks again and again, at a moment that does not pass, and says how often it was let through. */

const { quotas, counters, times, nowMs } = workerData as {
  quotas: RequestQuotas;
  counters: RequestCounters;
  times: number;
  nowMs: number;
};
const service = { requestCharges: (quota: string) => [{ quota }] } as unknown as Service;
const throttle = requestLimiter(quotas, counters, { now: () => nowMs });
const scope = scopeOf(user('caller'));

parentPort?.postMessage('ready');
parentPort?.once('message', () => {
  let passed = 0;
  for (let count = 0; count < times; count++) {
    try {
      throttle(service, { name: 'a' } as AnyOperation, {}, scope);
      passed += 1;
    } catch {
      // Throttled.
    }
  }
  parentPort?.postMessage(passed);
});
