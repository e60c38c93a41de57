import { X509Certificate } from 'node:crypto';
import { expect, test } from 'vitest';
import { KeyholdError } from '../../runtime/errors.ts';
import { hypervisor } from './refusal.test-helper.ts';
import { awsNitroRootPem, readTrustedRoots } from './trusted-roots.ts';

test('the root of the AWS Nitro Attestation PKI has the fingerprint that AWS publishes', () => {
  const [root] = readTrustedRoots(awsNitroRootPem);
  expect(root?.fingerprint256).toBe(
    '64:1A:03:21:A3:E2:44:EF:E4:56:46:31:95:D6:06:31:7E:D7:CD:CC:3C:17:56:E0:98:93:F3:C6:8F:79:BB:5B',
  );
  expect(root?.subject.split('\n').sort()).toEqual(['C=US', 'CN=aws.nitro-enclaves', 'O=Amazon', 'OU=AWS']);
});

test('several roots may stand in one file, with words around them', () => {
  const roots = readTrustedRoots(`AWS\n${awsNitroRootPem}\nours\n${hypervisor.rootPem}`);
  expect(roots.map(({ raw }) => raw)).toEqual([new X509Certificate(awsNitroRootPem).raw, hypervisor.chain[0]?.der]);
});

test.each([
  ['nothing', ''],
  ['a key', '-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n'],
  ['a certificate that is none', '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n'],
  ['a good one and a bad one', `${awsNitroRootPem}-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n`],
])('%s is not taken for trusted roots', (_, pem) => {
  expect(() => readTrustedRoots(pem)).toThrow(
    expect.toSatisfy((error) => error instanceof KeyholdError && error.code === 'StartupRefused'),
  );
});
