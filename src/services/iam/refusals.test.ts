import { beforeEach, expect, it } from 'vitest';
import { seededRandom } from '../../runtime/random.test-helper.ts';
import { sealedMemoryStore } from '../../store/sealed-memory-store.test-helper.ts';
import type { Input } from '../../wire/shapes.ts';
import { perform, type Service } from '../perform.ts';
import { ACCOUNT, administrator, policy, scopeOf, user } from '../scope.test-helper.ts';
import { accessKeyUsages } from './access-keys/usages.ts';
import { iamService } from './index.ts';
import { roleUsages } from './roles/usages.ts';

let service: Service;

beforeEach(() => {
  const store = sealedMemoryStore();
  service = iamService({
    store,
    random: seededRandom('refusals'),
    accessKeyUsages: accessKeyUsages(store),
    roleUsages: roleUsages(store),
  });
});

async function call(name: string, input: object, caller = administrator): Promise<object | undefined> {
  const operation = service.operations.get(name);
  if (operation === undefined) throw new Error(`IAM has no ${name}`);
  let answer: object | undefined;
  await perform(service, operation, input as Input<object>, scopeOf(caller), [], async (output) => {
    answer = output;
  });
  return answer;
}

/** What somebody is told who may do nothing. */
async function refusal(name: string, input: object): Promise<string> {
  return call(name, input, user('nobody')).then(
    () => 'no refusal',
    ({ message }) => message,
  );
}

it('who may not look is told neither whether there is such a user, group or role, nor its path', async () => {
  const AssumeRolePolicyDocument = JSON.stringify({
    Version: '2012-10-17',
    Statement: { Effect: 'Allow', Principal: { AWS: ACCOUNT }, Action: 'sts:AssumeRole' },
  });
  const Path = '/secret/';
  await call('CreateUser', { UserName: 'there', Path });
  await call('CreateGroup', { GroupName: 'there', Path });
  await call('CreateRole', { RoleName: 'there', Path, AssumeRolePolicyDocument });
  for (const kind of ['User', 'Group', 'Role']) {
    for (const operation of [`Get${kind}`, `Delete${kind}`, `ListAttached${kind}Policies`]) {
      const there = await refusal(operation, { [`${kind}Name`]: 'there' });
      const missing = await refusal(operation, { [`${kind}Name`]: 'missing' });
      expect(there).toMatch(`iam:${operation} on resource: ${kind.toLowerCase()} there because`);
      expect(there).toBe(missing.replace('missing', 'there'));
    }
    const PolicySourceArn = `arn:aws:iam::${ACCOUNT}:${kind.toLowerCase()}/there`;
    const simulation = await refusal('SimulatePrincipalPolicy', { PolicySourceArn, ActionNames: ['kms:Encrypt'] });
    expect(simulation).toMatch(`on resource: ${PolicySourceArn} because`);
  }
});

it('who may not look is told neither whether there is such an access key, nor whose it is', async () => {
  await call('CreateUser', { UserName: 'there' });
  const { AccessKey } = (await call('CreateAccessKey', { UserName: 'there' })) as {
    AccessKey: { AccessKeyId: string };
  };
  const { AccessKeyId } = AccessKey;
  const there = await refusal('GetAccessKeyLastUsed', { AccessKeyId });
  const missing = await refusal('GetAccessKeyLastUsed', { AccessKeyId: 'AKIAMISSING777777777' });
  expect(there).toBe(missing.replace('AKIAMISSING777777777', AccessKeyId));
  expect(there).not.toContain('user/there');
});

it('who may make something, but not tag it, makes nothing that has tags', async () => {
  const trusting = { Effect: 'Allow', Principal: { AWS: ACCOUNT }, Action: 'sts:AssumeRole' };
  const document = (statement: object) => JSON.stringify({ Version: '2012-10-17', Statement: statement });
  const made: readonly [string, object][] = [
    ['User', { UserName: 'new' }],
    ['Role', { RoleName: 'new', AssumeRolePolicyDocument: document(trusting) }],
    [
      'Policy',
      { PolicyName: 'new', PolicyDocument: document({ Effect: 'Allow', Action: 'kms:Encrypt', Resource: '*' }) },
    ],
    ['OpenIDConnectProvider', { Url: 'https://new.example.com' }],
  ];
  const Tags = [{ Key: 'team', Value: 'admins' }];
  const maker = user('maker', {
    identityPolicies: [policy({ Effect: 'Allow', Action: 'iam:Create*', Resource: '*' })],
  });
  for (const [kind, input] of made) {
    await expect(call(`Create${kind}`, { ...input, Tags }, maker)).rejects.toMatchObject({
      code: 'AccessDeniedException',
      message: expect.stringContaining(`is not authorized to perform: iam:Tag${kind} on resource: `),
    });
    await call(`Create${kind}`, { ...input, Tags: [] }, maker);
  }
});
