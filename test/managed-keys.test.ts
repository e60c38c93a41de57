import { join } from 'node:path';
import {
  CreateAliasCommand,
  DeleteAliasCommand,
  DescribeKeyCommand,
  GetKeyPolicyCommand,
  GetKeyRotationStatusCommand,
  type KMSClient,
  ListKeysCommand,
  ListResourceTagsCommand,
  UpdateAliasCommand,
} from '@aws-sdk/client-kms';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { AuditRecord } from '../src/audit/record.ts';
import { verifyAuditDirectory } from '../src/audit/verify.ts';
import { expectRefusal, newKey } from './support/kms.ts';
import { cleanUp, startServer, type TestServer } from './support/server.ts';

let server: TestServer;
let kms: KMSClient;

beforeAll(async () => {
  server = await startServer({ workers: 2 });
  kms = server.kms();
});

afterAll(() => cleanUp(server));

async function describeKey(KeyId: string, client = kms) {
  const { KeyMetadata } = await client.send(new DescribeKeyCommand({ KeyId }));
  if (KeyMetadata?.Arn === undefined || KeyMetadata.KeyId === undefined) throw new Error('DescribeKey describes a key');
  return { ...KeyMetadata, Arn: KeyMetadata.Arn, KeyId: KeyMetadata.KeyId };
}

async function auditRecords(): Promise<AuditRecord[]> {
  const records: AuditRecord[] = [];
  const verdicts = await verifyAuditDirectory(join(server.dataDir, 'audit'), (record) => records.push(record));
  expect(verdicts.map(({ problem }) => problem)).toEqual([undefined, undefined]);
  return records;
}

test('DescribeKey makes the AWS managed key of a predefined alias, once for all workers', async () => {
  const region = 'eu-central-1';
  const clients = Array.from({ length: 8 }, () => server.kms({ region }));
  const described = await Promise.all(clients.map((client) => describeKey('alias/aws/secretsmanager', client)));
  const [made, ...others] = described;
  for (const other of others) expect(other).toEqual(made);
  expect(made).toMatchObject({
    AWSAccountId: server.accountId,
    Arn: `arn:aws:kms:${region}:${server.accountId}:key/${made?.KeyId}`,
    Description: 'Default key that protects my Secrets Manager data when no other key is defined',
    Enabled: true,
    KeyManager: 'AWS',
    KeyState: 'Enabled',
    KeyUsage: 'ENCRYPT_DECRYPT',
    KeySpec: 'SYMMETRIC_DEFAULT',
    Origin: 'AWS_KMS',
    MultiRegion: false,
  });
  const [client] = clients as [KMSClient];
  const { Keys } = await client.send(new ListKeysCommand({}));
  expect(Keys).toEqual([{ KeyId: made?.KeyId, KeyArn: made?.Arn }]);

  const creations = (await auditRecords()).filter(
    (record) => record.eventName === 'CreateKey' && record.awsRegion === region,
  );
  expect(creations).toEqual([
    expect.objectContaining({
      userIdentity: {
        type: 'AWSService',
        accountId: server.accountId,
        invokedBy: 'secretsmanager.amazonaws.com',
      },
      resources: [{ accountId: server.accountId, type: 'AWS::KMS::Key', ARN: made?.Arn }],
    }),
  ]);
});

describe('an AWS managed key', () => {
  let key: { KeyId: string; Arn: string };

  beforeAll(async () => {
    key = await describeKey('alias/aws/ebs');
  });

  test('shows its policy, its tags and that it is rotated every year', async () => {
    const rotation = await kms.send(new GetKeyRotationStatusCommand({ KeyId: key.KeyId }));
    expect(rotation).toMatchObject({ KeyRotationEnabled: true, RotationPeriodInDays: 365 });
    const { Policy } = await kms.send(new GetKeyPolicyCommand({ KeyId: key.KeyId }));
    const [use, look] = JSON.parse(Policy ?? '').Statement;
    expect(use.Condition.StringEquals).toEqual({
      'kms:CallerAccount': server.accountId,
      'kms:ViaService': 'ec2.us-east-1.amazonaws.com',
    });
    expect(look.Principal).toEqual({ AWS: `arn:aws:iam::${server.accountId}:root` });
    expect((await kms.send(new ListResourceTagsCommand({ KeyId: key.KeyId }))).Tags).toEqual([]);
  });

  test('cannot be given another alias, nor its alias to another key', async () => {
    const own = await newKey(kms);
    const AliasName = 'alias/aws/ebs';
    await kms.send(new CreateAliasCommand({ AliasName: 'alias/own', TargetKeyId: own.id }));
    const moved = kms.send(new UpdateAliasCommand({ AliasName: 'alias/own', TargetKeyId: key.KeyId }));
    await expectRefusal(moved, 'AccessDeniedException');
    const taken = kms.send(new UpdateAliasCommand({ AliasName, TargetKeyId: own.id }));
    await expectRefusal(taken, 'NotAuthorizedException');
    await expectRefusal(kms.send(new DeleteAliasCommand({ AliasName })), 'NotAuthorizedException');
    expect((await describeKey(AliasName)).KeyId).toBe(key.KeyId);
  });
});

test('it is the same key after a restart', async () => {
  const before = await describeKey('alias/aws/s3');
  await server.stop();
  server = await startServer({ dataDir: server.dataDir, workers: 2 });
  kms = server.kms();
  expect(await describeKey('alias/aws/s3')).toEqual(before);
});
