import {
  type FoldedTerms,
  foldTerms,
  type GrantRequest,
  type GrantTerms,
  isLimitedByContext,
  termsAllow,
} from './grant.ts';

/**
 * The grants that one grantee has on one key, arranged so that a decision looks at the few that can matter: a key may have
 * 50,000 grants, and all of them may have the same grantee.
 *
 * Grants with the same terms are one entry. Each entry is filed under what a request must bring for it to apply: an
 * operation, a whole encryption context, or one pair of it. What is found there is then judged by `termsAllow` alone.
 */
export interface GrantIndex {
  readonly size: number;
  add(grantId: string, terms: GrantTerms): void;
  remove(grantId: string): void;
  allows(request: GrantRequest): boolean;
}

interface Entry {
  readonly name: string;
  readonly terms: FoldedTerms;
  readonly files: readonly string[];
  grants: number;
}

export function grantIndex(): GrantIndex {
  const entryOf = new Map<string, Entry>();
  const entries = new Map<string, Entry>();
  const files = new Map<string, Set<Entry>>();

  function add(grantId: string, terms: GrantTerms): void {
    if (entryOf.has(grantId)) return;
    const folded = foldTerms(terms);
    const name = nameOf(folded);
    let entry = entries.get(name);
    if (entry === undefined) {
      entry = { name, terms: folded, files: filesOf(folded), grants: 0 };
      entries.set(name, entry);
      for (const file of entry.files) {
        const filed = files.get(file);
        if (filed === undefined) files.set(file, new Set([entry]));
        else filed.add(entry);
      }
    }
    entry.grants++;
    entryOf.set(grantId, entry);
  }

  function remove(grantId: string): void {
    const entry = entryOf.get(grantId);
    if (entry === undefined) return;
    entryOf.delete(grantId);
    if (--entry.grants > 0) return;
    entries.delete(entry.name);
    for (const file of entry.files) {
      const filed = files.get(file);
      filed?.delete(entry);
      if (filed?.size === 0) files.delete(file);
    }
  }

  function filesOf(terms: FoldedTerms): string[] {
    const within = contextFile(terms);
    const names = new Set<string>();
    for (const operation of terms.operations) {
      const file = within !== undefined && isLimitedByContext(operation) ? within : forOperation(operation);
      names.add(file);
    }
    return [...names];
  }

  /** Where a context is demanded; of the pairs of a subset, under the one that tells most, being demanded least often. */
  function contextFile({ equals, subset }: FoldedTerms): string | undefined {
    if (equals !== undefined) return forWhole(equals.whole);
    let rarest: string | undefined;
    let fewest = Number.POSITIVE_INFINITY;
    for (const pair of subset?.pairs ?? []) {
      const count = files.get(forPair(pair))?.size ?? 0;
      if (count < fewest) [rarest, fewest] = [forPair(pair), count];
    }
    return rarest;
  }

  function allows(request: GrantRequest): boolean {
    if (files.size === 0) return false;
    const anyIn = (file: string) => {
      for (const entry of files.get(file) ?? []) if (termsAllow(entry.terms, request)) return true;
      return false;
    };
    if (anyIn(forOperation(request.operation))) return true;
    if (!isLimitedByContext(request.operation)) return false;
    const context =
      request.operation === 'CreateGrant' ? (request.child.equals ?? request.child.subset) : request.context;
    if (context === undefined) return false;
    if (anyIn(forWhole(context.whole))) return true;
    for (const pair of context.pairs) if (anyIn(forPair(pair))) return true;
    return false;
  }

  return {
    get size() {
      return entryOf.size;
    },
    add,
    remove,
    allows,
  };
}

/** The names of files differ in their first character, and entries are judged once more: they need not be anything else. */
const forOperation = (operation: string) => `o${operation}`;
const forWhole = (whole: string) => `w${whole}`;
const forPair = (pair: string) => `p${pair}`;

function nameOf({ operations, equals, subset, sourceArn }: FoldedTerms): string {
  return JSON.stringify([[...operations].sort(), equals?.whole, subset && [...subset.pairs].sort(), sourceArn]);
}
