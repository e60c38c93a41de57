import {
  CreateGrantCommand,
  type CreateGrantCommandInput,
  CreateKeyCommand,
  EncryptCommand,
  GenerateMacCommand,
  GetPublicKeyCommand,
  type KMSClient,
  ListGrantsCommand,
  SignCommand,
} from '@aws-sdk/client-kms';
import { expect, test } from 'vitest';
import { grantOperations } from '../../src/keys/grant.ts';
import { kmsOperations } from '../../src/services/kms/index.ts';
import type { Target } from '../../src/services/operation.ts';
import { expectRefusal, newKey, plaintext } from '../support/kms.ts';
import { expectEveryDocumentedException, rootOf, testOperation } from '../support/operation-suite.ts';
import { FOREIGNER, sandboxOfThisFile } from '../support/sandbox.ts';

const sandbox = sandboxOfThisFile();
const GranteePrincipal = rootOf(FOREIGNER);

testOperation(sandbox, {
  name: 'CreateGrant',
  send: (kms: KMSClient, input: CreateGrantCommandInput) => kms.send(new CreateGrantCommand(input)),
  request: ({ key }) => ({ KeyId: key.id, GranteePrincipal, Operations: ['Encrypt' as const] }),
  key: { namedBy: { member: 'KeyId', accepts: 'key' }, crossAccount: true },
  unchangedByDryRun: async ({ kms, key }) => (await kms.send(new ListGrantsCommand({ KeyId: key.id }))).Grants,
});

test('gives the grant an id and a token, with which the grantee does at once what it lists', async () => {
  const { id: KeyId, arn } = await newKey(sandbox.kms);
  const encrypt = (GrantTokens: string[] = []) =>
    sandbox.as(FOREIGNER).send(new EncryptCommand({ KeyId: arn, Plaintext: plaintext, GrantTokens }));
  await expectRefusal(encrypt(), 'AccessDeniedException');
  const input = { KeyId, GranteePrincipal, Operations: ['Encrypt' as const] };
  const { $metadata: _, GrantId, GrantToken = '', ...rest } = await sandbox.kms.send(new CreateGrantCommand(input));
  expect(rest).toEqual({});
  expect(GrantId).toMatch(/^[0-9a-f]{64}$/);
  await encrypt();
  await encrypt([GrantToken]);
});

test('makes grants for keys of every kind', async () => {
  const foreigner = sandbox.as(FOREIGNER);
  const make = async (KeySpec: 'ECC_NIST_P256' | 'HMAC_256', KeyUsage: 'SIGN_VERIFY' | 'GENERATE_VERIFY_MAC') =>
    (await sandbox.kms.send(new CreateKeyCommand({ KeySpec, KeyUsage }))).KeyMetadata?.Arn ?? '';
  const signing = await make('ECC_NIST_P256', 'SIGN_VERIFY');
  const mac = await make('HMAC_256', 'GENERATE_VERIFY_MAC');
  const used = {
    Sign: () =>
      foreigner.send(new SignCommand({ KeyId: signing, Message: plaintext, SigningAlgorithm: 'ECDSA_SHA_256' })),
    GetPublicKey: () => foreigner.send(new GetPublicKeyCommand({ KeyId: signing })),
    GenerateMac: () =>
      foreigner.send(new GenerateMacCommand({ KeyId: mac, Message: plaintext, MacAlgorithm: 'HMAC_SHA_256' })),
  };
  for (const [operation, use] of Object.entries(used) as [keyof typeof used, () => Promise<unknown>][]) {
    await expectRefusal(use(), 'AccessDeniedException');
    const KeyId = operation === 'GenerateMac' ? mac : signing;
    await sandbox.kms.send(new CreateGrantCommand({ KeyId, GranteePrincipal, Operations: [operation] }));
    await use();
  }
});

test('makes the same named grant once, and gives another token for it', async () => {
  const { id: KeyId } = await newKey(sandbox.kms);
  const create = (more: Partial<CreateGrantCommandInput> = {}) =>
    sandbox.kms.send(
      new CreateGrantCommand({ KeyId, GranteePrincipal, Operations: ['Encrypt'], Name: 'orders', ...more }),
    );
  const [one, two, other] = [await create(), await create(), await create({ Operations: ['Decrypt'] })];
  expect(two.GrantId).toBe(one.GrantId);
  expect(two.GrantToken).not.toBe(one.GrantToken);
  expect(other.GrantId).not.toBe(one.GrantId);
  const unnamed = { Name: undefined };
  expect((await create(unnamed)).GrantId).not.toBe((await create(unnamed)).GrantId);
  expect((await sandbox.kms.send(new ListGrantsCommand({ KeyId }))).Grants).toHaveLength(4);
});

const service = 's3.amazonaws.com';
const context = { EncryptionContextSubset: { Department: 'IT' } };
const refused: [string, Partial<CreateGrantCommandInput>, name: string, string | RegExp][] = [
  [
    'a grantee that can be none',
    { GranteePrincipal: 'arn:aws:iam::444455556666:group/g' },
    'InvalidArnException',
    'ARN does not refer to a valid principal: arn:aws:iam::444455556666:group/g',
  ],
  [
    'a retiring principal that can be none',
    { RetiringPrincipal: 'bob' },
    'InvalidArnException',
    'ARN does not refer to a valid principal: bob',
  ],
  ['no grantee', { GranteePrincipal: undefined }, 'ValidationException', /null at 'granteePrincipal'/],
  ['a grantee with spaces', { GranteePrincipal: 'a b' }, 'ValidationException', /'granteePrincipal'.*regular expr/],
  ['two grantees', { GranteeServicePrincipal: service }, 'ValidationException', /but not both/],
  ['no operations', { Operations: [] }, 'ValidationException', /at 'operations' failed/],
  ['only CreateGrant', { Operations: ['CreateGrant'] }, 'ValidationException', /must not contain only the CreateGrant/],
  ['an operation of other keys', { Operations: ['Sign'] }, 'ValidationException', /\[Sign\]/],
  ['an operation that is none', { Operations: ['Nothing' as never] }, 'ValidationException', /enum value set/],
  ['a name with spaces', { Name: 'a b' }, 'ValidationException', /'name'.*regular expression/],
  ['a name too long', { Name: 'x'.repeat(257) }, 'ValidationException', /'name'.*less than or equal to 256/],
  [
    'two demands for a context',
    { Constraints: { ...context, EncryptionContextEquals: { Department: 'IT' } } },
    'ValidationException',
    /^More than one constraint supplied$/,
  ],
  [
    'a demand for too long a context',
    { Constraints: { EncryptionContextEquals: { Department: 'x'.repeat(384) } } },
    'ValidationException',
    /384 characters/,
  ],
];

test.each(refused)('refuses %s, and makes nothing', async (_, more, name, message) => {
  const { id: KeyId } = await newKey(sandbox.kms);
  const input: CreateGrantCommandInput = { KeyId, GranteePrincipal, Operations: ['Encrypt'], ...more };
  await expectRefusal(sandbox.kms.send(new CreateGrantCommand(input)), name, message);
  expect((await sandbox.kms.send(new ListGrantsCommand({ KeyId }))).Grants).toEqual([]);
});

test('demands no context of a key that has none', async () => {
  const { id: KeyId } = await newKey(sandbox.kms, { KeySpec: 'HMAC_256', KeyUsage: 'GENERATE_VERIFY_MAC' });
  const input: CreateGrantCommandInput = { KeyId, GranteePrincipal, Operations: ['GenerateMac'] };
  await expectRefusal(
    sandbox.kms.send(new CreateGrantCommand({ ...input, Constraints: context })),
    'ValidationException',
  );
  await sandbox.kms.send(new CreateGrantCommand(input));
});

test('every operation that a grant can list asks for grants', () => {
  const asking = [...kmsOperations.values()]
    .flatMap((operation) => Object.values(operation.targets) as Target<unknown, unknown, unknown>[])
    .filter(({ grantAllows }) => grantAllows !== undefined)
    .map(({ permission }) => permission);
  for (const operation of grantOperations) expect(asking).toContain(`kms:${operation}`);
});

expectEveryDocumentedException(sandbox, 'CreateGrant', {
  LimitExceededException: 'it takes 50,000 grants: src/services/kms/grants.test.ts counts them',
});
