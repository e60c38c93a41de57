import { randomBytes } from 'node:crypto';
import {
  ConnectCustomKeyStoreCommand,
  CreateCustomKeyStoreCommand,
  type CreateCustomKeyStoreCommandInput,
  DeleteCustomKeyStoreCommand,
  DescribeCustomKeyStoresCommand,
  DisconnectCustomKeyStoreCommand,
  type KMSClient,
  UpdateCustomKeyStoreCommand,
} from '@aws-sdk/client-kms';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { auditRecordsOf } from './support/audit.ts';
import { expectRefusal } from './support/kms.ts';
import { cleanUp, startServer, type TestServer } from './support/server.ts';

let server: TestServer;
let kms: KMSClient;

beforeAll(async () => {
  server = await startServer();
  kms = server.kms();
});

afterAll(() => cleanUp(server));

const CustomKeyStoreId = 'cks-1234567890abcdef0';
const unsupported = ['UnsupportedOperationException', 'Custom key stores are not supported yet.'] as const;

const secrets = {
  KeyStorePassword: 'kmsPswd-of-the-cluster',
  XksProxyAuthenticationCredential: {
    AccessKeyId: 'ACCESSKEYOFTHEPROXY2',
    RawSecretAccessKey: randomBytes(32).toString('base64'),
  },
};
const external: CreateCustomKeyStoreCommandInput = {
  CustomKeyStoreName: 'ExampleExternalKeyStore',
  CustomKeyStoreType: 'EXTERNAL_KEY_STORE',
  XksProxyUriEndpoint: 'https://proxy.example.com',
  XksProxyUriPath: '/kms/xks/v1',
  XksProxyConnectivity: 'PUBLIC_ENDPOINT',
  ...secrets,
};

test('the six operations are refused as unsupported, and recorded without the secrets they were given', async () => {
  await expectRefusal(kms.send(new CreateCustomKeyStoreCommand(external)), ...unsupported);
  await expectRefusal(kms.send(new UpdateCustomKeyStoreCommand({ CustomKeyStoreId, ...secrets })), ...unsupported);
  await expectRefusal(kms.send(new ConnectCustomKeyStoreCommand({ CustomKeyStoreId })), ...unsupported);
  await expectRefusal(kms.send(new DisconnectCustomKeyStoreCommand({ CustomKeyStoreId })), ...unsupported);
  await expectRefusal(kms.send(new DeleteCustomKeyStoreCommand({ CustomKeyStoreId })), ...unsupported);
  await expectRefusal(kms.send(new DescribeCustomKeyStoresCommand({})), ...unsupported);
  const records = (await auditRecordsOf(server)).filter(
    ({ errorCode }) => errorCode === 'UnsupportedOperationException',
  );
  expect(records.map(({ eventName, readOnly }) => [eventName, readOnly])).toEqual([
    ['CreateCustomKeyStore', false],
    ['UpdateCustomKeyStore', false],
    ['ConnectCustomKeyStore', false],
    ['DisconnectCustomKeyStore', false],
    ['DeleteCustomKeyStore', false],
    ['DescribeCustomKeyStores', true],
  ]);
  expect(records[0]?.requestParameters).toEqual({
    customKeyStoreName: 'ExampleExternalKeyStore',
    customKeyStoreType: 'EXTERNAL_KEY_STORE',
    xksProxyUriEndpoint: 'https://proxy.example.com',
    xksProxyUriPath: '/kms/xks/v1',
    xksProxyConnectivity: 'PUBLIC_ENDPOINT',
  });
  expect(records[1]?.requestParameters).toEqual({ customKeyStoreId: CustomKeyStoreId });
  const everywhere = JSON.stringify(await auditRecordsOf(server)) + server.output.stdout + server.output.stderr;
  const { AccessKeyId, RawSecretAccessKey } = secrets.XksProxyAuthenticationCredential;
  for (const secret of [secrets.KeyStorePassword, AccessKeyId, RawSecretAccessKey]) {
    expect(everywhere).not.toContain(secret);
  }
});

test('what is wrong with a request is told before that it is unsupported', async () => {
  await expectRefusal(
    kms.send(new ConnectCustomKeyStoreCommand({ CustomKeyStoreId: '' })),
    'ValidationException',
    /^1 validation error detected: Value '' at 'customKeyStoreId' failed to satisfy constraint: /,
  );
  const bad = { ...external, XksProxyUriPath: '/kms/xks/vX', KeyStorePassword: 'shorty' };
  await expectRefusal(
    kms.send(new CreateCustomKeyStoreCommand(bad)),
    'ValidationException',
    /^2 validation errors detected: (?!.*shorty)/,
  );
});
