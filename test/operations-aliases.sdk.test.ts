import {
  CreateAliasCommand,
  DecryptCommand,
  DeleteAliasCommand,
  DescribeKeyCommand,
  EncryptCommand,
  type KMSClient,
  ListAliasesCommand,
  UpdateAliasCommand,
} from '@aws-sdk/client-kms';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { encryptedUnder, expectRefusal, newKey, noSuchKeyId, plaintext } from './support/kms.ts';
import { cleanUp, startServer, type TestServer } from './support/server.ts';

let server: TestServer;
let kms: KMSClient;

beforeAll(async () => {
  server = await startServer();
  kms = server.kms();
});

afterAll(() => cleanUp(server));

const create = (AliasName: string, TargetKeyId: string) => kms.send(new CreateAliasCommand({ AliasName, TargetKeyId }));
const update = (AliasName: string, TargetKeyId: string) => kms.send(new UpdateAliasCommand({ AliasName, TargetKeyId }));
const remove = (AliasName: string) => kms.send(new DeleteAliasCommand({ AliasName }));
const aliasArn = (name: string) => `arn:aws:kms:us-east-1:${server.accountId}:${name}`;

async function aliasesOf(KeyId: string) {
  return (await kms.send(new ListAliasesCommand({ KeyId }))).Aliases ?? [];
}

test('an alias is made, moved to another key and removed', async () => {
  const [first, second] = [await newKey(kms), await newKey(kms)];
  const AliasName = 'alias/Orders/2026_q-4';
  const before = Date.now();
  const { $metadata: created, ...nothing } = await create(AliasName, first.arn);
  expect(created.httpStatusCode).toBe(200);
  expect(nothing).toEqual({});
  const [entry, ...more] = await aliasesOf(first.arn);
  expect(more).toEqual([]);
  expect(entry).toEqual({
    AliasName,
    AliasArn: aliasArn(AliasName),
    TargetKeyId: first.id,
    CreationDate: expect.any(Date),
    LastUpdatedDate: entry?.CreationDate,
  });
  const createdAt = entry?.CreationDate?.getTime();
  expect(createdAt).toBeGreaterThanOrEqual(before);
  expect(createdAt).toBeLessThanOrEqual(Date.now());
  const underFirst = await encryptedUnder(kms, AliasName);

  const { $metadata: _, ...stillNothing } = await update(AliasName, second.id);
  expect(stillNothing).toEqual({});
  expect(await aliasesOf(first.id)).toEqual([]);
  const [moved] = await aliasesOf(second.id);
  expect(moved).toMatchObject({ AliasName, TargetKeyId: second.id, CreationDate: entry?.CreationDate });
  expect(moved?.LastUpdatedDate?.getTime()).toBeGreaterThanOrEqual(createdAt ?? Number.NaN);
  expect((await kms.send(new DescribeKeyCommand({ KeyId: AliasName }))).KeyMetadata?.KeyId).toBe(second.id);
  // What was encrypted while it named the first key is the first key's still.
  expect((await kms.send(new DecryptCommand({ CiphertextBlob: underFirst }))).KeyId).toBe(first.arn);
  await expectRefusal(
    kms.send(new DecryptCommand({ CiphertextBlob: underFirst, KeyId: AliasName })),
    'IncorrectKeyException',
  );

  await remove(AliasName);
  expect(await aliasesOf(second.id)).toEqual([]);
  await expectRefusal(
    kms.send(new EncryptCommand({ KeyId: AliasName, Plaintext: plaintext })),
    'NotFoundException',
    `Alias ${aliasArn(AliasName)} is not found.`,
  );
  await create(AliasName, first.id);
  expect((await kms.send(new DescribeKeyCommand({ KeyId: AliasName }))).KeyMetadata?.KeyId).toBe(first.id);
});

test('an alias may be updated to the key it names already', async () => {
  const key = await newKey(kms);
  await create('alias/same', key.id);
  await update('alias/same', key.arn);
  expect(await aliasesOf(key.id)).toMatchObject([{ AliasName: 'alias/same', TargetKeyId: key.id }]);
});

test('names are told apart by their letters, and each Region has its own', async () => {
  const key = await newKey(kms);
  const elsewhere = server.kms({ region: 'eu-west-1' });
  const other = await newKey(elsewhere);
  await create('alias/letters', key.id);
  await create('alias/Letters', key.id);
  await elsewhere.send(new CreateAliasCommand({ AliasName: 'alias/letters', TargetKeyId: other.id }));
  const found = await elsewhere.send(new DescribeKeyCommand({ KeyId: 'alias/letters' }));
  expect(found.KeyMetadata?.Arn).toBe(other.arn);
  expect((await aliasesOf(key.id)).map(({ AliasName }) => AliasName)).toEqual(['alias/Letters', 'alias/letters']);
  await expectRefusal(
    elsewhere.send(new CreateAliasCommand({ AliasName: 'alias/far', TargetKeyId: key.id })),
    'NotFoundException',
    `Key 'arn:aws:kms:eu-west-1:${server.accountId}:key/${key.id}' does not exist`,
  );
});

describe('what an alias cannot be', () => {
  test('made twice', async () => {
    const key = await newKey(kms);
    await create('alias/twice', key.id);
    await expectRefusal(
      create('alias/twice', (await newKey(kms)).id),
      'AlreadyExistsException',
      `An alias with the name ${aliasArn('alias/twice')} already exists`,
    );
    expect(await aliasesOf(key.id)).toMatchObject([{ AliasName: 'alias/twice' }]);
  });

  test('changed or removed where it is not there', async () => {
    const key = await newKey(kms);
    const message = `Alias ${aliasArn('alias/nowhere')} is not found.`;
    await expectRefusal(update('alias/nowhere', key.id), 'NotFoundException', message);
    await expectRefusal(remove('alias/nowhere'), 'NotFoundException', message);
  });

  test('of a key that is not there', async () => {
    const message = `Key 'arn:aws:kms:us-east-1:${server.accountId}:key/${noSuchKeyId}' does not exist`;
    await expectRefusal(create('alias/of-nothing', noSuchKeyId), 'NotFoundException', message);
    await create('alias/of-something', (await newKey(kms)).id);
    await expectRefusal(update('alias/of-something', noSuchKeyId), 'NotFoundException', message);
  });

  test("one of AWS's own", async () => {
    const key = await newKey(kms);
    for (const name of ['alias/aws/s3', 'alias/aws/']) {
      await expectRefusal(create(name, key.id), 'NotAuthorizedException');
      await expectRefusal(update(name, key.id), 'NotAuthorizedException');
      await expectRefusal(remove(name), 'NotAuthorizedException');
    }
    await create('alias/awsome', key.id);
  });

  test.each(['orders', 'alias/', 'Alias/orders', 'alias', '/alias/orders'])('named %s', async (name) => {
    const key = await newKey(kms);
    await expectRefusal(create(name, key.id), 'ValidationException', 'Invalid identifier');
    await expectRefusal(update(name, key.id), 'ValidationException', 'Invalid identifier');
    await expectRefusal(remove(name), 'ValidationException', 'Invalid identifier');
  });

  test('named by an ARN, or with a colon, though the published pattern allows it', async () => {
    const key = await newKey(kms);
    await expectRefusal(create(aliasArn('alias/arn'), key.id), 'ValidationException', 'Invalid identifier');
    await expectRefusal(
      create('alias/a:b', key.id),
      'ValidationException',
      'alias/a:b contains invalid characters for an alias',
    );
  });

  test('named with other characters, or with too many', async () => {
    const key = await newKey(kms);
    const pattern = 'Member must satisfy regular expression pattern: ^[a-zA-Z0-9:/_-]+$';
    for (const name of ['alias/a b', 'alias/ä', 'alias/a.b', 'alias/a\n']) {
      await expectRefusal(
        create(name, key.id),
        'ValidationException',
        `1 validation error detected: Value '${name}' at 'aliasName' failed to satisfy constraint: ${pattern}`,
      );
    }
    const longest = `alias/${'x'.repeat(250)}`;
    await create(longest, key.id);
    await expectRefusal(
      create(`${longest} `, 'x'.repeat(2049)),
      'ValidationException',
      `3 validation errors detected: Value '${longest} ' at 'aliasName' failed to satisfy constraint: Member must have length less than or equal to 256; ` +
        `Value '${longest} ' at 'aliasName' failed to satisfy constraint: ${pattern}; ` +
        `Value '${'x'.repeat(1024)}...' at 'targetKeyId' failed to satisfy constraint: Member must have length less than or equal to 2048`,
    );
  });

  test('of another alias', async () => {
    const key = await newKey(kms);
    await create('alias/target', key.id);
    for (const target of ['alias/target', aliasArn('alias/target')]) {
      await expectRefusal(
        create('alias/of-alias', target),
        'ValidationException',
        'Aliases must refer to keys. Not aliases',
      );
      await expectRefusal(
        update('alias/target', target),
        'ValidationException',
        'Aliases must refer to keys. Not aliases',
      );
    }
  });

  test('the fifty-first of its key', async () => {
    const [key, other] = [await newKey(kms), await newKey(kms)];
    for (let n = 0; n < 50; n++) await create(`alias/many-${n}`, key.id);
    await create('alias/one-too-many', other.id);
    await expectRefusal(create('alias/more', key.id), 'LimitExceededException', /50/);
    await expectRefusal(update('alias/one-too-many', key.id), 'LimitExceededException', /50/);
    await update('alias/many-7', key.id);
    expect(await aliasesOf(key.id)).toHaveLength(50);
    await remove('alias/many-7');
    await update('alias/one-too-many', key.id);
  });
});
