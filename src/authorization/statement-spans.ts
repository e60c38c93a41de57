import { type JsonPath, parseJson } from './json.ts';

/** A place in a text: lines and columns count from 1. */
export interface TextPosition {
  readonly line: number;
  readonly column: number;
}

export interface StatementSpan {
  readonly start: TextPosition;
  readonly end: TextPosition;
}

/**
 * Where each statement of a policy stands, as the policy simulator tells it. The simulator does not give a statement's first
 * character but the place behind what it had read before it: of the first in a list behind the `[`, of the others behind the
 * one before, and of a statement without a list behind its own `{`. The end is behind the statement's `}`. (The examples of
 * simulate-custom-policy and simulate-principal-policy in the AWS CLI's reference show the first and the last of these.)
 *
 * @throws KeyholdError MalformedPolicyDocumentException for what is no JSON
 */
export function statementSpans(text: string): readonly StatementSpan[] {
  const spans: StatementSpan[] = [];
  const at = positionsIn(text);
  let previousEnd: number | undefined;
  parseJson(text, (path, value, start, end) => {
    if (isStatement(path) && !Array.isArray(value)) {
      const isAlone = path.length === 1;
      const before = previousEnd ?? (isAlone ? start : text.lastIndexOf('[', start)) + 1;
      spans.push({ start: at(before), end: at(end) });
      previousEnd = end;
    }
  });
  return spans;
}

function isStatement(path: JsonPath): boolean {
  return path[0] === 'Statement' && (path.length === 1 || (path.length === 2 && typeof path[1] === 'number'));
}

/** Tells the line and column of places that are asked for in rising order. */
function positionsIn(text: string): (offset: number) => TextPosition {
  let line = 1;
  let lineStart = 0;
  return (offset) => {
    for (let end = text.indexOf('\n', lineStart); end >= 0 && end < offset; end = text.indexOf('\n', lineStart)) {
      line++;
      lineStart = end + 1;
    }
    return { line, column: offset - lineStart + 1 };
  };
}
