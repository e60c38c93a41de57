import { ListAliasesCommand, ListKeysCommand } from '@aws-sdk/client-kms';
import { expect, test } from 'vitest';
import { expectRefusal, newAlias, newKey } from './kms.ts';
import type { Fixture, OperationDescription } from './operation-suite.ts';
import type { Sandbox } from './sandbox.ts';

/** How an operation lists things page by page, by `Limit` and `Marker`. */
export interface PagesDescription<Input, Output> {
  /** What tells the items of a page apart. */
  readonly items: (output: Output) => readonly (string | undefined)[];
  /** The largest `Limit` that is taken. */
  readonly most: number;
  /** The number of items in a page unless told otherwise. Absent where no listing can be longer. */
  readonly usual?: number;
  /** Makes one more item, named by this number. Absent where there is always the same one. */
  readonly add?: (fixture: Fixture, number: number) => Promise<unknown>;
  readonly remove?: (fixture: Fixture, item: string) => Promise<unknown>;
  /** For listings that another request than the suite's own shows better. */
  readonly request?: (fixture: Fixture) => Input;
}

interface Page {
  readonly Truncated?: boolean | undefined;
  readonly NextMarker?: string | undefined;
}

export function testPages<Input extends object, Output>(
  sandbox: Sandbox,
  { name, send }: OperationDescription<Input, Output>,
  { items, most, usual, add, remove, request }: PagesDescription<Input, Output>,
  ready: (region: string) => Promise<{ readonly fixture: Fixture; readonly input: Input }>,
): void {
  /** A listing in a Region of its own. */
  const listing = async (itemCount = 0) => {
    const { fixture, input } = await ready(sandbox.newRegion());
    for (let number = 1; number <= itemCount; number++) await add?.(fixture, number);
    const list = async (options: { Limit?: number; Marker?: string | undefined } = {}) => {
      const output = await send(fixture.caller, { ...(request?.(fixture) ?? input), ...options });
      const { Truncated, NextMarker } = output as Page;
      return { items: items(output).map((item) => item ?? ''), Truncated, NextMarker };
    };
    /** All pages, one after the other; `between` is called after each. */
    const pages = async (Limit: number, between?: (page: string[]) => Promise<unknown>) => {
      const all: string[] = [];
      for (let Marker: string | undefined, count = 0; count < 200; count++) {
        const page = await list({ Limit, ...(Marker === undefined ? {} : { Marker }) });
        expect(page.items.length).toBeLessThanOrEqual(Limit);
        expect(page.Truncated).toBe(page.NextMarker !== undefined);
        all.push(...page.items);
        await between?.(page.items);
        Marker = page.NextMarker;
        if (Marker === undefined) return all;
      }
      throw new Error(`${name} comes to no end`);
    };
    return { fixture, list, pages };
  };

  test('takes limits within their bounds', async () => {
    const { list } = await listing();
    await list({ Limit: 1 });
    await list({ Limit: most });
    const violation = 'failed to satisfy constraint: Member must have value';
    await expectRefusal(
      list({ Limit: most + 1 }),
      'ValidationException',
      `1 validation error detected: Value '${most + 1}' at 'limit' ${violation} less than or equal to ${most}`,
    );
    await expectRefusal(
      list({ Limit: 0 }),
      'ValidationException',
      `1 validation error detected: Value '0' at 'limit' ${violation} greater than or equal to 1`,
    );
  });

  test('refuses markers that it has not given', async () => {
    const { fixture, list } = await listing(2);
    const { kms, key } = fixture;
    for (let count = 0; count < 2; count++) await newAlias(kms, await newKey(kms));
    const ofKeys = (await kms.send(new ListKeysCommand({ Limit: 1 }))).NextMarker ?? '';
    const ofAliases = (await kms.send(new ListAliasesCommand({ Limit: 1 }))).NextMarker ?? '';
    expect(new Set([ofKeys, ofAliases, '']).size).toBe(3);
    const others = [...(name === 'ListKeys' ? [] : [ofKeys]), ...(name === 'ListAliases' ? [] : [ofAliases])];
    const own = (await list({ Limit: 1 })).NextMarker;
    const madeUp = ['made-up', ' ', 'é', '\u0020\u00ff', key.id, `${own ?? others[0]}=`];
    for (const Marker of [...others, ...madeUp]) {
      await expectRefusal(list({ Marker }), 'InvalidMarkerException');
    }
    if (own !== undefined) await list({ Marker: own });
  });

  if (add === undefined) return;

  test('lists each item once, whatever the size of the pages', async () => {
    const { list, pages } = await listing(7);
    const all = await list({ Limit: most });
    expect(all.items.length).toBeGreaterThanOrEqual(7);
    expect(all).toMatchObject({ Truncated: false, NextMarker: undefined });
    expect(new Set(all.items).size).toBe(all.items.length);
    for (const size of [1, 2, 3, all.items.length, all.items.length + 1]) {
      expect((await pages(Math.min(size, most))).toSorted()).toEqual(all.items.toSorted());
    }
  });

  test('goes on where it was while items come and go', async () => {
    const { fixture, list, pages } = await listing(9);
    const before = (await list({ Limit: most })).items;
    let number = 100;
    const listed = await pages(2, async (page) => {
      // Also the one that the marker names.
      if (remove !== undefined) for (const item of page) await remove(fixture, item);
      if (number < 110) await add(fixture, ++number);
    });
    expect(new Set(listed).size).toBe(listed.length);
    expect(listed).toEqual(expect.arrayContaining(before));
  });

  test('gives markers that tell nothing of what they stand for', async () => {
    const { list } = await listing(3);
    const {
      items: [item],
      NextMarker,
    } = await list({ Limit: 1 });
    expect(NextMarker).toEqual(expect.any(String));
    expect(NextMarker).not.toContain(item);
  });

  if (usual === undefined) return;
  test(`gives ${usual} items at a time unless told otherwise`, async () => {
    const { list } = await listing(usual + 1);
    const first = await list();
    expect(first.items).toHaveLength(usual);
    expect(first.Truncated).toBe(true);
    const second = await list({ Marker: first.NextMarker });
    expect(second.items.length).toBeGreaterThanOrEqual(1);
    expect(second.Truncated).toBe(false);
  });
}
