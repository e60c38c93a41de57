import type { AuditIdentity } from '../audit/record.ts';
import type { Policy, Principal } from '../authorization/index.ts';
import type { Tag } from '../keys/key.ts';

/** Who is asking: the one result of authentication, and the only thing that authorization believes about a caller. */
export interface Caller {
  readonly principal: Principal;
  readonly identityPolicies: readonly Policy[];
  readonly permissionsBoundary?: Policy;
  /** Of a session that was made with policies: one of them must allow each request. */
  readonly sessionPolicies?: readonly Policy[];
  /**
   * What the caller's identity and session say beyond the principal, by condition key in lower case:
   * `aws:principaltag/team`, `aws:tokenissuetime`, `aws:multifactorauthpresent`.
   */
  readonly conditions?: ReadonlyMap<string, readonly string[]>;
  readonly accessKeyId: string;
  /** Of temporary credentials. */
  readonly session?: CallerSession;
  /** Someone in the sandbox whose access key IAM does not know, and who is believed to be root. */
  readonly isStranger?: true;
  /** For users; policies read it as `aws:username`. */
  readonly userName?: string;
  /** How audit records show the caller. */
  readonly auditIdentity: AuditIdentity;
}

/** What matters of a session to STS itself, besides whose it is. */
export interface CallerSession {
  /** A role's; a user's or root's, of GetSessionToken; a federated user's. */
  readonly kind: 'role' | 'user' | 'federated';
  /** What sessions inherit that are made from this one. */
  readonly transitiveTags: readonly Tag[];
  readonly sourceIdentity?: string;
  /** Of a role's: under what the use of the role is noted. */
  readonly roleUsageName?: string;
}

/** What else an authenticated request is known by. Nothing here is taken from a header that a caller may forge. */
export interface Scope {
  readonly caller: Caller;
  /** From the signature's scope: the Region whose keys the request is about. */
  readonly region: string;
  readonly nowMs: number;
  readonly sourceIp: string;
  readonly secureTransport: boolean;
  /** The caller's own word, as in AWS: `aws:UserAgent` is not for deciding anything that matters. */
  readonly userAgent: string;
  /**
   * The service of this server that makes the request on the caller's behalf: `s3`. Absent where callers ask themselves.
   * INVARIANT: `forward.ts` alone sets it; nothing in a request can.
   */
  readonly viaService?: string;
}
