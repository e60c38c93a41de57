import { expect, test } from 'vitest';
import { chainLine, genesis, linkOf } from './hash-chain.ts';

// The hashes of this file were computed with sha256sum(1) over the bytes that docs/formats/audit-record.md describes.

test('a stream begins with the hash of its name', () => {
  expect(genesis('w0')).toEqual({
    sequence: 0,
    hash: 'f30656d3eb484eb1d23cbbe4f54488ee89cdd0bc557f2563893b7cf9bfa48fb5',
  });
  expect(genesis('w1').hash).not.toBe(genesis('w0').hash);
});

test('each line names its place and the hash of the line before it', () => {
  const start = genesis('w0');
  const first = chainLine('w0', start, '{"a":1}');
  expect(first).toBe(
    '{"stream":"w0","sequence":1,"previous":"f30656d3eb484eb1d23cbbe4f54488ee89cdd0bc557f2563893b7cf9bfa48fb5","record":{"a":1}}',
  );
  const afterFirst = linkOf(start, first);
  expect(afterFirst).toEqual({ sequence: 1, hash: '9b5239abc8ce2521296a87ca3f3a437f874ada9457501a34f39340f867b7ff3e' });
  expect(chainLine('w0', afterFirst, '{"b":"ü\u2028"}')).toBe(
    '{"stream":"w0","sequence":2,"previous":"9b5239abc8ce2521296a87ca3f3a437f874ada9457501a34f39340f867b7ff3e","record":{"b":"ü\u2028"}}',
  );
});

test('a line is hashed as its bytes in UTF-8', () => {
  const line = chainLine('w0', genesis('w0'), '{"b":"ü\u2028𝄞"}');
  expect(linkOf(genesis('w0'), line)).toEqual(linkOf(genesis('w0'), Buffer.from(line, 'utf8')));
});
