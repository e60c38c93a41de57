import { describe, expect, test } from 'vitest';
import type { KeyholdError } from '../../runtime/errors.ts';
import { holdsSecrets, readSeed } from './seed-file.ts';

/** Reads what stands in these lines. */
function read(lines: readonly string[], sandbox = false) {
  return readSeed('seed.yaml', lines.join('\n'), sandbox);
}

function refusal(lines: readonly string[], sandbox = false): string {
  try {
    read(lines, sandbox);
  } catch (error) {
    expect(error).toMatchObject({ code: 'StartupRefused' });
    return (error as KeyholdError).message;
  }
  throw new Error('it was not refused');
}

/** An account with more in it. */
function account(...lines: readonly string[]): string[] {
  return ['accounts:', '  - id: "111122223333"', ...lines.map((line) => `    ${line}`)];
}

const KEY_ID = '1234abcd-12ab-34cd-56ef-1234567890ab';
const MATERIAL = Buffer.alloc(32, 7).toString('base64');
const SECRET = 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY';

describe('reads', () => {
  test('nothing, where nothing is declared', () => {
    expect(read(['accounts: []']).accounts).toEqual([]);
    expect(read(['accounts:']).accounts).toEqual([]);
  });

  test('account ids as they are written, with or without quotes', () => {
    const ids = read(['accounts:', '  - id: 000000000012', '  - id: "111122223333"']).accounts.map(({ id }) => id);
    expect(ids).toEqual(['000000000012', '111122223333']);
  });

  test('policies written as YAML, and as JSON in a text', () => {
    const [written] = read(
      account(
        'groups:',
        '  - name: g',
        '    policies:',
        '      a: { Version: 2012-10-17, Statement: [{ Effect: Allow, Action: "*", Resource: "*" }] }',
        `      b: '{ "Version": "2012-10-17", "Statement": { "Effect": "Deny", "Action": "*", "Resource": "*" } }'`,
      ),
    ).accounts;
    expect(written?.groups[0]?.policies).toEqual([
      { name: 'a', value: '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}' },
      {
        name: 'b',
        value: '{ "Version": "2012-10-17", "Statement": { "Effect": "Deny", "Action": "*", "Resource": "*" } }',
      },
    ]);
  });

  test('what is written once and used again', () => {
    const [written] = read(
      account(
        'groups:',
        '  - name: g',
        '    policies:',
        '      a: &all { Version: 2012-10-17, Statement: [{ Effect: Allow, Action: "*", Resource: "*" }] }',
        '      b: *all',
      ),
    ).accounts;
    const [a, b] = written?.groups[0]?.policies ?? [];
    expect(b?.value).toBe(a?.value);
  });

  test('an OpenID provider on this machine, which needs no https', () => {
    const [written] = read(account('oidcProviders:', '  - url: http://localhost:9000')).accounts;
    expect(written?.oidcProviders[0]?.url).toBe('http://localhost:9000');
  });

  test('names that JavaScript has a meaning for as names like any other', () => {
    const [written] = read(
      account('users:', '  - name: constructor', '    tags: { __proto__: x, constructor: y }'),
    ).accounts;
    expect(written?.users[0]?.tags).toEqual([
      { name: '__proto__', value: 'x' },
      { name: 'constructor', value: 'y' },
    ]);
    expect(refusal(['accounts: []', '__proto__: {}'])).toBe(
      'seed.yaml:2:1: __proto__: is not known here, where there can be accounts',
    );
  });

  test('what only its owner should read, by what is in it', () => {
    const accessKey = ['users:', '  - name: u', `    accessKeys: [{ id: AKIAIOSFODNN7EXAMPLE, secret: ${SECRET} }]`];
    expect(holdsSecrets(read(account(...accessKey)))).toBe(true);
    const key = ['keys:', `  - id: ${KEY_ID}`];
    expect(holdsSecrets(read(account(...key)))).toBe(false);
    expect(holdsSecrets(read(account(...key, `    material: ${MATERIAL}`), true))).toBe(true);
  });
});

describe('says where it is wrong:', () => {
  test.each([
    [['accounts: {'], /^seed\.yaml:1:12: is not YAML: /],
    [['accounts: []', 'accounts: []'], /^seed\.yaml:2:1: is not YAML: Map keys must be unique/],
    [['accounts: []', '---', 'accounts: []'], /^seed\.yaml:2:1: is not YAML: /],
    [['accounts: !secret x'], /^seed\.yaml:1:11: is not YAML: Unresolved tag/],
    [['accounts: *nothing'], 'seed.yaml:1:1: accounts: there is no anchor &nothing before it'],
    [[''], 'seed.yaml:1:1: must be a mapping of names to values'],
    [['- x'], 'seed.yaml:1:1: must be a mapping of names to values'],
    [['account: []'], 'seed.yaml:1:1: account: is not known here, where there can be accounts'],
    [['accounts: 3'], 'seed.yaml:1:1: accounts: must be a list'],
    [['accounts:', '  - name: x'], 'seed.yaml:2:5: accounts[0]: id is missing'],
    [['accounts:', '  - id: 12'], /^seed\.yaml:2:5: accounts\[0\]\.id: Value "12" failed to satisfy constraint: /],
    [
      ['accounts:', '  - id: 111122223333', '  - id: 111122223333'],
      'seed.yaml:3:5: accounts[1]: "111122223333" is there twice',
    ],
    [account('name: [x]'), 'seed.yaml:3:5: accounts[0].name: must be a single value'],
    [account('name: true'), 'seed.yaml:3:5: accounts[0].name: must be a text'],
    [
      account('users:', '  - name: "a b"'),
      /^seed\.yaml:4:9: accounts\[0\]\.users\[0\]\.name: Value "a b" failed to satisfy constraint: Member must satisfy regular expression pattern: /,
    ],
    [account('users:', '  - name: a', '  - name: A'), 'seed.yaml:5:9: accounts[0].users[1]: "a" is there twice'],
    [
      account('users:', '  - name: a', '    path: a'),
      /^seed\.yaml:5:9: accounts\[0\]\.users\[0\]\.path: Value "a" failed/,
    ],
    [
      account('users:', '  - name: a', '    policies:', '      p: { Statement: [] }'),
      /^seed\.yaml:6:11: accounts\[0\]\.users\[0\]\.policies\.p: MalformedPolicyDocumentException: /,
    ],
    [
      account('users:', '  - name: a', '    policies:', '      p: 17'),
      'seed.yaml:6:11: accounts[0].users[0].policies.p: must be a policy, written as YAML or as JSON in a text',
    ],
    [
      account('users:', '  - name: a', '    policies:', '      p: &p { Statement: *p }'),
      'seed.yaml:6:11: accounts[0].users[0].policies.p: repeats too much of the file, or itself, or what is not there',
    ],
    [account('roles:', '  - name: r'), 'seed.yaml:4:9: accounts[0].roles[0]: trustPolicy is missing'],
    [
      account('roles:', '  - name: r', '    maxSessionDuration: 60', '    trustPolicy: x'),
      /^seed\.yaml:6:9: accounts\[0\]\.roles\[0\]\.trustPolicy: MalformedPolicyDocumentException: |^seed\.yaml:5:9: /,
    ],
    [
      account('oidcProviders:', '  - url: http://idp.example'),
      /^seed\.yaml:4:9: accounts\[0\]\.oidcProviders\[0\]\.url: InvalidInputException: .* must begin with https/,
    ],
    [
      account('oidcProviders:', '  - url: https://idp.example', '  - url: https://idp.example'),
      'seed.yaml:5:9: accounts[0].oidcProviders[1]: "idp.example" is there twice',
    ],
    [
      account('oidcProviders:', '  - url: https://idp.example:8443'),
      'seed.yaml:4:9: accounts[0].oidcProviders[0].url: InvalidInputException: Invalid Open ID Connect Provider URL.',
    ],
    [account('keys:', '  - id: x'), /^seed\.yaml:4:9: accounts\[0\]\.keys\[0\]\.id: Value "x" failed/],
    [
      account('keys:', `  - id: ${KEY_ID}`, '    spec: AES'),
      /^seed\.yaml:5:9: accounts\[0\]\.keys\[0\]\.spec: Value "AES" failed to satisfy constraint: Member must satisfy enum value set: /,
    ],
    [
      account('keys:', `  - id: ${KEY_ID}`, '    spec: HMAC_256'),
      /^seed\.yaml:4:9: accounts\[0\]\.keys\[0\]: ValidationException: You must specify a KeyUsage value/,
    ],
    [
      account('keys:', `  - id: ${KEY_ID}`, '    rotation: true'),
      'seed.yaml:5:9: accounts[0].keys[0].rotation: must be a whole number',
    ],
    [
      account('keys:', `  - id: ${KEY_ID}`, '    rotation: 3'),
      /^seed\.yaml:5:9: accounts\[0\]\.keys\[0\]\.rotation: Value 3 failed to satisfy constraint: /,
    ],
    [
      account('keys:', `  - id: ${KEY_ID}`, '    aliases: [alias/aws/x]'),
      'seed.yaml:4:9: accounts[0].keys[0]: NotAuthorizedException',
    ],
    [
      account('keys:', `  - id: ${KEY_ID}`, '    tags: { "aws:x": y }'),
      'seed.yaml:4:9: accounts[0].keys[0]: TagException: Tags beginning with aws: are reserved',
    ],
    [
      account('keys:', `  - id: ${KEY_ID}`, '    grants:', '      - name: g', '        operations: [Decrypt]'),
      /^seed\.yaml:6:13: accounts\[0\]\.keys\[0\]\.grants\[0\]: ValidationException: /,
    ],
    [
      account('keys:', `  - id: ${KEY_ID}`, `  - id: ${KEY_ID}`),
      `seed.yaml:5:9: accounts[0].keys[1]: "us-east-1/${KEY_ID}" is there twice`,
    ],
    [
      [...account('keys:', `  - id: ${KEY_ID}`), '  - id: "444455556666"', `    keys: [{ id: ${KEY_ID} }]`],
      `seed.yaml:6:12: accounts[1].keys[0]: the key id ${KEY_ID} is there twice`,
    ],
    [
      account('keys:', `  - id: ${KEY_ID}`, `    material: ${MATERIAL}`),
      'seed.yaml:4:9: accounts[0].keys[0]: material is for the sandbox only: elsewhere a key makes its own, or imports it',
    ],
  ])('%j', (lines, message) => {
    if (typeof message === 'string') expect(refusal(lines)).toBe(message);
    else expect(refusal(lines)).toMatch(message);
    expect(refusal(lines)).not.toContain('\n');
  });

  test('material of another length than its spec has', () => {
    const short = Buffer.alloc(31).toString('base64');
    expect(refusal(account('keys:', `  - id: ${KEY_ID}`, `    material: ${short}`), true)).toBe(
      'seed.yaml:4:9: accounts[0].keys[0]: material of SYMMETRIC_DEFAULT has 32 bytes, not 31',
    );
  });

  test('a multi-Region key id in two Regions, whose keys would not be related', () => {
    const id = `mrk-${'ab'.repeat(16)}`;
    const lines = account('keys:', `  - id: ${id}`, `  - { id: ${id}, region: eu-west-1 }`);
    expect(refusal(lines)).toBe(`seed.yaml:5:9: accounts[0].keys[1]: the multi-Region key id ${id} is there twice`);
  });

  test('a file that is too large, without reading it', () => {
    expect(refusal([`accounts: [] #${'x'.repeat(4 * 1024 * 1024)}`])).toBe('seed.yaml is larger than 4194304 bytes');
  });
});

describe('shows no secret in what it says', () => {
  const unfit = 'not-a-secret-but-nearly-one';

  test.each([
    [account('users:', '  - name: u', `    accessKeys: [{ id: AKIAIOSFODNN7EXAMPLE, secret: ${unfit} }]`)],
    [account('keys:', `  - id: ${KEY_ID}`, `    material: "${unfit}"`)],
    [account('users:', '  - name: u', `    accessKeys: [{ id: x, secret: "${unfit}" "${unfit}" }]`)],
    [account('users:', '  - name: u', '    accessKeys:', `      - secret: ${unfit}: ${unfit}`)],
  ])('%j', (lines) => {
    expect(refusal(lines, true)).not.toContain(unfit);
  });
});

test('a file in which a few bytes stand for much, again and again, is refused before all of it is read', () => {
  const tags = Array.from({ length: 500 }, (_, n) => `t${n}: x`).join(', ');
  const users = Array.from(
    { length: 50 },
    (_, n) => `{ name: u${n}, tags: ${n === 0 ? `&tags { ${tags} }` : '*tags'} }`,
  );
  const accounts = Array.from({ length: 500 }, (_, n) => {
    const id = String(n).padStart(12, '0');
    return `  - { id: "${id}", users: ${n === 0 ? `&users [${users.join(', ')}]` : '*users'} }`;
  });
  expect(refusal(['accounts:', ...accounts])).toMatch(/accounts\[39\].*: the file has more than 1000000 entries$/);
});

test('a policy that stands for gigabytes is refused', () => {
  const levels = Array.from({ length: 12 }, (_, level) => {
    const below = level === 0 ? 'x' : `*l${level - 1}`;
    return `      l${level}: &l${level} [${Array.from({ length: 10 }, () => below).join(', ')}]`;
  });
  const lines = account('users:', '  - name: u', '    policies:', '      p:');
  const policy = levels.map((line) => `      ${line}`);
  expect(refusal([...lines, ...policy])).toContain('repeats too much of the file, or itself');
});
