import { expect, test } from 'vitest';
import { firstPeriodMs, isKeptBy, isPeriod, resolutionFor } from './retention.ts';

const NOW = Date.UTC(2026, 10, 22, 15, 7, 17);
const DAY = 86_400_000;

test('periods are those that AWS has', () => {
  expect([1, 5, 10, 20, 30, 60, 120, 86_400].every(isPeriod)).toBe(true);
  expect([0, -60, 2, 15, 45, 59, 61, 90].some(isPeriod)).toBe(false);
});

test.each([
  ['less than 15 days ago', Date.UTC(2026, 10, 22, 12, 32, 34), 300, Date.UTC(2026, 10, 22, 12, 32)],
  ['15 to 63 days ago', Date.UTC(2026, 9, 22, 12, 32, 34), 300, Date.UTC(2026, 9, 22, 12, 30)],
  ['more than 63 days ago', Date.UTC(2026, 5, 22, 12, 32, 34), 3600, Date.UTC(2026, 5, 22, 12)],
  ['by ten seconds', Date.UTC(2026, 10, 22, 1, 5, 13), 10, Date.UTC(2026, 10, 22, 1, 5, 10)],
  ['by five seconds', Date.UTC(2026, 10, 22, 15, 2, 17), 5, Date.UTC(2026, 10, 22, 15, 2, 15)],
])('the start is rounded down as AWS says: %s', (_, startMs, period, first) => {
  expect(firstPeriodMs(startMs, period, NOW)).toBe(first);
});

test('what is old can be asked for by long periods only', () => {
  expect(isKeptBy(1, NOW - 3 * 3_600_000, NOW)).toBe(true);
  expect(isKeptBy(30, NOW - 4 * 3_600_000, NOW)).toBe(false);
  expect(isKeptBy(60, NOW - 14 * DAY, NOW)).toBe(true);
  expect(isKeptBy(60, NOW - 16 * DAY, NOW)).toBe(false);
  expect(isKeptBy(300, NOW - 16 * DAY, NOW)).toBe(true);
  expect(isKeptBy(300, NOW - 64 * DAY, NOW)).toBe(false);
  expect(isKeptBy(3600, NOW - 64 * DAY, NOW)).toBe(true);
  expect(isKeptBy(86_400, NOW - 456 * DAY, NOW)).toBe(false);
});

test('periods are read from the coarsest resolution that tells them apart', () => {
  const hour = Date.UTC(2026, 10, 22, 12);
  expect(resolutionFor(hour, 7200).seconds).toBe(3600);
  expect(resolutionFor(hour + 60_000, 7200).seconds).toBe(60);
  expect(resolutionFor(hour + 300_000, 3600).seconds).toBe(300);
  expect(resolutionFor(hour, 30).seconds).toBe(1);
  expect(resolutionFor(hour + 1000, 60).seconds).toBe(1);
});
