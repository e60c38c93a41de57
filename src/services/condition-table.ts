/**
 * Condition keys by AWS's own name of each, with how its values are found in a request: undefined where the request does
 * not have the key. A name that ends in a placeholder, such as `aws:ResourceTag/${TagKey}`, stands for all names that begin
 * so; what stands in its place is passed on as it was written.
 *
 * Declared as a table, so that what a policy may ask for can be listed as well as answered (docs/coverage.md).
 */
export type ConditionTable<Request> = Readonly<
  Record<string, (request: Request, rest: string) => readonly string[] | undefined>
>;

export interface ConditionReader<Request> {
  /** AWS's names, in the order of the tables. */
  readonly names: readonly string[];
  /** @param key in lower case, but for what stands for a placeholder */
  readonly read: (key: string, request: Request) => readonly string[] | undefined;
}

/** Several tables as one; where two of them have a key, the first one's counts. */
export function conditionReader<Request>(...tables: readonly ConditionTable<Request>[]): ConditionReader<Request> {
  const exact = new Map<string, ConditionTable<Request>[string]>();
  const open: { readonly prefix: string; readonly values: ConditionTable<Request>[string] }[] = [];
  const names = new Set<string>();
  for (const table of tables) {
    for (const [name, values] of Object.entries(table)) {
      if (names.has(name)) continue;
      names.add(name);
      const [prefix = '', placeholder] = name.split('${');
      if (placeholder === undefined) exact.set(name.toLowerCase(), values);
      else open.push({ prefix: prefix.toLowerCase(), values });
    }
  }
  return {
    names: [...names],
    read: (key, request) => {
      const values = exact.get(key);
      if (values !== undefined) return values(request, '');
      for (const { prefix, values: valuesOf } of open) {
        if (key.startsWith(prefix)) return valuesOf(request, key.slice(prefix.length));
      }
      return undefined;
    },
  };
}
