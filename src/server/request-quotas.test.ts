import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { KeyholdError } from '../runtime/errors.ts';
import { awsRequestQuotas } from '../services/kms/request-quotas.ts';
import { readRequestQuotas } from './request-quotas.ts';

let directory: string;
let path: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'keyhold-quotas-'));
  path = join(directory, 'quotas.json');
});
afterAll(() => rmSync(directory, { recursive: true }));

function quotasIn(text: string) {
  writeFileSync(path, text);
  return readRequestQuotas(path);
}

/** Says what a refused start prints. */
function refusal(text: string): string {
  try {
    quotasIn(text);
  } catch (error) {
    expect(error).toBeInstanceOf(KeyholdError);
    expect(error).toMatchObject({ code: 'StartupRefused' });
    expect((error as Error).message).not.toContain('\n');
    return (error as Error).message;
  }
  throw new Error(`${text} was not refused`);
}

const perSecond = (requests: number) => ({ requests, windowMs: 1000 });

test('aws has every quota of AWS, with those of Regions', () => {
  const quotas = readRequestQuotas('aws');
  expect([...quotas.keys()]).toEqual(Object.keys(awsRequestQuotas));
  expect(quotas.get('CreateKey')).toEqual({ default: perSecond(5), byRegion: new Map() });
  const symmetric = quotas.get('Cryptographic operations (symmetric)');
  expect(symmetric?.default).toEqual(perSecond(10_000));
  expect(symmetric?.byRegion.get('us-east-1')).toEqual(perSecond(100_000));
  expect(symmetric?.byRegion.get('eu-west-2')).toEqual(perSecond(20_000));
  const rsa4096 = quotas.get('GenerateDataKeyPair (RSA_4096)');
  expect(rsa4096?.byRegion.get('cn-north-1')).toEqual({ requests: 1, windowMs: 10_000 });
});

test('a file limits what it names, everywhere or in some Regions, and nothing else', () => {
  const quotas = quotasIn(
    JSON.stringify({
      CreateKey: 3,
      'Cryptographic operations (symmetric)': { default: 500, 'eu-west-1': 2000 },
      ListKeys: { 'us-east-1': 7 },
    }),
  );
  expect([...quotas]).toEqual([
    ['CreateKey', { default: perSecond(3), byRegion: new Map() }],
    [
      'Cryptographic operations (symmetric)',
      { default: perSecond(500), byRegion: new Map([['eu-west-1', perSecond(2000)]]) },
    ],
    ['ListKeys', { byRegion: new Map([['us-east-1', perSecond(7)]]) }],
  ]);
  expect(quotasIn('{}').size).toBe(0);
});

test.each([
  [0.5, 2],
  [0.25, 4],
  [0.1, 10],
  [0.01, 100],
  [1 / 3, 3],
  [1 / 3600, 3600],
  // Never more than was asked for.
  [0.9, 2],
  [0.3, 4],
])('%f requests per second are one in every %i seconds', (rate, seconds) => {
  const quotas = quotasIn(JSON.stringify({ CreateKey: rate }));
  expect(quotas.get('CreateKey')?.default).toEqual({ requests: 1, windowMs: seconds * 1000 });
});

describe('refused:', () => {
  test.each([
    ['{"CreateKey": 5', 'it is not JSON'],
    ['\n\nnonsense\n', 'it is not JSON'],
    ['', 'it is not JSON'],
    ['[]', 'a JSON object is wanted'],
    ['null', 'a JSON object is wanted'],
    ['5', 'a JSON object is wanted'],
    ['{"CreateKeys": 5}', 'there is no quota "CreateKeys"'],
    ['{"line\\nbreak": 5}', 'there is no quota "line\\nbreak"'],
    ['{"__proto__": 5}', 'there is no quota "__proto__"'],
    ['{"constructor": 5}', 'there is no quota "constructor"'],
    ['{"CreateKey": "5"}', '"CreateKey" wants a rate, or rates by Region'],
    ['{"CreateKey": null}', '"CreateKey" wants a rate'],
    ['{"CreateKey": [5]}', '"CreateKey" wants a rate'],
    ['{"CreateKey": 0}', '"CreateKey" wants a rate'],
    ['{"CreateKey": -1}', '"CreateKey" wants a rate'],
    ['{"CreateKey": 1.5}', '"CreateKey" wants a rate'],
    ['{"CreateKey": 1e400}', '"CreateKey" wants a rate'],
    ['{"CreateKey": 1000001}', '"CreateKey" wants a rate'],
    ['{"CreateKey": 0.0001}', '"CreateKey" wants a rate'],
    ['{"CreateKey": {"default": "5"}}', '"CreateKey" wants a rate'],
    ['{"CreateKey": {"us-east-1": {}}}', '"CreateKey" wants a rate'],
    ['{"CreateKey": {"US East": 5}}', '"US East" is not a Region'],
    ['{"CreateKey": {"__proto__": 5}}', '"__proto__" is not a Region'],
  ])('%j', (text, why) => {
    expect(refusal(text)).toContain(`the request quotas of ${path} cannot be used: ${why}`);
  });

  test('a file that cannot be read', () => {
    for (const unreadable of [join(directory, 'missing.json'), directory]) {
      expect(() => readRequestQuotas(unreadable)).toThrow(/^cannot read the request quotas: E(NOENT|ISDIR)/);
    }
  });
});
