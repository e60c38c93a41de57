import { expect, it } from 'vitest';
import { seededRandom } from '../../../runtime/random.test-helper.ts';
import { sealedMemoryStore } from '../../../store/sealed-memory-store.test-helper.ts';
import type { Store } from '../../../store/sealed-store.ts';
import type { Input } from '../../../wire/shapes.ts';
import { perform } from '../../perform.ts';
import { ACCOUNT, administrator, scopeOf } from '../../scope.test-helper.ts';
import { accessKeyUsages } from '../access-keys/usages.ts';
import { iamService } from '../index.ts';
import { roleUsages } from './usages.ts';

it('a long list of roles looks for each principal once, and lets others have their turn in between', async () => {
  const memory = sealedMemoryStore();
  let reads = 0;
  const store: Store = {
    ...memory,
    get: (table, name) => {
      reads++;
      return memory.get(table, name);
    },
  };
  const service = iamService({
    store,
    random: seededRandom('list'),
    accessKeyUsages: accessKeyUsages(store),
    roleUsages: roleUsages(store),
  });
  const call = async (name: string, input: object) => {
    const operation = service.operations.get(name);
    if (operation === undefined) throw new Error(`IAM has no ${name}`);
    let answer: { Roles?: { AssumeRolePolicyDocument: string }[] } = {};
    await perform(service, operation, input as Input<object>, scopeOf(administrator), [], async (output) => {
      answer = output ?? {};
    });
    return answer;
  };
  const names = Array.from({ length: 10 }, (_, index) => `user-${index}`);
  for (const UserName of names) await call('CreateUser', { UserName });
  const AssumeRolePolicyDocument = JSON.stringify({
    Version: '2012-10-17',
    Statement: {
      Effect: 'Allow',
      Action: 'sts:AssumeRole',
      Principal: { AWS: names.map((name) => `arn:aws:iam::${ACCOUNT}:user/${name}`) },
    },
  });
  for (let index = 0; index < 50; index++) {
    await call('CreateRole', { RoleName: `role-${index}`, AssumeRolePolicyDocument });
  }
  reads = 0;
  let turns = 0;
  const turn = () => {
    turns++;
    timer = setImmediate(turn);
  };
  let timer = setImmediate(turn);
  const { Roles } = await call('ListRoles', { MaxItems: 1000 });
  clearImmediate(timer);
  expect(Roles).toHaveLength(50);
  expect(reads).toBe(names.length);
  expect(turns).toBeGreaterThanOrEqual(40);
});
