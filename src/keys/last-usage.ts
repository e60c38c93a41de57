/** The last successful cryptographic operation with a key, as GetKeyLastUsage tells of it. */
export interface LastUsage {
  /** AWS's name of the operation: `Encrypt`. */
  readonly operation: string;
  /** Milliseconds since the epoch. */
  readonly atMs: number;
  /** Of the operation's audit record. */
  readonly eventId: string;
  readonly requestId: string;
}

/** The later of two, of which either may not be there. Workers tell of what they did in no particular order. */
export function later<U extends { readonly atMs: number }>(one: U | undefined, other: U | undefined): U | undefined {
  if (one === undefined || other === undefined) return one ?? other;
  return other.atMs > one.atMs ? other : one;
}
