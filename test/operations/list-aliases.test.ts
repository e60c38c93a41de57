import {
  CreateAliasCommand,
  DeleteAliasCommand,
  DescribeKeyCommand,
  type KMSClient,
  ListAliasesCommand,
  type ListAliasesCommandInput,
  paginateListAliases,
} from '@aws-sdk/client-kms';
import { expect, test } from 'vitest';
import { expectRefusal, newKey } from '../support/kms.ts';
import { expectEveryDocumentedException, testOperation } from '../support/operation-suite.ts';
import { OWNER, sandboxOfThisFile } from '../support/sandbox.ts';

const sandbox = sandboxOfThisFile();

/** Those that AWS has predefined are there in every Region, and nobody's to delete. */
const isCustomers = (aliasName: string | undefined) => aliasName?.startsWith('alias/aws/') !== true;

testOperation(sandbox, {
  name: 'ListAliases',
  send: (kms: KMSClient, input: ListAliasesCommandInput) => kms.send(new ListAliasesCommand(input)),
  request: ({ key }) => ({ KeyId: key.id }),
  key: {
    namedBy: { member: 'KeyId', accepts: 'key' },
    optional: true,
    crossAccount: false,
    // It is the account's own list: what a key's policy says of it does not matter.
    permission: null,
    foreignRefusal: (arn) => ({ name: 'NotFoundException', message: `Key '${arn}' does not exist` }),
  },
  pages: {
    request: () => ({}),
    items: ({ Aliases }) => (Aliases ?? []).map(({ AliasName }) => AliasName),
    most: 100,
    usual: 50,
    // A key has fifty aliases at most.
    add: async ({ kms }, number) =>
      kms.send(new CreateAliasCommand({ AliasName: `alias/item-${number}`, TargetKeyId: (await newKey(kms)).id })),
    remove: async ({ kms }, AliasName) => {
      if (isCustomers(AliasName)) await kms.send(new DeleteAliasCommand({ AliasName }));
    },
  },
});

/** A client of a Region of its own, so that a test has its listings to itself. */
const client = () => sandbox.as(OWNER, sandbox.newRegion());

async function allNames(kms: KMSClient, pageSize: number, KeyId?: string): Promise<(string | undefined)[]> {
  const names: (string | undefined)[] = [];
  for await (const page of paginateListAliases({ client: kms, pageSize }, KeyId === undefined ? {} : { KeyId })) {
    expect(page.Aliases?.length).toBeLessThanOrEqual(pageSize);
    names.push(...(page.Aliases ?? []).map(({ AliasName }) => AliasName).filter(isCustomers));
  }
  return names;
}

test('lists nothing where nothing is', async () => {
  const kms = client();
  expect(await allNames(kms, 100)).toEqual([]);
  const { id: KeyId } = await newKey(kms);
  const { $metadata: _, ...listed } = await kms.send(new ListAliasesCommand({ KeyId }));
  expect(listed).toEqual({ Aliases: [], Truncated: false });
});

test('lists all aliases of the Region, or those of one key, in pages', async () => {
  const kms = client();
  const [one, two] = [await newKey(kms), await newKey(kms)];
  const ofOne = ['alias/a', 'alias/a/b', 'alias/c'];
  const ofTwo = ['alias/B', 'alias/a-b', 'alias/d'];
  for (const AliasName of ofOne) await kms.send(new CreateAliasCommand({ AliasName, TargetKeyId: one.id }));
  for (const AliasName of ofTwo) await kms.send(new CreateAliasCommand({ AliasName, TargetKeyId: two.id }));
  for (const pageSize of [1, 2, 3, 100]) {
    expect((await allNames(kms, pageSize)).toSorted()).toEqual([...ofOne, ...ofTwo].toSorted());
    expect((await allNames(kms, pageSize, one.id)).toSorted()).toEqual(ofOne);
    expect((await allNames(kms, pageSize, two.arn)).toSorted()).toEqual(ofTwo);
  }
  const { Aliases } = await kms.send(new ListAliasesCommand({}));
  expect(Aliases?.find(({ AliasName }) => AliasName === 'alias/B')).toMatchObject({
    AliasArn: two.arn.replace(/key\/.*/, 'alias/B'),
    TargetKeyId: two.id,
  });
  expect(await allNames(client(), 10)).toEqual([]);
});

test('shows the predefined aliases, without a key until it is made', async () => {
  const region = sandbox.newRegion();
  const kms = sandbox.as(OWNER, region);
  const AliasName = 'alias/aws/s3';
  const AliasArn = `arn:aws:kms:${region}:${OWNER}:${AliasName}`;
  const find = async () => {
    const { Aliases } = await kms.send(new ListAliasesCommand({ Limit: 100 }));
    return Aliases?.find((alias) => alias.AliasName === AliasName);
  };
  expect(await find()).toEqual({ AliasName, AliasArn });
  const { KeyMetadata } = await kms.send(new DescribeKeyCommand({ KeyId: AliasArn }));
  const { KeyId, CreationDate } = KeyMetadata ?? {};
  const listed = { AliasName, AliasArn, TargetKeyId: KeyId, CreationDate, LastUpdatedDate: CreationDate };
  expect(await find()).toEqual(listed);
  expect((await kms.send(new ListAliasesCommand({ KeyId }))).Aliases).toEqual([listed]);
});

test('takes the same limits for the aliases of one key', async () => {
  const kms = client();
  const { id: KeyId } = await newKey(kms);
  for (const Limit of [1, 100]) await kms.send(new ListAliasesCommand({ KeyId, Limit }));
  for (const Limit of [0, 101]) {
    await expectRefusal(kms.send(new ListAliasesCommand({ KeyId, Limit })), 'ValidationException', /at 'limit'/);
  }
});

expectEveryDocumentedException(sandbox, 'ListAliases');
