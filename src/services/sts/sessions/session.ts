import type { Principal } from '../../../authorization/index.ts';
import type { Tag } from '../../../keys/key.ts';

/**
 * Temporary credentials, as their session token holds them (docs/formats/session-token.md): nothing else is kept of a
 * session, so that any worker, or machine, can tell what it is.
 */
export interface Session {
  readonly secretAccessKey: string;
  readonly accountId: string;
  readonly issuedAtMs: number;
  /** The moment from which they are no longer good. */
  readonly expiresAtMs: number;
  readonly bearer: SessionBearer;
}

export type SessionBearer = RoleBearer | UserBearer | FederatedBearer;

/** Whoever has assumed a role of the session's account. */
export interface RoleBearer {
  readonly kind: 'role';
  readonly roleName: string;
  /** `AROA…`: a role made anew under the name of one that is gone is another role. */
  readonly roleId: string;
  readonly assumption: RoleAssumption;
  readonly policies: SessionPolicies;
}

/** A user of the session's account, or its root user: GetSessionToken. */
export interface UserBearer {
  readonly kind: 'user';
  readonly user?: UserIdentity;
}

/** A federated user, on whose behalf a user of the account asked, or its root user: GetFederationToken. */
export interface FederatedBearer {
  readonly kind: 'federated';
  readonly name: string;
  readonly user?: UserIdentity;
  readonly policies: SessionPolicies;
  readonly tags: readonly Tag[];
}

export interface UserIdentity {
  readonly userName: string;
  readonly userId: string;
}

/** What limits a session below what its role or user may do. */
export interface SessionPolicies {
  readonly document?: string;
  /** Of managed policies, of which the default versions count at the time of each request. */
  readonly arns: readonly string[];
}

/** A request for a role's session: all that the role's trust policy can ask of it, then and later. */
export interface RoleAssumption {
  readonly action: 'sts:AssumeRole' | 'sts:AssumeRoleWithWebIdentity';
  readonly by: Assumer;
  readonly sessionName: string;
  readonly externalId?: string;
  /** Asked for, or inherited. */
  readonly sourceIdentity?: string;
  /** Passed with the request. */
  readonly tags: readonly Tag[];
  readonly transitiveTagKeys: readonly string[];
  /** The transitive tags of the calling session, which are transitive again. */
  readonly inheritedTags: readonly Tag[];
}

/** Who assumed a role, and from where, as authentication found out. */
export interface Assumer {
  readonly principal: Principal;
  readonly userName?: string;
  readonly hasBoundary: boolean;
  /** As `Caller.conditions` has them. */
  readonly conditions: readonly (readonly [key: string, values: readonly string[]])[];
  readonly region: string;
  readonly sourceIp: string;
  readonly secureTransport: boolean;
  readonly userAgent: string;
}

/** The tags of a session. */
export function tagsOf({ inheritedTags, tags }: RoleAssumption): readonly Tag[] {
  return [...inheritedTags, ...tags];
}

/** Those of them that the next session inherits. */
export function transitiveTagsOf({ inheritedTags, tags, transitiveTagKeys }: RoleAssumption): readonly Tag[] {
  const transitive = new Set(transitiveTagKeys.map((key) => key.toLowerCase()));
  return [...inheritedTags, ...tags.filter(({ key }) => transitive.has(key.toLowerCase()))];
}
