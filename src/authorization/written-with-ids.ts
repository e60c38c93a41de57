import { type JsonPath, parseJson } from './json.ts';
import { withoutPartition } from './principal.ts';

/**
 * The text of a policy with the unique ids of those principals in the place of their ARNs who have gone, as AWS shows it:
 * what the policy says of them is about nobody any more, whoever has their name now ("Principal", IAM User Guide). All else
 * stays as it was written.
 *
 * @param gone the ids by ARN, in the partition `aws`
 * @throws KeyholdError MalformedPolicyDocumentException for what is no JSON
 */
export function writtenWithIds(text: string, gone: ReadonlyMap<string, string>): string {
  if (gone.size === 0) return text;
  let written = '';
  let copied = 0;
  parseJson(text, (path, value, start, end) => {
    const id = typeof value === 'string' && isPrincipal(path) ? gone.get(withoutPartition(value)) : undefined;
    if (id === undefined) return;
    written += text.slice(copied, start) + JSON.stringify(id);
    copied = end;
  });
  return written + text.slice(copied);
}

/** `Statement`, perhaps an index, `Principal`, `AWS`, perhaps an index. */
function isPrincipal(path: JsonPath): boolean {
  const [statement, element, kind] = path.filter((step) => typeof step === 'string');
  return statement === 'Statement' && (element === 'Principal' || element === 'NotPrincipal') && kind === 'AWS';
}
