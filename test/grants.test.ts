import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  CreateGrantCommand,
  type CreateGrantCommandInput,
  DecryptCommand,
  DescribeKeyCommand,
  EncryptCommand,
  GenerateDataKeyCommand,
  GetKeyPolicyCommand,
  type KMSClient,
  ListGrantsCommand,
  ListRetirableGrantsCommand,
  ReEncryptCommand,
  RetireGrantCommand,
  RevokeGrantCommand,
} from '@aws-sdk/client-kms';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { encryptedUnder, expectRefusal, type NewKey, newKey, plaintext } from './support/kms.ts';
import { cleanUp, startServer, type TestServer } from './support/server.ts';

/** Two accounts of the sandbox, whose callers are their root users; what one may do with the other's keys takes a grant. */
const OWNER = '111122223333';
const GRANTEE = '444455556666';
const grantee = `arn:aws:iam::${GRANTEE}:root`;

let server: TestServer;
let owner: KMSClient;
let other: KMSClient;

beforeAll(async () => {
  server = await startServer({ args: ['--sandbox'], workers: 2 });
  const as = (accessKeyId: string) => server.kms({ credentials: { accessKeyId, secretAccessKey: 'anything' } });
  owner = as(OWNER);
  other = as(GRANTEE);
});

afterAll(() => cleanUp(server));

const OPERATIONS = ['Encrypt', 'Decrypt', 'GenerateDataKey', 'DescribeKey'] as const;

async function grant(key: NewKey, more: Partial<CreateGrantCommandInput> = {}) {
  const input = { KeyId: key.id, GranteePrincipal: grantee, Operations: [...OPERATIONS], ...more };
  const { GrantId, GrantToken } = await owner.send(new CreateGrantCommand(input));
  if (GrantId === undefined || GrantToken === undefined) throw new Error('CreateGrant answers with both');
  return { GrantId, GrantToken };
}

const encrypt = (key: NewKey, EncryptionContext?: Record<string, string>) =>
  other.send(new EncryptCommand({ KeyId: key.arn, Plaintext: plaintext, EncryptionContext }));

test('a grant lets another account do what it lists, at once, until it is revoked', async () => {
  const key = await newKey(owner);
  await expectRefusal(encrypt(key), 'AccessDeniedException');
  const { GrantId } = await grant(key);
  const { CiphertextBlob, KeyId } = await encrypt(key);
  expect(KeyId).toBe(key.arn);
  // Also of a ciphertext that alone names the key.
  expect(Buffer.from((await other.send(new DecryptCommand({ CiphertextBlob }))).Plaintext ?? [])).toEqual(plaintext);
  await other.send(new GenerateDataKeyCommand({ KeyId: key.arn, KeySpec: 'AES_256' }));
  expect((await other.send(new DescribeKeyCommand({ KeyId: key.arn }))).KeyMetadata?.Arn).toBe(key.arn);
  await expectRefusal(other.send(new GetKeyPolicyCommand({ KeyId: key.arn })), 'AccessDeniedException');
  const DestinationKeyId = (await newKey(other)).arn;
  const reEncrypt = other.send(new ReEncryptCommand({ CiphertextBlob, DestinationKeyId }));
  await expectRefusal(reEncrypt, 'AccessDeniedException');
  await owner.send(new RevokeGrantCommand({ KeyId: key.id, GrantId }));
  await expectRefusal(encrypt(key), 'AccessDeniedException');
  await expectRefusal(other.send(new DecryptCommand({ CiphertextBlob })), 'AccessDeniedException');
});

test('constraints bind the encryption context, and stay what they were said to be', async () => {
  const key = await newKey(owner);
  const EncryptionContextSubset = { Department: 'IT', constructor: 'x' };
  await grant(key, { Constraints: { EncryptionContextSubset } });
  await encrypt(key, { ...EncryptionContextSubset, more: 'z' });
  await expectRefusal(encrypt(key, { Department: 'IT' }), 'AccessDeniedException');
  await expectRefusal(encrypt(key), 'AccessDeniedException');
  const { Grants } = await owner.send(new ListGrantsCommand({ KeyId: key.arn }));
  expect(Grants).toMatchObject([{ Constraints: { EncryptionContextSubset } }]);
});

test('grant tokens: those of grants are taken, others are not', async () => {
  const key = await newKey(owner);
  const { GrantToken } = await grant(key);
  const withTokens = (...GrantTokens: string[]) =>
    other.send(new EncryptCommand({ KeyId: key.arn, Plaintext: plaintext, GrantTokens }));
  await withTokens(GrantToken, GrantToken);
  const changed = Buffer.from(GrantToken, 'base64');
  changed[changed.length - 1] = (changed.at(-1) as number) ^ 1;
  await expectRefusal(withTokens(GrantToken, changed.toString('base64')), 'InvalidGrantTokenException');
  await expectRefusal(other.send(new RetireGrantCommand({ GrantToken: 'made up' })), 'InvalidGrantTokenException');
});

test('a grantee who may make grants hands on no more than it has', async () => {
  const key = await newKey(owner);
  const EncryptionContextSubset = { tenant: '7' };
  await grant(key, { Operations: ['CreateGrant', 'Encrypt'], Constraints: { EncryptionContextSubset } });
  const child = (more: Partial<CreateGrantCommandInput>) =>
    other.send(
      new CreateGrantCommand({
        KeyId: key.arn,
        GranteePrincipal: `arn:aws:iam::${GRANTEE}:role/r`,
        Operations: ['Encrypt'],
        Constraints: { EncryptionContextSubset },
        ...more,
      }),
    );
  const { GrantId } = await child({ Name: 'child' });
  await child({ Constraints: { EncryptionContextEquals: { tenant: '7', more: 'x' } } });
  await expectRefusal(child({ Operations: ['Decrypt'] }), 'AccessDeniedException');
  await expectRefusal(child({ Constraints: {} }), 'AccessDeniedException');
  const { Grants } = await owner.send(new ListGrantsCommand({ KeyId: key.id, GrantId }));
  expect(Grants).toMatchObject([{ Name: 'child', IssuingAccount: grantee, KeyId: key.arn }]);
});

test('a grant is retired by those whom it names, and is then listed to nobody', async () => {
  const key = await newKey(owner);
  const { GrantId, GrantToken } = await grant(key, { RetiringPrincipal: grantee, Name: 'orders' });
  const again = await grant(key, { RetiringPrincipal: grantee, Name: 'orders' });
  expect(again.GrantId).toBe(GrantId);
  const retirable = async () => {
    const { Grants = [] } = await other.send(new ListRetirableGrantsCommand({ RetiringPrincipal: grantee }));
    return Grants.map((each) => each.GrantId);
  };
  expect(await retirable()).toContain(GrantId);
  await other.send(new RetireGrantCommand({ KeyId: key.arn, GrantId }));
  expect(await retirable()).not.toContain(GrantId);
  expect((await owner.send(new ListGrantsCommand({ KeyId: key.id }))).Grants).toEqual([]);
  await expectRefusal(encrypt(key), 'AccessDeniedException');
  for (const token of [GrantToken, again.GrantToken]) {
    await expectRefusal(owner.send(new RetireGrantCommand({ GrantToken: token })), 'NotFoundException');
  }
});

test('the audit trail shows grants as CloudTrail does, and never a token', async () => {
  const key = await newKey(owner);
  const Constraints = { EncryptionContextEquals: { Department: 'IT' } };
  const { GrantId, GrantToken } = await grant(key, { Name: 'audited', Constraints, RetiringPrincipal: grantee });
  await encryptedUnder(owner, key.id);
  await owner.send(new EncryptCommand({ KeyId: key.id, Plaintext: plaintext, GrantTokens: [GrantToken] }));
  await other.send(new RetireGrantCommand({ GrantToken }));
  const directory = join(server.dataDir, 'audit');
  const text = readdirSync(directory)
    .map((file) => readFileSync(join(directory, file), 'utf8'))
    .join('');
  expect(text).not.toContain(GrantToken);
  const records = text
    .split('\n')
    .filter((line) => line.includes(GrantId) && line.includes('Grant"'))
    .map((line) => JSON.parse(line).record);
  const resources = [{ accountId: OWNER, type: 'AWS::KMS::Key', ARN: key.arn }];
  expect(records.find(({ eventName }) => eventName === 'CreateGrant')).toMatchObject({
    requestParameters: {
      keyId: key.id,
      granteePrincipal: grantee,
      retiringPrincipal: grantee,
      operations: OPERATIONS,
      constraints: { encryptionContextEquals: { Department: 'IT' } },
      name: 'audited',
    },
    responseElements: { grantId: GrantId, keyId: key.arn },
    resources,
  });
  expect(records.find(({ eventName }) => eventName === 'RetireGrant')).toMatchObject({
    responseElements: null,
    additionalEventData: { grantId: GrantId },
    resources,
  });
});
