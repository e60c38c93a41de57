import { isUtf8 } from 'node:buffer';
import { KeyholdError } from '../runtime/errors.ts';
import type { ShapeDescription } from './shape.ts';

/**
 * The input of AWS's Query protocol: a form whose names are paths, such as `Tags.member.1.Key=team`
 * ("AWS Query protocol" in the Smithy documentation).
 */

/** One name of the form, cut at its full stops. */
interface FormNode {
  value?: string;
  /** Names are the caller's own, so they are keys of a Map and never properties. */
  readonly children: Map<string, FormNode>;
}

export type Form = FormNode;

/** More names than a megabyte of metrics has, and as deep as the deepest: the dimensions of a metric of an entity. */
const MOST_PARAMETERS = 25_000;
const DEEPEST_NAME = 10;
/** Those of metrics have most of their steps in common. */
const MOST_NODES = 100_000;

/**
 * The values of parameters of the form's first level, such as `Action`, in the order of their names. Nothing else of the form
 * is read for it: anyone can send one, a megabyte in some compressed kilobytes, and to read one takes many milliseconds.
 *
 * @throws KeyholdError MalformedQueryStringException
 */
export function findParameters(bytes: Uint8Array, ...names: readonly string[]): (string | undefined)[] {
  const found: (string | undefined)[] = names.map(() => undefined);
  // As long as it is where each of its letters is encoded.
  const longest = 3 * Math.max(...names.map(({ length }) => length));
  for (const { name, value } of pairsOf(bytes)) {
    if (name.length > longest) continue;
    const place = names.indexOf(decode(name));
    if (place < 0) continue;
    if (found[place] !== undefined) throw malformed();
    found[place] = decode(value);
  }
  return found;
}

/**
 * Reads a form (`application/x-www-form-urlencoded`).
 *
 * @throws KeyholdError MalformedQueryStringException
 */
export function parseForm(bytes: Uint8Array): Form {
  const form: FormNode = { children: new Map() };
  let nodes = 0;
  for (const { name, value } of pairsOf(bytes)) {
    const path = decode(name).split('.');
    if (path.length > DEEPEST_NAME) throw malformed();
    let node: FormNode = form;
    for (const step of path) {
      let next = node.children.get(step);
      if (next === undefined) {
        if (++nodes > MOST_NODES) throw malformed();
        next = { children: new Map() };
        node.children.set(step, next);
      }
      node = next;
    }
    // Which of two values would be meant? They may be a policy's.
    if (node.value !== undefined) throw malformed();
    node.value = decode(value);
  }
  return form;
}

/** The parameters as they come, still encoded. */
function* pairsOf(bytes: Uint8Array): Generator<{ readonly name: string; readonly value: string }> {
  if (!isUtf8(bytes)) throw malformed();
  const text = Buffer.from(bytes).toString('utf8');
  let pairs = 0;
  for (let start = 0; start < text.length; ) {
    if (++pairs > MOST_PARAMETERS) throw malformed();
    const ampersand = text.indexOf('&', start);
    const pair = text.slice(start, ampersand < 0 ? text.length : ampersand);
    start += pair.length + 1;
    if (pair === '') continue;
    const equals = pair.indexOf('=');
    yield equals < 0 ? { name: pair, value: '' } : { name: pair.slice(0, equals), value: pair.slice(equals + 1) };
  }
}

/**
 * The form as the JSON value that a client of AWS JSON would have sent, so that declarations read both alike. What does not
 * fit the shape stays text, which the shape then refuses.
 */
export function formAsJson(form: Form, shape: ShapeDescription): unknown {
  switch (shape.type) {
    case 'structure': {
      const members: Record<string, unknown> = {};
      for (const [name, member] of Object.entries(shape.members ?? {})) {
        const node = form.children.get(name);
        if (node !== undefined) members[name] = formAsJson(node, member);
      }
      return members;
    }
    case 'list':
      return inOrder(form.children.get('member')).map((node) => formAsJson(node, shape.member as ShapeDescription));
    case 'map':
      return Object.fromEntries(
        inOrder(form.children.get('entry')).map((node) => [
          node.children.get('key')?.value ?? '',
          formAsJson(node.children.get('value') ?? { children: new Map() }, shape.value as ShapeDescription),
        ]),
      );
    default:
      return scalar(form.value ?? '', shape.type);
  }
}

function scalar(text: string, type: ShapeDescription['type']): unknown {
  switch (type) {
    case 'integer':
    case 'long':
      return /^-?\d{1,15}$/.test(text) ? Number(text) : text;
    case 'double':
      return NUMBER.test(text) ? Number(text) : text;
    case 'boolean':
      return text === 'true' ? true : text === 'false' ? false : text;
    case 'timestamp': {
      const moment = ISO_8601.test(text) ? Date.parse(text) : Number.NaN;
      return Number.isNaN(moment) ? text : moment / 1000;
    }
    default:
      return text;
  }
}

const NUMBER = /^[+-]?(?:\d{1,400}(?:\.\d{0,400})?|\.\d{1,400})(?:[eE][+-]?\d{1,4})?$/;

const ISO_8601 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)$/;

/** The elements of a list, numbered from 1. AWS minds neither gaps nor the order in which they come. */
function inOrder(numbered: FormNode | undefined): FormNode[] {
  if (numbered === undefined) return [];
  return [...numbered.children]
    .filter(([number]) => /^\d{1,6}$/.test(number))
    .sort(([a], [b]) => Number(a) - Number(b))
    .map(([, node]) => node);
}

function decode(text: string): string {
  if (!ENCODED.test(text)) return text;
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    throw malformed();
  }
}

const ENCODED = /[%+]/;

function malformed(): KeyholdError {
  return new KeyholdError('MalformedQueryStringException', 'The query string contains a syntax error');
}
