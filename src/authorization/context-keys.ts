import { contextKey } from './context.ts';
import type { PolicyKind } from './policy.ts';
import { readDocument } from './read-document.ts';
import { parseTemplate } from './variables.ts';

/**
 * The condition keys that a policy asks for, in its conditions and its variables, as they are written and in their order.
 * What differs in case alone is one key.
 *
 * @throws KeyholdError MalformedPolicyDocumentException
 */
export function contextKeysOf(text: string, kind: PolicyKind): readonly string[] {
  const { version, statements } = readDocument(text, kind);
  const keys = new Map<string, string>();
  const note = (key: string) => {
    if (!keys.has(contextKey(key))) keys.set(contextKey(key), key);
  };
  const noteVariables = (texts: readonly string[]) => {
    if (version !== '2012-10-17') return;
    for (const { parts } of texts.map((each) => parseTemplate(each, true))) {
      for (const part of parts) if (part.kind === 'variable') note(part.written);
    }
  };
  for (const { resource, conditions } of statements) {
    noteVariables(resource?.value ?? []);
    for (const { operator, key, values } of conditions) {
      note(key);
      if (TAKES_VARIABLES.test(operator)) noteVariables(values);
    }
  }
  return [...keys.values()];
}

/** Nothing else is written with variables: no number, date, boolean or address ("Variables and tags", IAM User Guide). */
const TAKES_VARIABLES = /String|Arn/;
