import { expect, test } from 'vitest';
import { testSealer } from '../../store/sealed-memory-store.test-helper.ts';
import { lookupTokens } from './lookup-tokens.ts';

const tokens = lookupTokens(testSealer());
const refused = expect.objectContaining({ code: 'InvalidNextTokenException' });

function refusal(token: string, request: string): unknown {
  try {
    return tokens.read(token, request);
  } catch (error) {
    return error;
  }
}

test('a token says where to go on, to the request that it was given for', () => {
  const token = tokens.issue({ w0: 17, w1: 4 }, 'request');
  expect(tokens.read(token, 'request')).toEqual({ w0: 17, w1: 4 });
  expect(refusal(token, 'another request')).toEqual(refused);
});

test('a token does not tell how much was recorded', () => {
  const [one, other] = [1, 2].map(() => tokens.issue({ w0: 4711 }, 'request'));
  expect(one).not.toBe(other);
  expect(Buffer.from(one ?? '', 'base64').toString('latin1')).not.toContain('4711');
});

test.each(['', 'x', '!', 'AAAA', 'A'.repeat(100_000), Buffer.from('{"w0":9}').toString('base64')])(
  'what is no token is refused: %.20s',
  (token) => expect(refusal(token, 'request')).toEqual(refused),
);

test('a token is refused once a bit of it was changed', () => {
  const sealed = Buffer.from(tokens.issue({ w0: 17 }, 'request'), 'base64');
  for (let at = 0; at < sealed.length; at++) {
    const changed = Buffer.from(sealed);
    changed[at] = (changed[at] as number) ^ 1;
    expect(refusal(changed.toString('base64'), 'request')).toEqual(refused);
  }
});
