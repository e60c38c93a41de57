import {
  CreateAliasCommand,
  type CreateAliasCommandInput,
  DescribeKeyCommand,
  type KMSClient,
  ListAliasesCommand,
} from '@aws-sdk/client-kms';
import { describe, expect, test } from 'vitest';
import { aliasArn, aliasesOf, keepsItsNames } from '../support/aliases.ts';
import { expectRefusal, newKey } from '../support/kms.ts';
import { expectEveryDocumentedException, testOperation } from '../support/operation-suite.ts';
import { OTHER_REGION, OWNER, sandboxOfThisFile } from '../support/sandbox.ts';

const sandbox = sandboxOfThisFile();
let names = 0;

testOperation(sandbox, {
  name: 'CreateAlias',
  send: (kms: KMSClient, input: CreateAliasCommandInput) => kms.send(new CreateAliasCommand(input)),
  request: ({ key }) => ({ AliasName: `alias/new-${++names}`, TargetKeyId: key.id }),
  key: {
    namedBy: { member: 'TargetKeyId', accepts: 'key' },
    crossAccount: false,
    aliasRefusal: { name: 'ValidationException', message: 'Aliases must refer to keys. Not aliases' },
  },
});

const create = (AliasName: string, TargetKeyId: string) =>
  sandbox.kms.send(new CreateAliasCommand({ AliasName, TargetKeyId }));

test('makes an alias, which names the key from then on', async () => {
  const key = await newKey(sandbox.kms);
  const AliasName = 'alias/Orders/2026_q-4';
  const before = Date.now();
  const { $metadata: created, ...nothing } = await create(AliasName, key.arn);
  expect(created.httpStatusCode).toBe(200);
  expect(nothing).toEqual({});
  const [entry, ...more] = await aliasesOf(sandbox.kms, key);
  expect(more).toEqual([]);
  expect(entry).toEqual({
    AliasName,
    AliasArn: aliasArn(AliasName),
    TargetKeyId: key.id,
    CreationDate: expect.any(Date),
    LastUpdatedDate: entry?.CreationDate,
  });
  const createdAt = entry?.CreationDate?.getTime();
  expect(createdAt).toBeGreaterThanOrEqual(before);
  expect(createdAt).toBeLessThanOrEqual(Date.now());
});

test('tells names apart by their letters, and by their Regions', async () => {
  const { kms } = sandbox;
  const key = await newKey(kms);
  const elsewhere = sandbox.as(OWNER, OTHER_REGION);
  const other = await newKey(elsewhere);
  await create('alias/letters', key.id);
  await create('alias/Letters', key.id);
  await elsewhere.send(new CreateAliasCommand({ AliasName: 'alias/letters', TargetKeyId: other.id }));
  const found = await elsewhere.send(new DescribeKeyCommand({ KeyId: 'alias/letters' }));
  expect(found.KeyMetadata?.Arn).toBe(other.arn);
  const { Aliases } = await kms.send(new ListAliasesCommand({ KeyId: key.id }));
  expect(Aliases?.map(({ AliasName }) => AliasName)).toEqual(['alias/Letters', 'alias/letters']);
  await expectRefusal(
    elsewhere.send(new CreateAliasCommand({ AliasName: 'alias/far', TargetKeyId: key.id })),
    'NotFoundException',
    `Key 'arn:aws:kms:${OTHER_REGION}:${OWNER}:key/${key.id}' does not exist`,
  );
});

test('makes no alias twice', async () => {
  const key = await newKey(sandbox.kms);
  await create('alias/twice', key.id);
  await expectRefusal(
    create('alias/twice', (await newKey(sandbox.kms)).id),
    'AlreadyExistsException',
    `An alias with the name ${aliasArn('alias/twice')} already exists`,
  );
  expect(await aliasesOf(sandbox.kms, key)).toMatchObject([{ AliasName: 'alias/twice' }]);
});

keepsItsNames(sandbox, (AliasName, key) => create(AliasName, key.id));

describe('the name', () => {
  test('may begin as those of AWS do', async () => {
    await create('alias/awsome', (await newKey(sandbox.kms)).id);
  });

  test('has its characters and its length, which are told together', async () => {
    const key = await newKey(sandbox.kms);
    const pattern = 'Member must satisfy regular expression pattern: ^[a-zA-Z0-9:/_-]+$';
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
});

const quota = 'Aliases per key quota for this account in this region is 50, current usage is 50.';

test('gives a key no more than fifty aliases', async () => {
  const [key, other] = [await newKey(sandbox.kms), await newKey(sandbox.kms)];
  for (let n = 0; n < 50; n++) await create(`alias/many-${n}`, key.id);
  await expectRefusal(create('alias/more', key.id), 'LimitExceededException', quota);
  await create('alias/more', other.id);
  expect(await aliasesOf(sandbox.kms, key)).toHaveLength(50);
});

expectEveryDocumentedException(sandbox, 'CreateAlias', {
  InvalidAliasNameException: 'AWS refuses such names with ValidationException, whatever its page says',
});
