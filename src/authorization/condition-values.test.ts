import { BlockList, isIPv4 } from 'node:net';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isInRange, parseAddress, parseAddressRange, parseBinary, parseDate } from './condition-values.ts';

describe('Base64', () => {
  test('is read in its canonical form, with or without padding', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        const canonical = Buffer.from(bytes).toString('base64');
        expect(parseBinary(canonical)).toBe(canonical);
        expect(parseBinary(canonical.replaceAll('=', ''))).toBe(canonical);
      }),
    );
  });

  test.each(['=', 'Q', 'QQ===', 'QR==', 'Q=Q=', 'QQ==QQ==', 'Q Q=', 'QQ-_', '=QQ'])('is not %j', (text) => {
    expect(parseBinary(text)).toBeUndefined();
  });

  test('takes no quadratic time to tell from a run of padding', () => {
    // A regular expression for the padding at the end would start anew at each of these, for an hour.
    expect(parseBinary(`${'='.repeat(3_000_000)}x`)).toBeUndefined();
    expect(parseBinary('='.repeat(3_000_000))).toBeUndefined();
    expect(parseBinary(`x${'='.repeat(3_000_000)}`)).toBeUndefined();
  }, 20_000);
});

describe('a date', () => {
  test.each([
    ['2026', Date.UTC(2026)],
    ['2026-02', Date.UTC(2026, 1)],
    ['2024-02-29', Date.UTC(2024, 1, 29)],
    ['2026-03-01T10:00Z', Date.UTC(2026, 2, 1, 10)],
    ['2016-12-13T21:20:37.593194+00:00', Date.UTC(2016, 11, 13, 21, 20, 37) + 593.194],
    ['2016-12-13t2:00:00.5+23', Date.UTC(2016, 11, 12, 3, 0, 0, 500)],
    ['2026-03-01T10:30-02:30', Date.UTC(2026, 2, 1, 13)],
    ['2026-03-01T10', Date.UTC(2026, 2, 1, 10)],
    ['0', 0],
    ['1772323200', 1_772_323_200_000],
    ['1772323200.25', 1_772_323_200_250],
    ['9223372036854775807', Number(2n ** 63n) * 1000],
    ['01T', new Date('0001-01-01T00:00:00Z').getTime()],
    ['-292275054', Number.NEGATIVE_INFINITY],
    ['292278993-12-31', Number.POSITIVE_INFINITY],
  ])('is %s', (text, expected) => {
    expect(parseDate(text)).toBe(expected);
  });

  test.each([
    'sdfdsf',
    '',
    '234-13',
    '2026-02-30',
    '2023-02-29',
    '1900-02-29',
    '2026-00-01',
    '2016-12-13t2:00:00.593194+1',
    '2016-12-13t2:00:00.1999999999+10:59',
    '9223372036854775808',
    '-292275055',
    '292278994-01-01',
    '2026-03-01T24:00:00Z',
    '2026-03-01T10:00:00+24:00',
    '2026-03-01 10:00',
    ' 2026',
  ])('is not %j', (text) => {
    expect(parseDate(text)).toBeUndefined();
  });
});

describe('a range of addresses', () => {
  const address = fc.oneof(
    fc.ipV4(),
    fc.ipV6(),
    fc.ipV4().map((it) => `::ffff:${it}`),
    fc.constantFrom('::', '::1', '1::', '2001:db8::1', '2001:db8::1:0:0:1', '192.0.2.1', '192.0.2.129', '0.0.0.0'),
  );

  test('holds the addresses that a BlockList says it does', () => {
    let inside = 0;
    const pair = fc
      .tuple(address, fc.oneof(fc.constantFrom(0, 1, 31, 32), fc.nat(128)), fc.oneof(address, fc.constant(undefined)))
      .map(([base, bits, other]) => ({ base, prefix: isIPv4(base) ? bits % 33 : bits, other: other ?? base }));
    fc.assert(
      fc.property(pair, ({ base, prefix, other }) => {
        const list = new BlockList();
        list.addSubnet(base, prefix, isIPv4(base) ? 'ipv4' : 'ipv6');
        const expected = list.check(other, isIPv4(other) ? 'ipv4' : 'ipv6');
        if (expected) inside++;
        const range = parseAddressRange(`${base}/${prefix}`);
        const parsed = parseAddress(other);
        expect(range && parsed && isInRange(range, parsed)).toBe(expected);
      }),
      { numRuns: 10_000 },
    );
    expect(inside).toBeGreaterThan(1000);
  });
});
