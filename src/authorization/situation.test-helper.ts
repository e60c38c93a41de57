import type { Principal } from './principal.ts';

/** A request with all that bears on it, the documents as their authors wrote them: what the reference authorizer decides. */
export interface Situation {
  readonly principal: Principal;
  readonly action: string;
  readonly resource: string;
  readonly context: WrittenContext;
  readonly resourceAccountId: string;
  /** A key's policy or a role's trust policy. */
  readonly resourcePolicy: WrittenPolicy | undefined;
  /** The unique ids of the principals that it names, from when it was saved. */
  readonly principalIds: Readonly<Record<string, string>>;
  readonly identityPolicies: readonly WrittenPolicy[];
  readonly boundary: WrittenPolicy | undefined;
  readonly sessionPolicies: readonly WrittenPolicy[];
  readonly grants: readonly WrittenGrant[];
}

/** The values of condition keys, in lower case but for the keys of an encryption context. */
export type WrittenContext = Readonly<Record<string, readonly string[]>>;
export type OneOrMore<T> = T | readonly T[];
export interface WrittenPolicy {
  readonly Version?: string;
  readonly Statement: OneOrMore<WrittenStatement>;
}
export interface WrittenStatement {
  readonly Effect: string;
  readonly Principal?: Listed;
  readonly NotPrincipal?: Listed;
  readonly Action?: OneOrMore<string>;
  readonly NotAction?: OneOrMore<string>;
  readonly Resource?: OneOrMore<string>;
  readonly NotResource?: OneOrMore<string>;
  readonly Condition?: Readonly<Record<string, Readonly<Record<string, OneOrMore<string | number | boolean>>>>>;
}
export type Listed = '*' | Readonly<Record<string, OneOrMore<string>>>;
export interface WrittenGrant {
  readonly grantee: string;
  /** Without `kms:`. */
  readonly operations: readonly string[];
  readonly contextSubset?: Readonly<Record<string, string>>;
}
