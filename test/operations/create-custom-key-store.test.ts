import {
  CreateCustomKeyStoreCommand,
  type CreateCustomKeyStoreCommandInput,
  type KMSClient,
} from '@aws-sdk/client-kms';
import { expect, test } from 'vitest';
import { expectRecord, noneBeforeThereAreStores, notYet, secrets } from '../support/custom-key-stores.ts';
import { expectRefusal } from '../support/kms.ts';
import { expectEveryDocumentedException, testOperation } from '../support/operation-suite.ts';
import { sandboxOfThisFile } from '../support/sandbox.ts';

// There are no custom key stores yet. What else AWS documents of this operation comes with custody in hardware tokens.
const sandbox = sandboxOfThisFile();
const send = (kms: KMSClient, input: CreateCustomKeyStoreCommandInput) =>
  kms.send(new CreateCustomKeyStoreCommand(input));

const external: CreateCustomKeyStoreCommandInput = {
  CustomKeyStoreName: 'ExampleExternalKeyStore',
  CustomKeyStoreType: 'EXTERNAL_KEY_STORE',
  XksProxyUriEndpoint: 'https://proxy.example.com',
  XksProxyUriPath: '/kms/xks/v1',
  XksProxyConnectivity: 'PUBLIC_ENDPOINT',
  ...secrets,
};
const cloudHsm: CreateCustomKeyStoreCommandInput = {
  CustomKeyStoreName: 'ExampleCloudHSMKeyStore',
  CloudHsmClusterId: 'cluster-2a23b4cdefg',
  TrustAnchorCertificate: '-----BEGIN CERTIFICATE-----',
  KeyStorePassword: secrets.KeyStorePassword,
};

testOperation(sandbox, { name: 'CreateCustomKeyStore', send, request: () => external, notYet });

test('is recorded without the secrets that it was given', async () => {
  await expectRecord(sandbox, send(sandbox.kms, external), {
    eventName: 'CreateCustomKeyStore',
    readOnly: false,
    requestParameters: {
      customKeyStoreName: 'ExampleExternalKeyStore',
      customKeyStoreType: 'EXTERNAL_KEY_STORE',
      xksProxyUriEndpoint: 'https://proxy.example.com',
      xksProxyUriPath: '/kms/xks/v1',
      xksProxyConnectivity: 'PUBLIC_ENDPOINT',
    },
  });
  await expectRecord(sandbox, send(sandbox.kms, cloudHsm), {
    eventName: 'CreateCustomKeyStore',
    readOnly: false,
    requestParameters: {
      customKeyStoreName: 'ExampleCloudHSMKeyStore',
      cloudHsmClusterId: 'cluster-2a23b4cdefg',
    },
  });
});

const wrong: [string, Partial<CreateCustomKeyStoreCommandInput>, RegExp][] = [
  ['no name', { CustomKeyStoreName: undefined }, /Value null at 'customKeyStoreName'/],
  ['an empty name', { CustomKeyStoreName: '' }, /'customKeyStoreName'/],
  ['a name too long', { CustomKeyStoreName: 'x'.repeat(257) }, /'customKeyStoreName'/],
  ['another type', { CustomKeyStoreType: 'CLOUD' as 'AWS_CLOUDHSM' }, /'customKeyStoreType'.*\[AWS_CLOUDHSM, EXT/],
  ['an empty certificate', { TrustAnchorCertificate: '' }, /'trustAnchorCertificate'/],
  ['a cluster that can be none', { CloudHsmClusterId: 'cluster-189' }, /'cloudHsmClusterId'/],
  ['another connectivity', { XksProxyConnectivity: 'VPN' as 'PUBLIC_ENDPOINT' }, /'xksProxyConnectivity'/],
  ['an endpoint in the clear', { XksProxyUriEndpoint: 'http://proxy.example.com' }, /'xksProxyUriEndpoint'/],
  ['an owner that is no account', { XksProxyVpcEndpointServiceOwner: '1' }, /'xksProxyVpcEndpointServiceOwner'/],
];

test.each(wrong)('is told what is wrong with %s first', async (_, members, message) => {
  await expectRefusal(send(sandbox.kms, { ...external, ...members }), 'ValidationException', message);
});

test('is told what is wrong with a secret without being shown it', async () => {
  const bad = { ...external, XksProxyUriPath: '/kms/xks/vX', KeyStorePassword: 'shorty' };
  await expectRefusal(send(sandbox.kms, bad), 'ValidationException', /^2 validation errors detected: (?!.*shorty)/);
  expect(sandbox.server.output.stderr).not.toContain('shorty');
});

expectEveryDocumentedException(sandbox, 'CreateCustomKeyStore', noneBeforeThereAreStores('CreateCustomKeyStore'));
