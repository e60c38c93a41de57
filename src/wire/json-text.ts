/**
 * `JSON.parse` for text that strangers wrote.
 *
 * V8 reads an object's key that has an escape in it wrongly when it has parsed a certain other key before: after
 * `{"a":1,"\\":1}`, the text `{"a":1,"\u00e9":1}` has the keys `a` and `\`, for the rest of the process's life
 * (nodejs/node#63785, https://issues.chromium.org/issues/521080746). One caller could so make the encryption contexts of
 * another be read as what they are not, and the ciphertexts made under them useless to every other process. Python's
 * clients escape all that is not ASCII, so such keys are everyday ones.
 *
 * INVARIANT: no text with an escape in a key has its result taken from `JSON.parse`.
 *
 * @param text well-formed Unicode, as UTF-8 decodes to
 * @throws SyntaxError, which may quote the text
 */
export function parseJson(text: string): unknown {
  const parsed: unknown = JSON.parse(text);
  if (!text.includes('\\')) return parsed;
  const { rewritten, standIns } = withoutEscapesInKeys(text);
  if (rewritten === undefined) return parsed;
  const value: unknown = JSON.parse(rewritten);
  if (standIns.size > 0) putNamesBack(value, standIns);
  return value;
}

/** A stand-in begins with a lone surrogate, which no key of well-formed text begins with unless it is escaped. */
const STAND_IN = '\ud800';

interface Rewritten {
  /** Undefined if there was nothing to rewrite. */
  readonly rewritten: string | undefined;
  /** The names that JSON cannot spell without an escape, by what stands in the text for them. */
  readonly standIns: ReadonlyMap<string, string>;
}

/** @param text valid JSON */
function withoutEscapesInKeys(text: string): Rewritten {
  const standIns = new Map<string, string>();
  const standInOf = new Map<string, string>();
  let rewritten = '';
  let copied = 0;
  for (let start = text.indexOf('"'); start >= 0; ) {
    const { end, escaped } = stringAt(text, start);
    if (escaped && isKey(text, end)) {
      // The text of one string is read rightly.
      const name: string = JSON.parse(text.slice(start, end));
      let spelling = name;
      if (needsEscape(name)) {
        // The same one for the same name, so that of a name given twice the last still counts.
        spelling = standInOf.get(name) ?? STAND_IN + standIns.size;
        standInOf.set(name, spelling);
        standIns.set(spelling, name);
      }
      rewritten += `${text.slice(copied, start)}"${spelling}"`;
      copied = end;
    }
    start = text.indexOf('"', end);
  }
  return { rewritten: copied === 0 ? undefined : rewritten + text.slice(copied), standIns };
}

/** Where the string that begins at `start` is over, and whether there is an escape in it. */
function stringAt(text: string, start: number): { end: number; escaped: boolean } {
  let escaped = false;
  for (let at = start + 1; ; at++) {
    const code = text.charCodeAt(at);
    if (code === 0x22) return { end: at + 1, escaped };
    if (code === 0x5c) {
      escaped = true;
      at++;
    }
  }
}

function isKey(text: string, end: number): boolean {
  let at = end;
  while (WHITE_SPACE.includes(text.charCodeAt(at))) at++;
  return text.charCodeAt(at) === 0x3a;
}

/** Of JSON (RFC 8259 section 2). */
const WHITE_SPACE: readonly number[] = [0x20, 0x09, 0x0a, 0x0d];

/** Whether JSON cannot spell this string as it is, or it might be taken for a stand-in. */
function needsEscape(name: string): boolean {
  if (!name.isWellFormed()) return true;
  for (let at = 0; at < name.length; at++) {
    const code = name.charCodeAt(at);
    if (code < 0x20 || code === 0x22 || code === 0x5c) return true;
  }
  return false;
}

/** Renames members throughout a parsed value, without recursion, for the nesting is the caller's. */
function putNamesBack(value: unknown, standIns: ReadonlyMap<string, string>): void {
  const left = [value];
  while (left.length > 0) {
    const next = left.pop();
    if (typeof next !== 'object' || next === null) continue;
    const members = next as Record<string, unknown>;
    for (const key of Object.keys(members)) {
      const member = members[key];
      left.push(member);
      const name = standIns.get(key);
      if (name === undefined) continue;
      delete members[key];
      // Never `__proto__`, which needs no stand-in.
      members[name] = member;
    }
  }
}
