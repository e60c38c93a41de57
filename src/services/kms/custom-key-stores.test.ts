import { beforeAll, describe, expect, test } from 'vitest';
import { ACCOUNT, policy, user } from '../scope.test-helper.ts';
import { createCustomKeyStore } from './create-custom-key-store.ts';
import { kmsOperations } from './index.ts';
import { machine, type Worker } from './kms.test-helper.ts';

const six = [
  'ConnectCustomKeyStore',
  'CreateCustomKeyStore',
  'DeleteCustomKeyStore',
  'DescribeCustomKeyStores',
  'DisconnectCustomKeyStore',
  'UpdateCustomKeyStore',
];

let worker: Worker;
beforeAll(async () => {
  worker = await machine().worker();
});

test('no other operation declares that it is not there yet', () => {
  const names = [...kmsOperations.values()].filter(({ notYet }) => notYet === true).map(({ name }) => name);
  expect(names).toEqual(six);
});

describe.each(six)('%s', (name) => {
  test('is refused as unsupported to who is allowed', async () => {
    await expect(worker.call(name, {})).rejects.toThrow(
      expect.objectContaining({
        code: 'UnsupportedOperationException',
        message: 'Custom key stores are not supported yet.',
      }),
    );
  });

  test('takes a permission of its own, of which a refusal speaks first', async () => {
    const others = six.filter((each) => each !== name).map((each) => `kms:${each}`);
    const caller = user('visitor', {
      identityPolicies: [policy({ Effect: 'Allow', Action: others, Resource: '*' })],
    });
    await expect(worker.call(name, {}, caller)).rejects.toThrow(
      expect.objectContaining({ code: 'AccessDeniedException', message: expect.stringContaining(`kms:${name}`) }),
    );
  });

  test('is decided by kms:CallerAccount', async () => {
    const condition = { StringEquals: { 'kms:CallerAccount': ACCOUNT } };
    const statement = { Effect: 'Allow', Action: `kms:${name}`, Resource: '*', Condition: condition };
    const caller = user('conditional', { identityPolicies: [policy(statement)] });
    await expect(worker.call(name, {}, caller)).rejects.toThrow(
      expect.objectContaining({ code: 'UnsupportedOperationException' }),
    );
  });
});

/** What is said of an input of CreateCustomKeyStore with these members; empty if nothing is. */
function judged(members: object): string {
  try {
    createCustomKeyStore.input.parse({ CustomKeyStoreName: 'store', ...members });
    return '';
  } catch (error) {
    return (error as Error).message;
  }
}

describe('a member is judged by AWS’s pattern:', () => {
  test.each([
    // The example of AWS's own pages has a 1, which AWS's pattern does not allow.
    ['CloudHsmClusterId', 'cluster-2a23b4cdefg', 'cluster-1a23b4cdefg'],
    ['XksProxyUriEndpoint', 'https://proxy.example.com', 'https://proxy.example.com/'],
    ['XksProxyUriEndpoint', 'https://a-1.B', 'http://proxy.example.com'],
    ['XksProxyUriPath', '/kms/xks/v1', '/kms/xks/v100'],
    ['XksProxyUriPath', '/a/b_c-d/kms/xks/v12', 'a/kms/xks/v1'],
    ['XksProxyUriPath', '/kms/xks/v1/kms/xks/v1', '//'.padEnd(128, '/kms/xks/v')],
    [
      'XksProxyVpcEndpointServiceName',
      'com.amazonaws.vpce.us-east-1.vpce-svc-0a',
      'com.amazonaws.vpce.us-1.vpce-svc-0a',
    ],
    [
      'XksProxyVpcEndpointServiceName',
      'eu.amazonaws.vpce.us-gov-east-1.vpce-svc-0',
      'org.amazonaws.vpce.us-a-1.vpce-svc-0',
    ],
    ['XksProxyVpcEndpointServiceOwner', '123456789012', '12345678901x'],
  ])('%s %j, not %j', (member, fitting, misfit) => {
    expect(judged({ [member]: fitting })).toBe('');
    expect(judged({ [member]: misfit })).toContain('failed to satisfy');
  });

  test('a path or name as long as a body may be is judged in no time', () => {
    const long = '/kms/xks/v'.repeat(100_000);
    const name = `com.amazonaws.vpce.${'a-'.repeat(3)}${'1'.repeat(500_000)}${'a-'.repeat(200_000)}`;
    const before = performance.now();
    expect(judged({ XksProxyUriPath: long, XksProxyVpcEndpointServiceName: name })).toContain('failed to satisfy');
    // Were the time quadratic, it would be minutes.
    expect(performance.now() - before).toBeLessThan(5000);
  });
});

test.each([
  ['KeyStorePassword', { KeyStorePassword: 'secret' }],
  [
    'the proxy’s secret',
    { XksProxyAuthenticationCredential: { AccessKeyId: 'A'.repeat(20), RawSecretAccessKey: '%secret%' } },
  ],
  [
    'the proxy’s access key id',
    { XksProxyAuthenticationCredential: { AccessKeyId: '%secret%', RawSecretAccessKey: 'a'.repeat(43) } },
  ],
])('what is wrong with %s is said without showing it', (_, members) => {
  const said = judged(members);
  expect(said).toContain('failed to satisfy');
  expect(said).not.toContain('secret%');
  expect(said).not.toMatch(/'secret'/);
});
