import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { decodedBody } from './content-encoding.ts';

const sent = (body: Buffer, encoding?: string) =>
  decodedBody({ rawHeaders: encoding === undefined ? [] : ['Content-Encoding', encoding], body });

test('what was compressed is what it was before, and anything else is left alone', () => {
  const body = Buffer.from('Namespace=a'.repeat(1000));
  expect(Buffer.from(sent(gzipSync(body), 'gzip'))).toEqual(body);
  expect(sent(body)).toBe(body);
  expect(sent(body, 'identity')).toBe(body);
});

test('a small body does not become a large one', () => {
  const bomb = gzipSync(Buffer.alloc(100 * 1024 * 1024));
  expect(bomb.length).toBeLessThan(200_000);
  expect(() => sent(bomb, 'gzip')).toThrow(expect.objectContaining({ code: 'RequestEntityTooLargeException' }));
});

test('what only says that it is compressed is refused', () => {
  const refused = expect.objectContaining({ code: 'SerializationException' });
  expect(() => sent(Buffer.from('no gzip'), 'gzip')).toThrow(refused);
  expect(() => sent(gzipSync('cut off').subarray(0, 12), 'gzip')).toThrow(refused);
  expect(() => sent(Buffer.alloc(0), 'gzip')).toThrow(refused);
});
