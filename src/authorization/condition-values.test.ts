import { BlockList, isIPv4 } from 'node:net';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isInRange, parseAddress, parseAddressRange, parseBinary } from './condition-values.ts';

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
