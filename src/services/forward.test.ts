import { expect, test } from 'vitest';
import { createKey as declaredCreateKey } from './kms/create-key.ts';
import { decrypt } from './kms/decrypt.ts';
import { describeKey } from './kms/describe-key.ts';
import { disableKey } from './kms/disable-key.ts';
import { encrypt } from './kms/encrypt.ts';
import { generateDataKey } from './kms/generate-data-key.ts';
import { createKey, machine } from './kms/kms.test-helper.ts';
import { ACCOUNT, administrator, keyPolicy, NOW, REGION, scopeOf, user } from './scope.test-helper.ts';

const scope = scopeOf(administrator);
const Plaintext = Buffer.from('attack at dawn');
const alice = user('alice');
const aliceArn = `arn:aws:iam::${ACCOUNT}:user/alice`;
const everything = {
  Effect: 'Allow',
  Principal: { AWS: `arn:aws:iam::${ACCOUNT}:root` },
  Action: 'kms:*',
  Resource: '*',
};

/** The statement of a key policy that lets alice encrypt under these conditions. */
const letsAlice = (conditions: object) => ({
  Effect: 'Allow',
  Principal: { AWS: aliceArn },
  Action: 'kms:Encrypt',
  Resource: '*',
  Condition: conditions,
});

async function worker() {
  return machine().worker();
}

test('a forwarded request is recorded as the caller’s, invoked by the service', async () => {
  const on = await worker();
  const KeyId = await createKey(on);
  const EncryptionContext = { 'aws:s3:arn': 'arn:aws:s3:::bucket/object' };
  const answer = await on.forward(generateDataKey, { KeyId, KeySpec: 'AES_256', EncryptionContext }, scope, 's3');
  expect(answer.Plaintext).toBeInstanceOf(Uint8Array);
  const arn = `arn:aws:kms:${REGION}:${ACCOUNT}:key/${KeyId}`;
  expect(on.audited).toEqual([
    {
      eventVersion: '1.11',
      userIdentity: { ...administrator.auditIdentity, invokedBy: 's3.amazonaws.com' },
      eventTime: '2026-11-22T10:30:15Z',
      eventSource: 'kms.amazonaws.com',
      eventName: 'GenerateDataKey',
      awsRegion: REGION,
      sourceIPAddress: 's3.amazonaws.com',
      userAgent: 's3.amazonaws.com',
      requestParameters: { keyId: KeyId, keySpec: 'AES_256', encryptionContext: EncryptionContext },
      responseElements: null,
      additionalEventData: { keyMaterialId: answer.KeyMaterialId },
      requestID: expect.stringMatching(/^[0-9a-f-]{36}$/),
      eventID: expect.stringMatching(/^[0-9a-f-]{36}$/),
      readOnly: true,
      resources: [{ accountId: ACCOUNT, type: 'AWS::KMS::Key', ARN: arn }],
      eventType: 'AwsApiCall',
      managementEvent: true,
      recipientAccountId: ACCOUNT,
      eventCategory: 'Management',
    },
  ]);
});

test.each([
  ['kms:ViaService', { StringEquals: { 'kms:ViaService': `s3.${REGION}.amazonaws.com` } }],
  ['aws:CalledVia', { 'ForAnyValue:StringEquals': { 'aws:CalledVia': 's3.amazonaws.com' } }],
  ['aws:ViaAWSService', { Bool: { 'aws:ViaAWSService': 'true' } }],
])('policies tell it from the caller’s own by %s', async (_, conditions) => {
  const on = await worker();
  const KeyId = await createKey(on, { Policy: keyPolicy(everything, letsAlice(conditions)) });
  await expect(on.forward(encrypt, { KeyId, Plaintext }, scopeOf(alice), 's3')).resolves.toBeDefined();
  await expect(on.call('Encrypt', { KeyId, Plaintext }, alice)).rejects.toMatchObject({
    code: 'AccessDeniedException',
  });
});

test('the caller’s address is not the service’s: a policy that wants one of them refuses', async () => {
  const on = await worker();
  const home = { IpAddress: { 'aws:SourceIp': '192.0.2.0/24' } };
  const KeyId = await createKey(on, { Policy: keyPolicy(everything, letsAlice(home)) });
  await expect(on.call('Encrypt', { KeyId, Plaintext }, alice)).resolves.toBeDefined();
  await expect(on.forward(encrypt, { KeyId, Plaintext }, scopeOf(alice), 's3')).rejects.toMatchObject({
    code: 'AccessDeniedException',
  });
});

test('a service gets for a caller nothing that the caller may not have, and the refusal is recorded', async () => {
  const on = await worker();
  const KeyId = await createKey(on);
  const message = expect.stringContaining(`${aliceArn} is not authorized to perform: kms:Encrypt`);
  await expect(on.forward(encrypt, { KeyId, Plaintext }, scopeOf(alice), 's3')).rejects.toMatchObject({
    code: 'AccessDeniedException',
    message,
  });
  expect(on.audited).toEqual([
    expect.objectContaining({
      errorCode: 'AccessDenied',
      errorMessage: message,
      userIdentity: expect.objectContaining({ arn: aliceArn, invokedBy: 's3.amazonaws.com' }),
      responseElements: null,
    }),
  ]);
});

test('what a service passes on is validated as what comes from outside is, and recorded when it is refused', async () => {
  const on = await worker();
  const request = { KeyId: '', Plaintext };
  await expect(on.forward(encrypt, request, scope, 's3')).rejects.toMatchObject({ code: 'ValidationException' });
  // Beyond single members, too.
  await expect(on.forward(decrypt, { KeyId: 'alias/a' }, scope, 's3')).rejects.toMatchObject({
    code: 'ValidationException',
    message: expect.stringMatching(/'ciphertextBlob'.*must not be null/),
  });
  expect(on.audited.map(({ errorCode }) => errorCode)).toEqual(['ValidationException', 'ValidationException']);
});

test('a fault tells the trail nothing of its cause', async () => {
  const shop = machine();
  const on = await shop.worker();
  const KeyId = await createKey(on);
  const [name = ''] = await shop.store.names({ name: 'materials' }, { prefix: '', limit: 1 });
  await shop.store.transact((transaction) => transaction.remove({ name: 'materials' }, name, 1));
  await expect(on.forward(encrypt, { KeyId, Plaintext }, scope, 's3')).rejects.toMatchObject({
    code: 'TamperedRecord',
  });
  expect(on.audited).toEqual([expect.objectContaining({ errorCode: 'KMSInternalException', errorMessage: '' })]);
});

test('nothing is answered and nothing is changed that cannot be recorded', async () => {
  const on = await worker();
  const KeyId = await createKey(on);
  on.failAudit(new Error('disk full'));
  await expect(on.forward(encrypt, { KeyId, Plaintext }, scope, 's3')).rejects.toThrow('disk full');
  await expect(on.forward(disableKey, { KeyId }, scope, 's3')).rejects.toThrow('disk full');
  on.failAudit(undefined);
  const { KeyMetadata } = await on.forward(describeKey, { KeyId }, scope, 's3');
  expect(KeyMetadata?.KeyState).toBe('Enabled');
});

test('a change through a service is one as any other', async () => {
  const on = await worker();
  const { KeyMetadata } = await on.forward(declaredCreateKey, { Description: 'by a service' }, scope, 's3');
  expect(KeyMetadata).toMatchObject({
    Description: 'by a service',
    KeyManager: 'CUSTOMER',
    CreationDate: new Date(NOW),
  });
});

test('no request can say that it comes through a service', async () => {
  const on = await worker();
  const KeyId = await createKey(on, {
    Policy: keyPolicy(everything, letsAlice({ StringEquals: { 'kms:ViaService': `s3.${REGION}.amazonaws.com` } })),
  });
  const claims = { viaService: 's3', ViaService: 's3', 'kms:ViaService': `s3.${REGION}.amazonaws.com` };
  const scopes = [{ userAgent: 's3.amazonaws.com' }, { sourceIp: 's3.amazonaws.com' }];
  for (const more of scopes) {
    const input = { KeyId, Plaintext, EncryptionContext: claims, ...claims };
    await expect(on.call('Encrypt', input, alice, more)).rejects.toMatchObject({ code: 'AccessDeniedException' });
  }
});
