import { expect, test } from 'vitest';
import { isWithin, windowsAfter } from './logging-windows.ts';
import { STARTED_MS, trailRecord } from './trail.test-helper.ts';

const stoppedAt = (stoppedLoggingAtMs: number) => trailRecord({ isLogging: false, stoppedLoggingAtMs });
const at = (ms: number): string => `${new Date(ms).toISOString().slice(0, 19)}Z`;

test('a trail logs from its start until it is stopped, as it says', () => {
  const logging = windowsAfter([], trailRecord(), STARTED_MS + 1000);
  expect(logging).toEqual([{ fromMs: STARTED_MS }]);
  expect(windowsAfter(logging, trailRecord(), STARTED_MS + 9000)).toBe(logging);
  const stopped = windowsAfter(logging, stoppedAt(STARTED_MS + 5000), STARTED_MS + 9000);
  expect(stopped).toEqual([{ fromMs: STARTED_MS, toMs: STARTED_MS + 5000 }]);
  expect(windowsAfter(stopped, stoppedAt(STARTED_MS + 5000), STARTED_MS + 10_000)).toEqual(stopped);
});

test('one that was stopped and started again between two looks has both windows', () => {
  const again = trailRecord({ startedLoggingAtMs: STARTED_MS + 8000, stoppedLoggingAtMs: STARTED_MS + 5000 });
  expect(windowsAfter([{ fromMs: STARTED_MS }], again, STARTED_MS + 9000)).toEqual([
    { fromMs: STARTED_MS, toMs: STARTED_MS + 5000 },
    { fromMs: STARTED_MS + 8000 },
  ]);
});

test('one that is gone has logged until now', () => {
  const windows = windowsAfter([{ fromMs: STARTED_MS }], undefined, STARTED_MS + 9000);
  expect(windows).toEqual([{ fromMs: STARTED_MS, toMs: STARTED_MS + 9000 }]);
});

test('an event is within by its second', () => {
  const windows = [{ fromMs: STARTED_MS, toMs: STARTED_MS + 5000 }, { fromMs: STARTED_MS + 60_000 }];
  expect(isWithin(windows, at(STARTED_MS - 1000))).toBe(false);
  expect(isWithin(windows, at(STARTED_MS))).toBe(true);
  expect(isWithin(windows, at(STARTED_MS + 5000))).toBe(true);
  expect(isWithin(windows, at(STARTED_MS + 6000))).toBe(false);
  expect(isWithin(windows, at(STARTED_MS + 60_000))).toBe(true);
  expect(isWithin(windows, at(STARTED_MS + 86_400_000))).toBe(true);
});

test('windows are forgotten, the oldest first, before they are too many', () => {
  let windows: ReturnType<typeof windowsAfter> = [];
  for (let start = 0; start < 150; start++) {
    windows = windowsAfter(
      windows,
      trailRecord({ startedLoggingAtMs: STARTED_MS + start * 1000 }),
      STARTED_MS + 999_000,
    );
  }
  expect(windows).toHaveLength(100);
  expect(windows.at(-1)).toEqual({ fromMs: STARTED_MS + 149_000 });
});
