import {
  CreateAliasCommand,
  DescribeKeyCommand,
  type DescribeKeyCommandInput,
  EncryptCommand,
  GenerateDataKeyCommand,
  type KMSClient,
  ListKeysCommand,
} from '@aws-sdk/client-kms';
import { expect, test } from 'vitest';
import { expectRefusal, newKey, plaintext } from '../support/kms.ts';
import { expectEveryDocumentedException, testOperation } from '../support/operation-suite.ts';
import { OTHER_REGION, OWNER, REGION, sandboxOfThisFile } from '../support/sandbox.ts';

const sandbox = sandboxOfThisFile();

testOperation(sandbox, {
  name: 'DescribeKey',
  send: (kms: KMSClient, input: DescribeKeyCommandInput) => kms.send(new DescribeKeyCommand(input)),
  request: ({ key }) => ({ KeyId: key.id }),
  key: {
    namedBy: { member: 'KeyId', accepts: 'key or alias' },
    crossAccount: true,
    arnIn: ({ KeyMetadata }) => KeyMetadata?.Arn,
  },
});

test('sees no key of another Region', async () => {
  const elsewhere = sandbox.as(OWNER, OTHER_REGION);
  const describe = async (KeyId: string) => (await elsewhere.send(new DescribeKeyCommand({ KeyId }))).KeyMetadata;
  const key = await newKey(sandbox.kms);
  await sandbox.kms.send(new CreateAliasCommand({ AliasName: 'alias/here', TargetKeyId: key.id }));
  await expectRefusal(
    describe(key.id),
    'NotFoundException',
    `Key 'arn:aws:kms:${OTHER_REGION}:${OWNER}:key/${key.id}' does not exist`,
  );
  await expectRefusal(describe(key.arn), 'NotFoundException', `Invalid arn ${REGION}`);
  await expectRefusal(describe('alias/here'), 'NotFoundException');
  const there = await newKey(elsewhere);
  expect(there.arn).toBe(`arn:aws:kms:${OTHER_REGION}:${OWNER}:key/${there.id}`);
  expect((await describe(there.arn))?.KeyId).toBe(there.id);
});

test('makes the AWS managed key of a predefined alias, and no other operation does', async () => {
  const region = sandbox.newRegion();
  const kms = sandbox.as(OWNER, region);
  const arnOf = (resource: string) => `arn:aws:kms:${region}:${OWNER}:${resource}`;
  const notFound = (name: string): [string, string] => ['NotFoundException', `Alias ${arnOf(name)} is not found.`];
  for (const name of ['alias/aws/xyz', 'alias/aws/S3', 'alias/aws/constructor']) {
    await expectRefusal(kms.send(new DescribeKeyCommand({ KeyId: name })), ...notFound(name));
  }
  const KeyId = 'alias/aws/s3';
  await expectRefusal(kms.send(new EncryptCommand({ KeyId, Plaintext: plaintext })), ...notFound(KeyId));
  await expectRefusal(kms.send(new GenerateDataKeyCommand({ KeyId, KeySpec: 'AES_256' })), ...notFound(KeyId));
  expect((await kms.send(new ListKeysCommand({}))).Keys).toEqual([]);

  const { KeyMetadata: made } = await kms.send(new DescribeKeyCommand({ KeyId }));
  expect(made).toMatchObject({
    AWSAccountId: OWNER,
    Arn: arnOf(`key/${made?.KeyId}`),
    Enabled: true,
    KeyManager: 'AWS',
    KeyState: 'Enabled',
    KeyUsage: 'ENCRYPT_DECRYPT',
    KeySpec: 'SYMMETRIC_DEFAULT',
    Origin: 'AWS_KMS',
    MultiRegion: false,
  });
  for (const reference of [KeyId, arnOf(KeyId), made?.KeyId, made?.Arn]) {
    expect((await kms.send(new DescribeKeyCommand({ KeyId: reference }))).KeyMetadata).toEqual(made);
  }
  expect((await kms.send(new ListKeysCommand({}))).Keys).toEqual([{ KeyId: made?.KeyId, KeyArn: made?.Arn }]);
});

expectEveryDocumentedException(sandbox, 'DescribeKey', {
  InvalidArnException: 'an ARN that cannot be one is told in the same words as a key id that cannot be one',
});
