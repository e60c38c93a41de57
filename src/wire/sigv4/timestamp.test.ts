import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatIsoBasic, parseHttpDate, parseIsoBasic } from './timestamp.ts';

describe('X-Amz-Date', () => {
  test.each([
    ['20261122T101500Z', Date.UTC(2026, 10, 22, 10, 15, 0)],
    ['20240229T235959Z', Date.UTC(2024, 1, 29, 23, 59, 59)],
    ['20000229T000000Z', Date.UTC(2000, 1, 29)],
    ['19700101T000000Z', 0],
    ['99991231T235959Z', Date.UTC(9999, 11, 31, 23, 59, 59)],
  ])('reads %s', (text, time) => {
    expect(parseIsoBasic(text)).toBe(time);
    expect(formatIsoBasic(time)).toBe(text);
  });

  test.each([
    '',
    '2026-11-22T10:15:00Z',
    '20261122T101500',
    '20261122T101500z',
    '20261122t101500Z',
    '20261122T101500+',
    ' 20261122T101500',
    '20261122T10150Z ',
    '20261122 101500Z',
    '+0261122T101500Z',
    '2026112 T101500Z',
    '20261122T1e1500Z',
    '20261322T101500Z',
    '20260022T101500Z',
    '20261100T101500Z',
    '20261131T101500Z',
    '20250229T101500Z',
    '21000229T101500Z',
    '20261122T241500Z',
    '20261122T106000Z',
    '20261122T101560Z',
    '00991122T101500Z',
    '19691231T235959Z',
    '２０261122T101500Z',
  ])('refuses %j', (text) => {
    expect(parseIsoBasic(text)).toBeUndefined();
  });

  test('reads what it writes, to the second', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: Date.UTC(9999, 11, 31, 23, 59, 59) }), (time) => {
        expect(parseIsoBasic(formatIsoBasic(time))).toBe(time - (time % 1000));
      }),
    );
  });
});

describe('Date', () => {
  test.each(['GMT', '+0000', '-0000'])('reads the fixed-length form of HTTP, zone %s', (zone) => {
    expect(parseHttpDate(`Sun, 06 Nov 1994 08:49:37 ${zone}`)).toBe(Date.UTC(1994, 10, 6, 8, 49, 37));
  });

  test('reads whatever JavaScript writes as an HTTP date', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: Date.UTC(9999, 11, 31) }), (time) => {
        expect(parseHttpDate(new Date(time).toUTCString())).toBe(time - (time % 1000));
      }),
    );
  });

  test.each([
    'Mon, 06 Nov 1994 08:49:37 GMT',
    'Sun, 31 Nov 1994 08:49:37 GMT',
    'Sun, 06 nov 1994 08:49:37 GMT',
    'Sun, 06 Nov 1994 08:49:37 UTC',
    'Sun, 06 Nov 1994 08:49:37 +0100',
    'Sun, 06 Nov 1994 08:49:37 GMT ',
    'Sun, 06 Nov 1994 24:49:37 GMT',
    'Sunday, 06-Nov-94 08:49:37 GMT',
    'Sun Nov  6 08:49:37 1994',
    '',
  ])('refuses %j', (text) => {
    expect(parseHttpDate(text)).toBeUndefined();
  });
});
