import { setImmediate } from 'node:timers/promises';
import { KeyholdError } from '../../runtime/errors.ts';
import type { Reader, Table } from '../../store/sealed-store.ts';
import { type NamedItem, pageOfList, pageOfRecords, pageOfRecordsAndNames } from '../pagination.ts';

/** IAM's listings: `MaxItems` and `Marker` in, `IsTruncated` and `Marker` out. */

export interface ListingRequest {
  readonly MaxItems?: number | undefined;
  readonly Marker?: string | undefined;
}

export interface Listing<T> {
  readonly items: T[];
  /** The members of the answer besides the items. */
  readonly more: { readonly IsTruncated: boolean; readonly Marker?: string };
}

/** "If you do not include this parameter, the number of items defaults to 100" (API reference of every listing). */
const USUAL_ITEMS = 100;

/** A page of the records below a prefix, in the order of their names. */
export async function listRecords<T>(
  reader: Reader,
  table: Table<T>,
  prefix: string,
  operation: string,
  { MaxItems, Marker }: ListingRequest,
): Promise<Listing<T>> {
  const page = pageOfRecords(reader, table, prefix, operation, { Limit: MaxItems, Marker }, USUAL_ITEMS);
  const { items, NextMarker } = await page.catch(inIamsWords);
  return { items: items.map(({ value }) => value), more: continuation(NextMarker) };
}

/** The same with names that are listed whether or not there are records of them: see `pageOfRecordsAndNames`. */
export async function listRecordsAndNames<T>(
  reader: Reader,
  table: Table<T>,
  prefix: string,
  standing: readonly string[],
  operation: string,
  { MaxItems, Marker }: ListingRequest,
): Promise<Listing<NamedItem<T>>> {
  const request = { Limit: MaxItems, Marker };
  const page = pageOfRecordsAndNames(reader, table, prefix, standing, operation, request, USUAL_ITEMS);
  const { items, NextMarker } = await page.catch(inIamsWords);
  return { items, more: continuation(NextMarker) };
}

/** A page of a list that is in memory already, ordered by `nameOf`. */
export function listItems<T>(
  all: readonly T[],
  operation: string,
  { MaxItems, Marker }: ListingRequest,
  nameOf: (item: T) => string,
): Listing<T> {
  try {
    const { items, NextMarker } = pageOfList(all, operation, { Limit: MaxItems, Marker }, USUAL_ITEMS, nameOf);
    return { items, more: continuation(NextMarker) };
  } catch (error) {
    return inIamsWords(error);
  }
}

/**
 * Items of which each takes more reading: everyone else has their turn in between, for a page of a thousand may take
 * seconds.
 */
export async function* inTurns<T>(items: readonly T[]): AsyncGenerator<T> {
  for (const item of items) {
    yield item;
    await setImmediate();
  }
}

function continuation(NextMarker: string | undefined): Listing<never>['more'] {
  return NextMarker === undefined ? { IsTruncated: false } : { IsTruncated: true, Marker: NextMarker };
}

function inIamsWords(error: unknown): never {
  if (error instanceof KeyholdError && error.code === 'InvalidMarkerException') {
    throw new KeyholdError('ValidationException', 'Invalid Marker.');
  }
  throw error;
}
