import {
  CreateAliasCommand,
  DecryptCommand,
  DescribeKeyCommand,
  type KeySpec,
  type KeyUsageType,
  type KMSClient,
  UpdateAliasCommand,
  type UpdateAliasCommandInput,
} from '@aws-sdk/client-kms';
import { expect, test } from 'vitest';
import { aliasArn, aliasesOf, keepsItsNames } from '../support/aliases.ts';
import { encryptedUnder, expectRefusal, newKey } from '../support/kms.ts';
import { expectEveryDocumentedException, testOperation } from '../support/operation-suite.ts';
import { sandboxOfThisFile } from '../support/sandbox.ts';

const sandbox = sandboxOfThisFile();
let names = 0;

const send = (kms: KMSClient, input: UpdateAliasCommandInput) => kms.send(new UpdateAliasCommand(input));

testOperation(sandbox, {
  name: 'UpdateAlias',
  send,
  request: async ({ caller, key }) => {
    const AliasName = `alias/elsewhere-${++names}`;
    await caller.send(new CreateAliasCommand({ AliasName, TargetKeyId: (await newKey(caller)).id }));
    return { AliasName, TargetKeyId: key.id };
  },
  key: {
    as: 'to the key',
    namedBy: { member: 'TargetKeyId', accepts: 'key' },
    crossAccount: false,
    aliasRefusal: { name: 'ValidationException', message: 'Aliases must refer to keys. Not aliases' },
  },
});

testOperation(sandbox, {
  name: 'UpdateAlias',
  send,
  request: async ({ kms, alias }) => ({ AliasName: await alias(), TargetKeyId: (await newKey(kms)).id }),
  key: { as: 'away from the key', namedBy: 'alias', crossAccount: false, row: 'UpdateAliasFrom' },
});

const create = (AliasName: string, TargetKeyId: string) =>
  sandbox.kms.send(new CreateAliasCommand({ AliasName, TargetKeyId }));
const update = (AliasName: string, TargetKeyId: string) => send(sandbox.kms, { AliasName, TargetKeyId });

test('moves an alias to another key', async () => {
  const { kms } = sandbox;
  const [first, second] = [await newKey(kms), await newKey(kms)];
  const AliasName = 'alias/moved';
  await create(AliasName, first.id);
  const [before] = await aliasesOf(kms, first);
  const underFirst = await encryptedUnder(kms, AliasName);

  const { $metadata: _, ...nothing } = await update(AliasName, second.id);
  expect(nothing).toEqual({});
  expect(await aliasesOf(kms, first)).toEqual([]);
  const [moved] = await aliasesOf(kms, second);
  expect(moved).toMatchObject({ AliasName, TargetKeyId: second.id, CreationDate: before?.CreationDate });
  expect(moved?.LastUpdatedDate?.getTime()).toBeGreaterThanOrEqual(before?.CreationDate?.getTime() ?? Number.NaN);
  expect((await kms.send(new DescribeKeyCommand({ KeyId: AliasName }))).KeyMetadata?.KeyId).toBe(second.id);

  // What was encrypted while it named the first key is the first key's still.
  expect((await kms.send(new DecryptCommand({ CiphertextBlob: underFirst }))).KeyId).toBe(first.arn);
  await expectRefusal(
    kms.send(new DecryptCommand({ CiphertextBlob: underFirst, KeyId: AliasName })),
    'IncorrectKeyException',
  );
});

test('may leave an alias with the key that it names already', async () => {
  const key = await newKey(sandbox.kms);
  await create('alias/same', key.id);
  await update('alias/same', key.arn);
  expect(await aliasesOf(sandbox.kms, key)).toMatchObject([{ AliasName: 'alias/same', TargetKeyId: key.id }]);
});

test('moves an alias only to a key of the same type and usage', async () => {
  const of = (KeySpec: KeySpec, KeyUsage: KeyUsageType) =>
    newKey(sandbox.kms, { KeySpec, KeyUsage, Origin: 'EXTERNAL' });
  const symmetric = await newKey(sandbox.kms);
  const rsa = await of('RSA_2048', 'ENCRYPT_DECRYPT');
  const [signing, other, mac] = [
    await of('RSA_2048', 'SIGN_VERIFY'),
    await of('ECC_NIST_P256', 'SIGN_VERIFY'),
    await of('HMAC_256', 'GENERATE_VERIFY_MAC'),
  ];
  const AliasName = 'alias/of-a-kind';
  await create(AliasName, symmetric.id);
  for (const { id } of [rsa, signing, mac]) {
    await expectRefusal(update(AliasName, id), 'ValidationException', /same type and the same key usage/);
  }
  expect(await aliasesOf(sandbox.kms, symmetric)).toMatchObject([{ AliasName }]);
  await create('alias/signing', signing.id);
  await update('alias/signing', other.id);
  expect(await aliasesOf(sandbox.kms, other)).toMatchObject([{ AliasName: 'alias/signing' }]);
});

test('makes no alias that is not there', async () => {
  const key = await newKey(sandbox.kms);
  await expectRefusal(
    update('alias/nowhere', key.id),
    'NotFoundException',
    `Alias ${aliasArn('alias/nowhere')} is not found.`,
  );
  expect(await aliasesOf(sandbox.kms, key)).toEqual([]);
});

keepsItsNames(sandbox, (AliasName, key) => update(AliasName, key.id));

const quota = 'Aliases per key quota for this account in this region is 50, current usage is 50.';

test('gives a key no more than fifty aliases', async () => {
  const [key, other] = [await newKey(sandbox.kms), await newKey(sandbox.kms)];
  for (let n = 0; n < 50; n++) await create(`alias/many-${n}`, key.id);
  await create('alias/one-too-many', other.id);
  await expectRefusal(update('alias/one-too-many', key.id), 'LimitExceededException', quota);
  expect(await aliasesOf(sandbox.kms, other)).toMatchObject([{ AliasName: 'alias/one-too-many' }]);
  await update('alias/many-7', key.id);
  expect(await aliasesOf(sandbox.kms, key)).toHaveLength(50);
  await update('alias/many-7', other.id);
  await update('alias/one-too-many', key.id);
});

expectEveryDocumentedException(sandbox, 'UpdateAlias');
