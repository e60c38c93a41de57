import { setTimeout } from 'node:timers/promises';
import {
  CreateAliasCommand,
  CreateKeyCommand,
  type CreateKeyCommandInput,
  DecryptCommand,
  DescribeKeyCommand,
  EncryptCommand,
  GenerateMacCommand,
  GetKeyLastUsageCommand,
  type GetKeyLastUsageCommandOutput,
  GetPublicKeyCommand,
  type KMSClient,
  SignCommand,
  VerifyCommand,
} from '@aws-sdk/client-kms';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { auditRecordsOf } from './support/audit.ts';
import { encryptedUnder, expectRefusal, newKey, noSuchKeyId, plaintext } from './support/kms.ts';
import { pinnedClient } from './support/pinned-client.ts';
import { cleanUp, startServer, type TestServer } from './support/server.ts';

let server: TestServer;
let kms: KMSClient;

beforeEach(async () => {
  server = await startServer({ workers: 2 });
  kms = server.kms();
});

afterEach(() => cleanUp(server));

const lastUsage = async (client: KMSClient, KeyId: string) => {
  const { $metadata, ...answer } = await client.send(new GetKeyLastUsageCommand({ KeyId }));
  return answer;
};

type Answer = Omit<GetKeyLastUsageCommandOutput, '$metadata'>;

async function until(ask: () => Promise<Answer>, fits: (answer: Answer) => boolean): Promise<Answer> {
  for (;;) {
    const answer = await ask();
    if (fits(answer)) return answer;
    await setTimeout(50);
  }
}

test('a key that was never used has been tracked since it was made, and has no usage', async () => {
  const { id, arn } = await newKey(kms);
  const { KeyMetadata } = await kms.send(new DescribeKeyCommand({ KeyId: id }));
  const expected = {
    KeyId: id,
    KeyLastUsage: {},
    KeyCreationDate: KeyMetadata?.CreationDate,
    TrackingStartDate: KeyMetadata?.CreationDate,
  };
  expect(await lastUsage(kms, id)).toEqual(expected);
  expect(await lastUsage(kms, arn)).toEqual(expected);
});

test('a usage is told with the ids of its request and of its audit record, soon by every worker', async () => {
  const { id } = await newKey(kms);
  const [one, other] = [(await pinnedClient(server, 0)).kms, (await pinnedClient(server, 1)).kms];
  const CiphertextBlob = await encryptedUnder(one, id);
  const { $metadata } = await one.send(new DecryptCommand({ CiphertextBlob }));
  const own = await lastUsage(one, id);
  const record = (await auditRecordsOf(server)).find(({ requestID }) => requestID === $metadata.requestId);
  expect(own.KeyLastUsage).toMatchObject({
    Operation: 'Decrypt',
    KmsRequestId: $metadata.requestId,
    CloudTrailEventId: record?.eventID,
  });
  expect(Math.floor((own.KeyLastUsage?.Timestamp?.getTime() ?? 0) / 1000) * 1000).toBe(
    Date.parse(record?.eventTime ?? ''),
  );
  const others = await until(
    () => lastUsage(other, id),
    ({ KeyLastUsage }) => KeyLastUsage?.Operation !== undefined,
  );
  expect(others).toEqual(own);
});

test('keys of every kind are used, and last by the operation that was last', async () => {
  const create = async (input: CreateKeyCommandInput) => ({
    id: (await kms.send(new CreateKeyCommand(input))).KeyMetadata?.KeyId ?? '',
  });
  const signing = await create({ KeySpec: 'ECC_NIST_P256', KeyUsage: 'SIGN_VERIFY' });
  const SigningAlgorithm = 'ECDSA_SHA_256';
  const { Signature } = await kms.send(new SignCommand({ KeyId: signing.id, Message: plaintext, SigningAlgorithm }));
  const mac = await create({ KeySpec: 'HMAC_256', KeyUsage: 'GENERATE_VERIFY_MAC' });
  await kms.send(new GenerateMacCommand({ KeyId: mac.id, Message: plaintext, MacAlgorithm: 'HMAC_SHA_256' }));
  const becomes = (KeyId: string, operation: string) =>
    until(
      () => lastUsage(kms, KeyId),
      ({ KeyLastUsage }) => KeyLastUsage?.Operation === operation,
    );
  await becomes(signing.id, 'Sign');
  await becomes(mac.id, 'GenerateMac');
  await kms.send(new VerifyCommand({ KeyId: signing.id, Message: plaintext, Signature, SigningAlgorithm }));
  await becomes(signing.id, 'Verify');
  // A public key may be looked at without being used.
  await kms.send(new GetPublicKeyCommand({ KeyId: signing.id }));
  await becomes(signing.id, 'Verify');
});

test('a use that was refused, or was only a dry run, is none', async () => {
  const { id } = await newKey(kms);
  await expectRefusal(
    kms.send(new EncryptCommand({ KeyId: id, Plaintext: plaintext, DryRun: true })),
    'DryRunOperationException',
  );
  await expectRefusal(
    kms.send(new DecryptCommand({ KeyId: id, CiphertextBlob: plaintext })),
    'InvalidCiphertextException',
  );
  expect((await lastUsage(kms, id)).KeyLastUsage).toEqual({});
});

test('a key is named by its id or ARN, and by nothing else', async () => {
  const { id } = await newKey(kms);
  await kms.send(new CreateAliasCommand({ AliasName: 'alias/used', TargetKeyId: id }));
  const refused = (KeyId: string) => kms.send(new GetKeyLastUsageCommand({ KeyId }));
  await expectRefusal(
    refused('alias/used'),
    'InvalidArnException',
    'Key Aliases are not supported for this operation.',
  );
  await expectRefusal(refused(noSuchKeyId), 'NotFoundException');
  await expectRefusal(refused('x'), 'NotFoundException', "Invalid keyId 'x'");
});

describe('after the server has ended', () => {
  test('by a clean stop, everything is there', async () => {
    const keys = await Promise.all(Array.from({ length: 20 }, () => newKey(kms)));
    for (const { id } of keys) await encryptedUnder(kms, id);
    expect(await server.stop()).toBe(0);
    const again = await startServer({ dataDir: server.dataDir });
    for (const { id } of keys) {
      expect((await lastUsage(again.kms(), id)).KeyLastUsage).toMatchObject({ Operation: 'Encrypt' });
    }
    expect(await again.stop()).toBe(0);
  });

  test('by a crash, what was written down is there, and what was not does no harm', async () => {
    const { id } = await newKey(kms);
    await encryptedUnder(kms, id);
    const [one, other] = [(await pinnedClient(server, 0)).kms, (await pinnedClient(server, 1)).kms];
    for (const client of [one, other]) {
      await until(
        () => lastUsage(client, id),
        ({ KeyLastUsage }) => KeyLastUsage?.Operation !== undefined,
      );
    }
    await encryptedUnder(kms, id);
    await server.kill();
    const again = await startServer({ dataDir: server.dataDir });
    const { KeyLastUsage, KeyCreationDate, TrackingStartDate } = await lastUsage(again.kms(), id);
    expect(KeyLastUsage).toMatchObject({ Operation: 'Encrypt' });
    expect(TrackingStartDate).toEqual(KeyCreationDate);
    expect(await again.stop()).toBe(0);
  });
});
