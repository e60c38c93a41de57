import {
  CreateAliasCommand,
  DeleteAliasCommand,
  type KMSClient,
  ListAliasesCommand,
  ListKeyPoliciesCommand,
  ListKeysCommand,
  ListResourceTagsCommand,
  paginateListAliases,
  paginateListKeys,
  paginateListResourceTags,
} from '@aws-sdk/client-kms';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { expectRefusal, newKey } from './support/kms.ts';
import { cleanUp, startServer, type TestServer } from './support/server.ts';

let server: TestServer;
let clients = 0;

beforeAll(async () => {
  server = await startServer();
});

afterAll(() => cleanUp(server));

/** A client of a Region of its own, so that every test has its listings to itself. */
function client(): KMSClient {
  return server.kms({ region: `xx-test-${++clients}` });
}

async function newKeys(kms: KMSClient, count: number) {
  return Promise.all(Array.from({ length: count }, () => newKey(kms)));
}

describe('ListKeys', () => {
  test('lists nothing where nothing is', async () => {
    const { $metadata: _, ...listed } = await client().send(new ListKeysCommand({}));
    expect(listed).toEqual({ Keys: [], Truncated: false });
  });

  test('lists the keys of its Region, each with its id and its ARN', async () => {
    const [kms, elsewhere] = [client(), client()];
    const keys = await newKeys(kms, 3);
    await newKeys(elsewhere, 1);
    const { Keys, Truncated, NextMarker } = await kms.send(new ListKeysCommand({}));
    expect(new Set(Keys)).toEqual(new Set(keys.map(({ id, arn }) => ({ KeyId: id, KeyArn: arn }))));
    expect({ Truncated, NextMarker }).toEqual({ Truncated: false, NextMarker: undefined });
  });

  test('gives a hundred at a time unless told otherwise', async () => {
    const kms = client();
    await newKeys(kms, 101);
    const first = await kms.send(new ListKeysCommand({}));
    expect(first.Keys).toHaveLength(100);
    expect(first).toMatchObject({ Truncated: true, NextMarker: expect.any(String) });
    const second = await kms.send(new ListKeysCommand({ Marker: first.NextMarker }));
    expect(second.Keys).toHaveLength(1);
    expect(second.Truncated).toBe(false);
    expect((await kms.send(new ListKeysCommand({ Limit: 1000 }))).Keys).toHaveLength(101);
  });

  test.each([1, 2, 3, 7, 8])('lists each key once, in pages of %i', async (pageSize) => {
    const kms = client();
    const keys = await newKeys(kms, 7);
    const listed: (string | undefined)[] = [];
    for await (const page of paginateListKeys({ client: kms, pageSize }, {})) {
      expect(page.Keys?.length).toBeLessThanOrEqual(pageSize);
      expect(page.Truncated).toBe(page.NextMarker !== undefined);
      listed.push(...(page.Keys ?? []).map(({ KeyId }) => KeyId));
    }
    expect(listed.toSorted()).toEqual(keys.map(({ id }) => id).toSorted());
  });

  test('goes on where it was while keys are made', async () => {
    const kms = client();
    const keys = await newKeys(kms, 9);
    const listed: (string | undefined)[] = [];
    for await (const page of paginateListKeys({ client: kms, pageSize: 2 }, {})) {
      listed.push(...(page.Keys ?? []).map(({ KeyId }) => KeyId));
      await newKeys(kms, 1);
      if (listed.length > 100) break;
    }
    expect(new Set(listed).size).toBe(listed.length);
    expect(listed).toEqual(expect.arrayContaining(keys.map(({ id }) => id)));
  });
});

describe('ListAliases', () => {
  const create = (kms: KMSClient, AliasName: string, TargetKeyId: string) =>
    kms.send(new CreateAliasCommand({ AliasName, TargetKeyId }));

  async function allNames(kms: KMSClient, pageSize: number, KeyId?: string): Promise<(string | undefined)[]> {
    const names: (string | undefined)[] = [];
    for await (const page of paginateListAliases({ client: kms, pageSize }, KeyId === undefined ? {} : { KeyId })) {
      expect(page.Aliases?.length).toBeLessThanOrEqual(pageSize);
      names.push(...(page.Aliases ?? []).map(({ AliasName }) => AliasName));
    }
    return names;
  }

  test('lists all aliases of the Region, or those of one key, in pages', async () => {
    const kms = client();
    const [one, two] = [await newKey(kms), await newKey(kms)];
    const ofOne = ['alias/a', 'alias/a/b', 'alias/c'];
    const ofTwo = ['alias/B', 'alias/a-b', 'alias/d'];
    for (const name of ofOne) await create(kms, name, one.id);
    for (const name of ofTwo) await create(kms, name, two.id);
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

  test('gives fifty at a time unless told otherwise', async () => {
    const kms = client();
    const [one, two] = [await newKey(kms), await newKey(kms)];
    for (let n = 0; n < 51; n++) await create(kms, `alias/many-${n}`, n < 50 ? one.id : two.id);
    expect((await kms.send(new ListAliasesCommand({}))).Aliases).toHaveLength(50);
    expect((await kms.send(new ListAliasesCommand({ Limit: 100 }))).Aliases).toHaveLength(51);
  });

  test('goes on where it was while aliases come and go', async () => {
    const kms = client();
    const key = await newKey(kms);
    const names = Array.from({ length: 10 }, (_, n) => `alias/stable-${n}`);
    for (const name of names) await create(kms, name, key.id);
    const listed: string[] = [];
    let removed = 0;
    for await (const page of paginateListAliases({ client: kms, pageSize: 2 }, {})) {
      const given = (page.Aliases ?? []).map(({ AliasName = '' }) => AliasName);
      listed.push(...given);
      // Also the one that the marker names.
      for (const AliasName of given) await kms.send(new DeleteAliasCommand({ AliasName }));
      removed += given.length;
      await create(kms, `alias/new-${removed}`, key.id);
    }
    expect(listed).toEqual(names);
  });
});

test('ListResourceTags lists the tags in pages', async () => {
  const kms = client();
  const Tags = Array.from({ length: 50 }, (_, n) => ({ TagKey: `tag-${n}`, TagValue: String(n) }));
  const { id } = await newKey(kms, { Tags });
  expect((await kms.send(new ListResourceTagsCommand({ KeyId: id }))).Tags).toHaveLength(50);
  for (const pageSize of [1, 7, 49, 50]) {
    const listed = [];
    for await (const page of paginateListResourceTags({ client: kms, pageSize }, { KeyId: id })) {
      expect(page.Tags?.length).toBeLessThanOrEqual(pageSize);
      expect(page.Truncated).toBe(page.NextMarker !== undefined);
      listed.push(...(page.Tags ?? []));
    }
    expect(listed).toHaveLength(50);
    expect(new Set(listed)).toEqual(new Set(Tags));
  }
});

describe('a marker', () => {
  test('that was made up, or given by another operation, is refused', async () => {
    const kms = client();
    const Tags = [
      { TagKey: 'a', TagValue: '' },
      { TagKey: 'b', TagValue: '' },
    ];
    const [{ id }] = [await newKey(kms, { Tags }), await newKey(kms)];
    for (const AliasName of ['alias/a', 'alias/b']) {
      await kms.send(new CreateAliasCommand({ AliasName, TargetKeyId: id }));
    }
    const Limit = 1;
    const ofKeys = (await kms.send(new ListKeysCommand({ Limit }))).NextMarker ?? '';
    const ofTags = (await kms.send(new ListResourceTagsCommand({ KeyId: id, Limit }))).NextMarker ?? '';
    const ofAliases = (await kms.send(new ListAliasesCommand({ Limit }))).NextMarker ?? '';
    expect(new Set([ofKeys, ofTags, ofAliases, '']).size).toBe(4);

    const listings: [string, (Marker: string) => Promise<unknown>][] = [
      [ofKeys, (Marker) => kms.send(new ListKeysCommand({ Marker }))],
      [ofTags, (Marker) => kms.send(new ListResourceTagsCommand({ KeyId: id, Marker }))],
      [ofAliases, (Marker) => kms.send(new ListAliasesCommand({ Marker }))],
      ['', (Marker) => kms.send(new ListKeyPoliciesCommand({ KeyId: id, Marker }))],
    ];
    for (const [own, list] of listings) {
      const wrong = [ofKeys, ofTags, ofAliases].filter((marker) => marker !== own);
      for (const marker of [...wrong, 'made-up', ' ', 'é', id, `${ofKeys}=`, '\u0020\u00ff']) {
        await expectRefusal(list(marker), 'InvalidMarkerException');
      }
      if (own !== '') await list(own);
    }
  });

  test('tells nothing of how it is made', async () => {
    const kms = client();
    const keys = await newKeys(kms, 2);
    const { NextMarker = '' } = await kms.send(new ListKeysCommand({ Limit: 1 }));
    for (const { id } of keys) expect(NextMarker).not.toContain(id);
  });
});

describe('a limit', () => {
  const over = (limit: number, most: number) =>
    `1 validation error detected: Value '${limit}' at 'limit' failed to satisfy constraint: Member must have value less than or equal to ${most}`;

  test('has its bounds', async () => {
    const kms = client();
    const { id } = await newKey(kms);
    const list: [most: number, (Limit: number) => Promise<unknown>][] = [
      [1000, (Limit) => kms.send(new ListKeysCommand({ Limit }))],
      [100, (Limit) => kms.send(new ListAliasesCommand({ Limit }))],
      [100, (Limit) => kms.send(new ListAliasesCommand({ KeyId: id, Limit }))],
      [50, (Limit) => kms.send(new ListResourceTagsCommand({ KeyId: id, Limit }))],
      [1000, (Limit) => kms.send(new ListKeyPoliciesCommand({ KeyId: id, Limit }))],
    ];
    for (const [most, withLimit] of list) {
      await withLimit(1);
      await withLimit(most);
      await expectRefusal(withLimit(most + 1), 'ValidationException', over(most + 1, most));
      await expectRefusal(
        withLimit(0),
        'ValidationException',
        "1 validation error detected: Value '0' at 'limit' failed to satisfy constraint: Member must have value greater than or equal to 1",
      );
    }
  });
});
