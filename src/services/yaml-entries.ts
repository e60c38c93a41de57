import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseDocument,
  type Scalar,
} from 'yaml';
import { KeyholdError } from '../runtime/errors.ts';
import type { Shape } from '../wire/shape.ts';

/**
 * Reads a YAML file by a declaration of what it may hold, and says of what is wrong where it stands. Nothing is taken that
 * is not declared: a misspelt name is a mistake, and not an extra.
 */

/** One place in the file: what stands there, and what leads to it. */
export interface Entry {
  /** `accounts[0].users[1].name` */
  readonly path: string;
  /** Undefined where nothing stands after a name. */
  readonly node: Node | undefined;
  /** Where messages send the reader: to a name, or to an element of a list. */
  readonly offset: number;
  readonly file: File;
}

interface File {
  /** As messages call it. */
  readonly name: string;
  readonly document: Document;
  readonly lines: LineCounter;
  /** How much has been read so far. */
  entries: number;
}

/** Reads what stands at a place. Throws StartupRefused. */
export type Read<T> = (entry: Entry) => T;

interface Field<T> {
  readonly read: Read<T>;
  /** What it comes to where the file does not have it; it must be there if this is not. */
  readonly absent?: () => T;
}

type Fields = Readonly<Record<string, Field<unknown>>>;

/** What a mapping holds, with the place where it stands. */
export type Mapping<F extends Fields> = { readonly [K in keyof F]: F[K] extends Field<infer T> ? T : never } & {
  readonly at: Entry;
};

const MOST_BYTES = 4 * 1024 * 1024;
/** More than the bytes have room for, unless aliases repeat what is written once: a few bytes may stand for the whole file. */
const MOST_ENTRIES = 1_000_000;
/** How many aliases there may be in one policy. */
const MOST_ALIASES = 100;

/** Throws StartupRefused, which names the file, the line, the column and the path of what is wrong. */
export function readYaml<T>(name: string, text: string, read: Read<T>): T {
  if (text.length > MOST_BYTES) throw new KeyholdError('StartupRefused', `${name} is larger than ${MOST_BYTES} bytes`);
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, stringKeys: true });
  const [fault] = [...document.errors, ...document.warnings];
  if (fault !== undefined) {
    const { line, col } = lines.linePos(fault.pos[0]);
    // What follows the colon is from the file, and may be a secret.
    const [what] = fault.message.split(/: |\n/);
    throw new KeyholdError('StartupRefused', `${name}:${line}:${col}: is not YAML: ${what}`);
  }
  return read({
    path: '',
    node: document.contents ?? undefined,
    offset: 0,
    file: { name, document, lines, entries: 0 },
  });
}

export function refusedAt({ path, offset, file }: Entry, message: string, cause?: unknown): KeyholdError {
  const { line, col } = file.lines.linePos(offset);
  const where = path === '' ? '' : ` ${path}:`;
  return new KeyholdError('StartupRefused', `${file.name}:${line}:${col}:${where} ${message}`, { cause });
}

/** Has what is refused within said of this place; what is wrong with the server itself passes. */
export async function refusingAt<T>(entry: Entry, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw placed(entry, error);
  }
}

function placed(entry: Entry, error: unknown): unknown {
  const own = ['StartupRefused', 'TamperedRecord', 'StoreUnavailable', 'StoreConflict', 'AuditUnavailable'];
  if (!(error instanceof KeyholdError) || own.includes(error.code)) return error;
  return refusedAt(entry, error.message === '' ? error.code : `${error.code}: ${error.message}`, error);
}

/** Judges what was read by what the APIs say of it. */
export function judged<T>(read: Read<T>, judge: (value: T) => void): Read<T> {
  return (entry) => {
    const value = read(entry);
    try {
      judge(value);
    } catch (error) {
      throw placed(entry, error);
    }
    return value;
  };
}

export function needed<T>(read: Read<T>): Field<T> {
  return { read };
}

export function optional<T>(read: Read<T>): Field<T | undefined> {
  return { read, absent: () => undefined };
}

/** A list, which is empty where nothing is said. */
export function several<T>(read: Read<T>, nameOf?: (value: T) => string): Field<readonly T[]> {
  return { read: listOf(read, nameOf), absent: () => [] };
}

/** Names of one's own choice and what they stand for, which is nothing where nothing is said. */
export function named<T>(name: Shape<string>, read: Read<T>): Field<readonly Named<T>[]> {
  return { read: entriesOf(name, read), absent: () => [] };
}

export interface Named<T> {
  readonly name: string;
  readonly value: T;
}

export function mapping<F extends Fields>(fields: F): Read<Mapping<F>> {
  return (entry) => {
    const given = new Map(pairsOf(entry));
    for (const [name, place] of given) {
      if (Object.hasOwn(fields, name)) continue;
      throw refusedAt(place, `is not known here, where there can be ${Object.keys(fields).join(', ')}`);
    }
    const values = Object.entries(fields).map(([name, { read, absent }]) => {
      const place = given.get(name);
      if (place?.node !== undefined) return [name, read(place)];
      if (absent === undefined) throw refusedAt(entry, `${name} is missing`);
      return [name, absent()];
    });
    return { ...Object.fromEntries(values), at: entry } as Mapping<F>;
  };
}

/** @param nameOf what no two elements may have in common */
function listOf<T>(read: Read<T>, nameOf?: (value: T) => string): Read<readonly T[]> {
  return (entry) => {
    const node = resolved(entry);
    if (!isSeq(node)) throw refusedAt(entry, 'must be a list');
    count(entry, node.items.length);
    const seen = new Set<string>();
    return node.items.map((item, index) => {
      const element = item as Node;
      const place = { ...entry, path: `${entry.path}[${index}]`, node: element, offset: offsetOf(element) };
      const value = read(place);
      const name = nameOf?.(value);
      if (name !== undefined && seen.has(name)) throw refusedAt(place, `${JSON.stringify(name)} is there twice`);
      if (name !== undefined) seen.add(name);
      return value;
    });
  };
}

function entriesOf<T>(name: Shape<string>, read: Read<T>): Read<readonly Named<T>[]> {
  return (entry) =>
    pairsOf(entry).map(([key, place]) => {
      checkShape(name, key, place);
      return { name: key, value: read(place) };
    });
}

/** A scalar that is what an API takes for one of its members. */
export function member<T>(shape: Shape<T>): Read<T> {
  return (entry) => {
    const { value, source } = scalarOf(entry);
    const json = shape.description.type === 'string' ? textOf(value, source) : value;
    if (!isOfType(json, shape.description.type)) {
      throw refusedAt(entry, `must be ${WANTED[shape.description.type] ?? 'something else'}`);
    }
    const read = shape.read(json);
    checkShape(shape, read, entry);
    return read;
  };
}

/** What YAML takes a single value for. */
export function scalar(entry: Entry): unknown {
  return scalarOf(entry).value;
}

/** A text that messages may not show. */
export function secret(pattern: RegExp, wanted: string): Read<string> {
  return (entry) => {
    const { value, source } = scalarOf(entry);
    const text = textOf(value, source);
    if (text === undefined || !pattern.test(text)) throw refusedAt(entry, `must be ${wanted}`);
    return text;
  };
}

/** A policy, as JSON in a text or written as YAML, which then becomes JSON. */
export const policyDocument: Read<string> = (entry) => {
  const node = resolved(entry);
  if (!isMap(node)) return scalarText(entry, 'a policy, written as YAML or as JSON in a text');
  try {
    return JSON.stringify(node.toJS(entry.file.document, { maxAliasCount: MOST_ALIASES }));
  } catch (cause) {
    throw refusedAt(entry, 'repeats too much of the file, or itself, or what is not there', cause);
  }
};

const WANTED: Readonly<Record<string, string>> = {
  string: 'a text',
  integer: 'a whole number',
  boolean: 'true or false',
};

function isOfType(json: unknown, type: string): boolean {
  if (type === 'integer') return Number.isSafeInteger(json);
  return typeof json === type;
}

function checkShape<T>(shape: Shape<T>, value: T, entry: Entry): void {
  const broken = shape.constraints.find(({ holds }) => !holds(value));
  if (broken === undefined) return;
  throw refusedAt(entry, `Value ${JSON.stringify(value)} failed to satisfy constraint: ${broken.text}`);
}

function scalarOf(entry: Entry): Scalar {
  const node = resolved(entry);
  if (!isScalar(node)) throw refusedAt(entry, 'must be a single value');
  return node;
}

function scalarText(entry: Entry, wanted: string): string {
  const node = resolved(entry);
  if (!isScalar(node) || typeof node.value !== 'string') throw refusedAt(entry, `must be ${wanted}`);
  return node.value;
}

/** A text that YAML takes for a number, such as the id of an account, is what was written, with its zeros. */
function textOf(value: unknown, source: string | undefined): string | undefined {
  if (typeof value === 'number') return source;
  return typeof value === 'string' ? value : undefined;
}

/** The names and places of a mapping. YAML has refused names that are there twice. */
function pairsOf(entry: Entry): [name: string, place: Entry][] {
  const node = resolved(entry);
  if (!isMap(node)) throw refusedAt(entry, 'must be a mapping of names to values');
  count(entry, node.items.length);
  return node.items.map(({ key, value }) => {
    const name = (key as Scalar<string>).value;
    const path = entry.path === '' ? name : `${entry.path}.${name}`;
    const stands = value as Node | null;
    const isNothing = stands === null || (isScalar(stands) && stands.value === null);
    return [name, { ...entry, path, node: isNothing ? undefined : stands, offset: offsetOf(key as Node) }];
  });
}

/** INVARIANT: the time that reading takes is bounded, whatever aliases stand for. */
function count(entry: Entry, more: number): void {
  entry.file.entries += more;
  if (entry.file.entries > MOST_ENTRIES) throw refusedAt(entry, `the file has more than ${MOST_ENTRIES} entries`);
}

function offsetOf(node: Node): number {
  return node.range?.[0] ?? 0;
}

/** What an alias stands for, which is written before it. */
function resolved(entry: Entry): Node | undefined {
  const { node, file } = entry;
  if (!isAlias(node)) return node;
  const target = node.resolve(file.document);
  if (target === undefined) throw refusedAt(entry, `there is no anchor &${node.source} before it`);
  return target;
}
