import { inspect } from 'node:util';
import { expect, test } from 'vitest';
import { SecretBytes } from './secret-bytes.ts';

const TEXT = 'a very secret secret';
const secret = () => new SecretBytes(Buffer.from(TEXT));

/** The ways in which a value ends up as text somewhere. */
const showing: Readonly<Record<string, (value: unknown) => string>> = {
  'a template': (value) => `${value}`,
  'String()': String,
  'inspect()': (value) => inspect(value, { depth: 20, showHidden: true }),
  'inspect() of what holds it': (value) => inspect({ list: [value], map: new Map([['secret', value]]) }, { depth: 20 }),
  'its own properties': (value) => JSON.stringify(Object.getOwnPropertyDescriptors(value)),
  'a copy by spreading': (value) => JSON.stringify({ ...(value as object) }),
  'an error message': (value) => inspect(new Error(`bad key ${value}`, { cause: value })),
};

test.each(Object.entries(showing))('%s shows nothing of the bytes', (_, show) => {
  const shown = show(secret());
  for (const form of [TEXT, Buffer.from(TEXT).toString('hex'), Buffer.from(TEXT).toString('base64')]) {
    expect(shown).not.toContain(form);
  }
  // As inspect() shows a buffer: `61 20 76 65`.
  expect(shown).not.toContain(Buffer.from(TEXT).toString('hex').slice(0, 8).match(/../g)?.join(' '));
});

test('cannot be serialised, alone or within something', () => {
  expect(() => JSON.stringify(secret())).toThrow('a secret is not serialised');
  expect(() => JSON.stringify({ key: { material: secret() } })).toThrow('a secret is not serialised');
});

test('cannot be sent to another thread with its bytes', () => {
  expect(JSON.stringify(structuredClone(secret()))).toBe('{}');
});

test.each([
  ['short', TEXT],
  ['long', TEXT.repeat(20)],
])('a %s secret gives its bytes to whoever asks for them by name, until it is wiped', (_, text) => {
  const bytes = Buffer.from(text);
  const held = new SecretBytes(bytes);
  const exposed = held.expose();
  expect(exposed.toString()).toBe(text);
  held.wipe();
  const wiped = Buffer.alloc(text.length);
  expect([bytes, exposed], 'the memory itself is overwritten, and where it came from').toEqual([wiped, wiped]);
  expect(() => held.expose()).toThrow('a wiped secret is not used again');
  expect(() => held.wipe(), 'wiping twice does no harm').not.toThrow();
});

test('secrets share no bytes, whatever their lengths, and a wiped one takes none of another with it', () => {
  const texts = Array.from({ length: 300 }, (_, length) => 'x'.repeat(length % 150) + length);
  const held = texts.map((text) => new SecretBytes(Buffer.from(text)));
  for (let at = 0; at < held.length; at += 2) held[at]?.wipe();
  for (let at = 1; at < held.length; at += 2) expect(held[at]?.expose().toString()).toBe(texts[at]);
});

test('a short secret is not kept where a copy of it stays behind', () => {
  const bytes = Buffer.from(TEXT);
  const held = new SecretBytes(bytes);
  expect(bytes.equals(Buffer.alloc(TEXT.length))).toBe(true);
  expect(held.expose().toString()).toBe(TEXT);
});
