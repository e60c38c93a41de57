import { malformed, quoted } from './malformed.ts';

/**
 * A JSON value as the policy parser reads it. Objects are Maps, so that a caller's key is never a property of a
 * JavaScript object; numbers keep the text they were written as.
 */
export type Json = string | boolean | null | JsonNumber | readonly Json[] | JsonObject;
export type JsonObject = ReadonlyMap<string, Json>;
export interface JsonNumber {
  readonly text: string;
}

/** The way to a value: the keys of objects and the indices of lists. */
export type JsonPath = readonly (string | number)[];

/** Told of each value that has been read, where it stands in the text: from `start` up to, and without, `end`. */
export type LocatedValue = (path: JsonPath, value: Json, start: number, end: number) => void;

/** A policy needs six levels (document, statements, statement, condition, operator, values). */
const DEEPEST_NESTING = 8;

/**
 * Reads JSON text and refuses what `JSON.parse` lets pass: an object that has a key twice. Of two `Effect`s in one
 * statement one would silently win, and not the one that the reader of the policy saw.
 *
 * @throws KeyholdError MalformedPolicyDocumentException
 */
export function parseJson(text: string, located?: LocatedValue): Json {
  assertSyntax(text);
  let position = 0;
  const path: (string | number)[] = [];

  // INVARIANT: the text is valid JSON from here on, so the walk below only has to tell the kinds of value apart.
  function value(depth: number): Json {
    if (depth > DEEPEST_NESTING) throw malformed('Policy is nested too deeply.');
    skipWhitespace();
    const start = position;
    const read = valueHere(depth);
    located?.(path, read, start, position);
    return read;
  }

  function valueHere(depth: number): Json {
    switch (text[position]) {
      case '{':
        return object(depth);
      case '[':
        return array(depth);
      case '"':
        return string();
      case 't':
        position += 4;
        return true;
      case 'f':
        position += 5;
        return false;
      case 'n':
        position += 4;
        return null;
      default:
        return number();
    }
  }

  function object(depth: number): JsonObject {
    const members = new Map<string, Json>();
    position++;
    skipWhitespace();
    while (text[position] !== '}') {
      if (text[position] === ',') position++;
      skipWhitespace();
      const key = string();
      if (members.has(key)) throw malformed(`Policy contains a duplicate element: ${quoted(key)}`);
      skipWhitespace();
      position++; // the colon
      path.push(key);
      members.set(key, value(depth + 1));
      path.pop();
      skipWhitespace();
    }
    position++;
    return members;
  }

  function array(depth: number): readonly Json[] {
    const items: Json[] = [];
    position++;
    skipWhitespace();
    while (text[position] !== ']') {
      if (text[position] === ',') position++;
      path.push(items.length);
      items.push(value(depth + 1));
      path.pop();
      skipWhitespace();
    }
    position++;
    return items;
  }

  function string(): string {
    const start = position++;
    while (text[position] !== '"') position += text[position] === '\\' ? 2 : 1;
    position++;
    const inside = text.slice(start + 1, position - 1);
    return inside.includes('\\') ? JSON.parse(text.slice(start, position)) : inside;
  }

  function number(): JsonNumber {
    const start = position;
    while (position < text.length && '+-.0123456789eE'.includes(text[position] as string)) position++;
    return { text: text.slice(start, position) };
  }

  function skipWhitespace(): void {
    while (' \t\n\r'.includes(text[position] ?? 'end')) position++;
  }

  return value(1);
}

function assertSyntax(text: string): void {
  try {
    JSON.parse(text);
  } catch {
    throw malformed('Policy contains a JSON syntax error.');
  }
}
