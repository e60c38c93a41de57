import {
  CreateAliasCommand,
  DeleteAliasCommand,
  type DeleteAliasCommandInput,
  DescribeKeyCommand,
  EncryptCommand,
  type KMSClient,
} from '@aws-sdk/client-kms';
import { expect, test } from 'vitest';
import { aliasArn, aliasesOf, keepsItsNames } from '../support/aliases.ts';
import { expectRefusal, newKey, plaintext } from '../support/kms.ts';
import { expectEveryDocumentedException, testOperation } from '../support/operation-suite.ts';
import { FOREIGNER, sandboxOfThisFile } from '../support/sandbox.ts';

const sandbox = sandboxOfThisFile();

testOperation(sandbox, {
  name: 'DeleteAlias',
  send: (kms: KMSClient, input: DeleteAliasCommandInput) => kms.send(new DeleteAliasCommand(input)),
  request: async ({ alias }) => ({ AliasName: await alias() }),
  key: { namedBy: 'alias', crossAccount: false },
});

const create = (AliasName: string, TargetKeyId: string) =>
  sandbox.kms.send(new CreateAliasCommand({ AliasName, TargetKeyId }));
const remove = (AliasName: string) => sandbox.kms.send(new DeleteAliasCommand({ AliasName }));

test('removes an alias, whose name is free then', async () => {
  const { kms } = sandbox;
  const [first, second] = [await newKey(kms), await newKey(kms)];
  const AliasName = 'alias/removed';
  await create(AliasName, first.id);
  const { $metadata: _, ...nothing } = await remove(AliasName);
  expect(nothing).toEqual({});
  expect(await aliasesOf(kms, first)).toEqual([]);
  await expectRefusal(
    kms.send(new EncryptCommand({ KeyId: AliasName, Plaintext: plaintext })),
    'NotFoundException',
    `Alias ${aliasArn(AliasName)} is not found.`,
  );
  await create(AliasName, second.id);
  expect((await kms.send(new DescribeKeyCommand({ KeyId: AliasName }))).KeyMetadata?.KeyId).toBe(second.id);
});

test('does not find an alias that is not there, or that is of another account', async () => {
  await expectRefusal(remove('alias/nowhere'), 'NotFoundException', `Alias ${aliasArn('alias/nowhere')} is not found.`);
  const key = await newKey(sandbox.kms);
  await create('alias/owned', key.id);
  await expectRefusal(
    sandbox.as(FOREIGNER).send(new DeleteAliasCommand({ AliasName: 'alias/owned' })),
    'NotFoundException',
  );
  expect(await aliasesOf(sandbox.kms, key)).toHaveLength(1);
});

test('makes room for another alias of a key that had fifty', async () => {
  const key = await newKey(sandbox.kms);
  for (let n = 0; n < 50; n++) await create(`alias/many-${n}`, key.id);
  await remove('alias/many-7');
  await create('alias/more', key.id);
});

keepsItsNames(sandbox, (AliasName) => remove(AliasName));

expectEveryDocumentedException(sandbox, 'DeleteAlias', {
  KMSInvalidStateException: 'a key in any state can lose an alias, by the page of key states',
});
