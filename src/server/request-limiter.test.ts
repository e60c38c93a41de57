import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import type { KeyholdError } from '../runtime/errors.ts';
import { seededRandom } from '../runtime/random.test-helper.ts';
import { requestCharges } from '../services/kms/request-quotas.ts';
import type { RequestCharge } from '../services/operation.ts';
import type { AnyOperation, Service } from '../services/perform.ts';
import { ACCOUNT, administrator, OTHER_ACCOUNT, REGION, scopeOf, user } from '../services/scope.test-helper.ts';
import { type RequestCounters, requestCounters, requestLimiter } from './request-limiter.ts';
import type { RequestQuota, RequestQuotas } from './request-quotas.ts';

/** A service of which the operation's name is the quota. */
const service = {
  requestCharges: (operation: string): readonly RequestCharge[] => [{ quota: operation }],
} as unknown as Service;

const operation = (name: string) => ({ name }) as AnyOperation;
const rate = (requests: number, seconds = 1) => ({ requests, windowMs: seconds * 1000 });
const everywhere = (requests: number, seconds = 1): RequestQuota => ({
  default: rate(requests, seconds),
  byRegion: new Map(),
});
const callerOf = (accountId: string) => user('caller', { accountId });

let nowMs: number;
const clock = { now: () => nowMs };
beforeEach(() => {
  nowMs = Date.UTC(2026, 10, 22, 10, 30, 15);
});

/** A machine of several workers: each asks whether a request passes. */
function workersOf(quotas: RequestQuotas, count = 2, counters: RequestCounters = countersOf(quotas)) {
  return Array.from({ length: count }, () => {
    const throttle = requestLimiter(quotas, counters, clock);
    return (name: string, { accountId = ACCOUNT, region = REGION } = {}): boolean => {
      try {
        throttle(service, operation(name), {}, scopeOf(callerOf(accountId), { region }));
        return true;
      } catch (error) {
        if ((error as KeyholdError).code !== 'ThrottlingException') throw error;
        return false;
      }
    };
  });
}

const countersOf = (quotas: RequestQuotas) => requestCounters(quotas, seededRandom('limiter'));

type Ask = ReturnType<typeof workersOf>[number];
const passes = (ask: Ask, name: string, times: number, where = {}) =>
  Array.from({ length: times }, () => ask(name, where)).filter(Boolean).length;

test('as many pass in a second as the quota says, whichever worker is asked', () => {
  const [one, other] = workersOf(new Map([['CreateKey', everywhere(5)]])) as [Ask, Ask];
  expect(passes(one, 'CreateKey', 3)).toBe(3);
  expect(passes(other, 'CreateKey', 3)).toBe(2);
  expect(passes(one, 'CreateKey', 3)).toBe(0);
  nowMs += 999;
  expect(passes(other, 'CreateKey', 3)).toBe(0);
  nowMs += 1;
  expect(passes(other, 'CreateKey', 9)).toBe(5);
  expect(passes(one, 'CreateKey', 9)).toBe(0);
});

test('a fraction is one request in as many seconds', () => {
  const [ask] = workersOf(new Map([['ListKeys', everywhere(1, 10)]])) as [Ask];
  nowMs = Date.UTC(2026, 0, 1);
  const passed = Array.from({ length: 40 }, () => {
    nowMs += 1000;
    return ask('ListKeys');
  });
  expect(passed.map((did, second) => (did ? second + 1 : 0)).filter(Boolean)).toEqual([1, 10, 20, 30, 40]);
});

test('each account, each Region and each quota counts by itself, and what has none is not limited', () => {
  const quotas: RequestQuotas = new Map([
    ['CreateKey', { default: rate(5), byRegion: new Map([['eu-west-1', rate(7)]]) }],
    ['CreateAlias', everywhere(2)],
    ['ListKeys', { byRegion: new Map([['eu-west-1', rate(1)]]) }],
  ]);
  const [ask] = workersOf(quotas) as [Ask];
  expect(passes(ask, 'CreateKey', 20)).toBe(5);
  expect(passes(ask, 'CreateKey', 20, { accountId: OTHER_ACCOUNT })).toBe(5);
  expect(passes(ask, 'CreateKey', 20, { region: 'us-east-2' })).toBe(5);
  expect(passes(ask, 'CreateKey', 20, { region: 'eu-west-1' })).toBe(7);
  expect(passes(ask, 'CreateAlias', 20)).toBe(2);
  expect(passes(ask, 'ListKeys', 20)).toBe(20);
  expect(passes(ask, 'ListKeys', 20, { region: 'eu-west-1' })).toBe(1);
  expect(passes(ask, 'DescribeKey', 2000)).toBe(2000);
});

test('a service that declares no quotas is not limited', () => {
  const quotas: RequestQuotas = new Map([['CreateKey', everywhere(1)]]);
  const throttle = requestLimiter(quotas, countersOf(quotas), clock);
  for (let count = 0; count < 5; count++) {
    throttle({} as Service, operation('CreateKey'), {}, scopeOf(administrator));
  }
});

test('KMS’s operations that share a quota are counted together, and in the Region that a charge names', () => {
  const quotas: RequestQuotas = new Map([
    ['Cryptographic operations (symmetric)', everywhere(3)],
    ['CreateKey', everywhere(4)],
  ]);
  const throttle = requestLimiter(quotas, countersOf(quotas), clock);
  const kms = { requestCharges } as unknown as Service;
  const ask =
    (name: string, input: object, region = REGION) =>
    () =>
      throttle(kms, operation(name), input, scopeOf(administrator, { region }));
  ask('Encrypt', {})();
  ask('Decrypt', {})();
  ask('GenerateMac', {})();
  expect(ask('GenerateDataKey', {})).toThrow(
    expect.objectContaining({
      code: 'ThrottlingException',
      message: 'You have exceeded the rate at which you may call KMS. Reduce the frequency of your calls.',
    }),
  );
  expect(ask('Sign', { SigningAlgorithm: 'RSASSA_PSS_SHA_256' })).not.toThrow();
  for (let count = 0; count < 2; count++) ask('ReplicateKey', { ReplicaRegion: 'eu-west-1' })();
  expect(ask('CreateKey', {}, 'eu-west-1')).toThrow('exceeded the rate');
  expect(ask('CreateKey', {})).not.toThrow();
});

describe('never more than the quota in a window', () => {
  const names = ['a', 'b', 'c'];
  const steps = fc.array(
    fc.record({
      worker: fc.nat(2),
      name: fc.constantFrom(...names),
      accountId: fc.constantFrom(ACCOUNT, OTHER_ACCOUNT),
      region: fc.constantFrom('us-east-1', 'eu-west-1', 'eu-central-1'),
      waitMs: fc.oneof(fc.constant(0), fc.nat(400), fc.nat(30_000)),
    }),
    { maxLength: 300 },
  );
  const limits = fc.record({ requests: fc.integer({ min: 1, max: 6 }), seconds: fc.constantFrom(1, 2, 10) });

  test('and never fewer, whatever is asked of whom', () => {
    fc.assert(
      fc.property(steps, fc.tuple(limits, limits, limits), (asked, rates) => {
        const quotas: RequestQuotas = new Map(
          names.map((name, index) => [name, everywhere(rates[index]?.requests ?? 1, rates[index]?.seconds)]),
        );
        const asks = workersOf(quotas, 3);
        const passed = new Map<string, number>();
        for (const { worker, name, accountId, region, waitMs } of asked) {
          nowMs += waitMs;
          const { requests, windowMs } = quotas.get(name)?.default ?? rate(0);
          const window = `${name} ${accountId} ${region} ${Math.floor(nowMs / windowMs)}`;
          const before = passed.get(window) ?? 0;
          expect(asks[worker]?.(name, { accountId, region }), window).toBe(before < requests);
          if (before < requests) passed.set(window, before + 1);
        }
      }),
    );
  });

  test('also when more counters are in use than there is room for, which then share', () => {
    const quotas: RequestQuotas = new Map([['a', everywhere(2)]]);
    const [one, other] = workersOf(quotas) as [Ask, Ask];
    const regions = Array.from({ length: 20_000 }, (_, count) => `r-${count}`);
    const passed = new Map<string, number>();
    for (let round = 0; round < 3; round++) {
      for (const region of regions) {
        const ask = (round + region.length) % 2 === 0 ? one : other;
        if (ask('a', { region })) passed.set(region, (passed.get(region) ?? 0) + 1);
      }
    }
    expect(Math.max(...passed.values())).toBe(2);
    // All that the table holds is used, twice each.
    const total = [...passed.values()].reduce((sum, count) => sum + count, 0);
    expect(total).toBeGreaterThan(2 * 8000);
    expect(total).toBeLessThanOrEqual(2 * 8192);
    // And in the next window it is all free again.
    nowMs += 1000;
    expect(passes(one, 'a', 5)).toBe(2);
  });
});

describe('clocks', () => {
  test('a worker whose clock is a moment behind counts in the window that has begun', () => {
    const [ask] = workersOf(new Map([['a', everywhere(3)]])) as [Ask];
    expect(passes(ask, 'a', 2)).toBe(2);
    nowMs -= 1;
    expect(passes(ask, 'a', 5)).toBe(1);
    nowMs += 1;
    expect(passes(ask, 'a', 5)).toBe(0);
  });

  test('one that was set back by hours does not keep anyone waiting for hours', () => {
    const [ask] = workersOf(new Map([['a', everywhere(3)]])) as [Ask];
    expect(passes(ask, 'a', 9)).toBe(3);
    nowMs -= 3 * 3_600_000;
    expect(passes(ask, 'a', 9)).toBe(3);
  });

  test('one that jumps by years begins anew', () => {
    const [ask] = workersOf(new Map([['a', everywhere(3)]])) as [Ask];
    for (const years of [1, 10, 100]) {
      nowMs += years * 365 * 86_400_000;
      expect(passes(ask, 'a', 9)).toBe(3);
    }
  });
});

test('threads that ask at the very same time lose no request between them', async () => {
  const requests = 100_000;
  const quotas: RequestQuotas = new Map([['a', everywhere(requests)]]);
  const workerData = { quotas, counters: countersOf(quotas), times: requests, nowMs };
  const threads = [1, 2].map(
    () => new Worker(new URL('./request-limiter.test-worker.ts', import.meta.url), { workerData }),
  );
  await Promise.all(threads.map((thread) => once(thread, 'message')));
  const passed = threads.map(async (thread) => Number((await once(thread, 'message'))[0]));
  for (const thread of threads) thread.postMessage('go');
  const counts = await Promise.all(passed);
  expect(counts.reduce((sum, count) => sum + count, 0)).toBe(requests);
});

test('a worker that takes the place of one that died goes on with its counts', () => {
  const quotas: RequestQuotas = new Map([['a', everywhere(3)]]);
  const counters = countersOf(quotas);
  const [dead] = workersOf(quotas, 1, counters) as [Ask];
  expect(passes(dead, 'a', 2)).toBe(2);
  const [heir] = workersOf(quotas, 1, counters) as [Ask];
  expect(passes(heir, 'a', 9)).toBe(1);
});

test('the largest rate fits its counter', () => {
  const quotas: RequestQuotas = new Map([['a', everywhere(1_000_000)]]);
  const counters = countersOf(quotas);
  const [ask] = workersOf(quotas, 1, counters) as [Ask];
  expect(ask('a')).toBe(true);
  // As if all but one had been counted.
  const words = new BigUint64Array(counters.words);
  const at = words.findIndex((word) => word !== 0n);
  words[at] = (words[at] as bigint) + 999_998n;
  expect(passes(ask, 'a', 3)).toBe(1);
});
