import fc from 'fast-check';
import { expect, test } from 'vitest';
import { sealedMemoryStore } from '../store/sealed-memory-store.test-helper.ts';
import { type Store, table } from '../store/sealed-store.ts';
import { marker as markerShape } from '../wire/kms-shapes.ts';
import { type Page, pageOfList, pageOfRecords } from './pagination.ts';

const names = table<string>('names');
const USUAL = 3;
const PREFIX = '111122223333/us-east-1/';

async function storeWith(...all: readonly string[]): Promise<Store> {
  const store = sealedMemoryStore();
  await store.transact(async (transaction) => {
    for (const name of all) await transaction.create(names, PREFIX + name, name);
    await transaction.create(names, '111122223333/us-east-2/other', 'other');
    await transaction.create(names, '111122223333/us-east-1', 'above');
  });
  return store;
}

/** All pages, one after the other. `between` runs after each. */
async function walk<T>(pageAt: (marker: string | undefined) => Promise<Page<T>> | Page<T>, between = async () => {}) {
  const pages: Page<T>[] = [];
  for (let marker: string | undefined; ; ) {
    const page = await pageAt(marker);
    pages.push(page);
    expect(page.Truncated).toBe(page.NextMarker !== undefined);
    if (page.NextMarker === undefined) return pages;
    marker = page.NextMarker;
    await between();
  }
}

const records = (store: Store, Limit?: number) => (marker: string | undefined) =>
  pageOfRecords(store, names, PREFIX, 'ListNames', { Limit, Marker: marker }, USUAL);

/** Any name that a record can have. */
const anyName = fc
  .oneof(
    fc.string({ minLength: 1, maxLength: 8 }),
    fc.string({ unit: 'binary', minLength: 1, maxLength: 8 }),
    // Names that begin with one another.
    fc.stringMatching(/^[ab]{1,4}$/),
  )
  .filter((name) => name.isWellFormed() && !name.includes('\0'));

test('the pages of records hold every record once, in order, and none of others', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.uniqueArray(anyName, { maxLength: 25 }),
      fc.integer({ min: 1, max: 10 }),
      async (all, limit) => {
        const store = await storeWith(...all);
        const pages = await walk(records(store, limit));
        const listed = pages.flatMap(({ items }) => items.map(({ value }) => value));
        expect(listed).toEqual([...all].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))));
        for (const { items } of pages.slice(0, -1)) expect(items).toHaveLength(limit);
      },
    ),
    { numRuns: 60 },
  );
});

test('the pages of a list do so too', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.uniqueArray(anyName, { maxLength: 25 }),
      fc.integer({ min: 1, max: 10 }),
      async (all, limit) => {
        const sorted = [...all].sort();
        const pages = await walk((marker) =>
          pageOfList(sorted, 'ListNames', { Limit: limit, Marker: marker }, USUAL, (name) => name),
        );
        expect(pages.flatMap(({ items }) => items)).toEqual(sorted);
      },
    ),
    { numRuns: 60 },
  );
});

test('a listing holds what was there from its first page to its last exactly once, while others come and go', async () => {
  const store = await storeWith('b', 'd', 'f', 'h', 'j', 'l');
  let round = 0;
  const pages = await walk(records(store, 2), async () => {
    round += 1;
    await store.transact(async (transaction) => {
      await transaction.create(names, `${PREFIX}a${round}`, `a${round}`);
      await transaction.create(names, `${PREFIX}k${round}`, `k${round}`);
      // The record that the marker names.
      if (round === 1) await transaction.remove(names, `${PREFIX}d`, 1);
    });
  });
  const listed = pages.flatMap(({ items }) => items.map(({ value }) => value));
  expect(listed.filter((name) => 'bdfhjl'.includes(name))).toEqual(['b', 'd', 'f', 'h', 'j', 'l']);
  expect(new Set(listed).size).toBe(listed.length);
});

test('without a limit a page has its usual size', async () => {
  const store = await storeWith('a', 'b', 'c', 'd');
  expect((await records(store)(undefined)).items).toHaveLength(3);
});

test('a page that is just full is the last one if nothing is left', async () => {
  const page = await records(await storeWith('a', 'b'), 2)(undefined);
  expect(page).toMatchObject({ Truncated: false });
  expect(page).not.toHaveProperty('NextMarker');
});

test('nothing to list is one empty page', async () => {
  expect(await records(await storeWith())(undefined)).toEqual({ items: [], Truncated: false });
});

test('a marker is one that clients can send back', async () => {
  await fc.assert(
    fc.asyncProperty(fc.uniqueArray(anyName, { minLength: 2, maxLength: 5 }), async (all) => {
      const { NextMarker } = await records(await storeWith(...all), 1)(undefined);
      for (const { holds } of markerShape.constraints) expect(holds(NextMarker as string)).toBe(true);
    }),
    { numRuns: 40 },
  );
});

const marker = (text: string | Buffer) => Buffer.from(text as string).toString('base64url');

test.each([
  ['nonsense', 'nonsense'],
  ['of another operation', marker('ListOthers\na')],
  ['of an operation whose name begins alike', marker('ListNamesToo\na')],
  ['without a name', marker('ListNames\n')],
  ['without its line feed', marker('ListNames')],
  ['with a NUL', marker('ListNames\na\0b')],
  ['not UTF-8', marker(Buffer.from('4c6973744e616d65730aff', 'hex'))],
  ['padded', `${marker('ListNames\na')}==`],
  ['in the other alphabet', Buffer.from('ListNames\n~~~???').toString('base64')],
  ['with blanks', ` ${marker('ListNames\na')}`],
  ['empty', ''],
])('a marker that is %s is refused', async (_, text) => {
  const store = await storeWith('a', 'b');
  await expect(records(store)(text)).rejects.toThrow(expect.objectContaining({ code: 'InvalidMarkerException' }));
});

test('a made-up marker only begins the listing elsewhere, within what may be listed', async () => {
  const store = await storeWith('a', 'b', 'c');
  for (const [name, listed] of [
    ['a', ['b', 'c']],
    ['aa', ['b', 'c']],
    ['../us-east-2/', ['a', 'b', 'c']],
    ['zzz', []],
  ] as const) {
    const { items } = await records(store)(marker(`ListNames\n${name}`));
    expect(items.map(({ value }) => value)).toEqual(listed);
  }
});
