import type { Tag as RequestTag } from '@aws-sdk/client-sts';
import type { Tag } from '../../keys/key.ts';
import { KeyholdError } from '../../runtime/errors.ts';
import type { Scope } from '../caller.ts';
import type { AssumedRole } from './assumed-role-target.ts';
import type { StsPorts } from './ports.ts';
import { issueCredentials } from './sessions/issue-credentials.ts';
import { type Assumer, type RoleAssumption, tagsOf } from './sessions/session.ts';
import { assumedRoleArn } from './sessions/session-caller.ts';
import { type PolicyMembers, packedPolicySize, readSessionPolicies } from './sessions/session-policies.ts';

/** What AssumeRole and AssumeRoleWithWebIdentity have in common. */

const USUAL_DURATION_SECONDS = 3600;
/** "Role chaining limits your AWS CLI or AWS API role session to a maximum of one hour" (IAM user guide, IAM roles). */
const MOST_SECONDS_OF_A_CHAIN = 3600;

export interface RoleSessionMembers extends PolicyMembers {
  readonly DurationSeconds?: number | undefined;
  readonly MinimumSessionTokenSize?: number | undefined;
}

/** Begins a session of a role that has let itself be assumed, and gives what the answers have in common. */
export async function beginRoleSession(
  input: RoleSessionMembers,
  { role, assumption }: AssumedRole,
  scope: Scope,
  ports: StsPorts,
) {
  const durationSeconds = durationOf(input, role.maxSessionDurationS, assumption);
  const policies = await readSessionPolicies(input, role.accountId, ports.store);
  const PackedPolicySize = packedPolicySize(policies, tagsOf(assumption));
  const { accountId, roleName, roleId } = role;
  const { sessionName, sourceIdentity } = assumption;
  const terms = {
    accountId,
    bearer: { kind: 'role' as const, roleName, roleId, assumption, policies },
    durationSeconds,
    leastTokenCharacters: input.MinimumSessionTokenSize,
  };
  return {
    Credentials: issueCredentials(terms, scope.nowMs, ports),
    AssumedRoleUser: { AssumedRoleId: `${roleId}:${sessionName}`, Arn: assumedRoleArn(role, sessionName) },
    ...(PackedPolicySize === undefined ? {} : { PackedPolicySize }),
    ...(sourceIdentity === undefined ? {} : { SourceIdentity: sourceIdentity }),
  };
}

function durationOf(input: RoleSessionMembers, mostSeconds: number, { by }: RoleAssumption): number {
  const { DurationSeconds: seconds = USUAL_DURATION_SECONDS } = input;
  if (by.principal.type === 'AssumedRole' && seconds > MOST_SECONDS_OF_A_CHAIN) {
    throw invalid('The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining');
  }
  if (seconds > mostSeconds) {
    throw invalid('The requested DurationSeconds exceeds the MaxSessionDuration set for this role.');
  }
  return seconds;
}

/** Some of what callers say of themselves, which nobody should decide by. */
const MOST_USER_AGENT_CHARACTERS = 256;

export function assumerOf({ caller, region, sourceIp, secureTransport, userAgent }: Scope): Assumer {
  const { principal, userName, permissionsBoundary, conditions } = caller;
  return {
    principal,
    ...(userName === undefined ? {} : { userName }),
    hasBoundary: permissionsBoundary !== undefined,
    conditions: [...(conditions ?? [])],
    region,
    sourceIp,
    secureTransport,
    userAgent: userAgent.slice(0, MOST_USER_AGENT_CHARACTERS),
  };
}

/**
 * The tags that a request passes. Tag keys are not told by their case, and those of AWS's own are not anyone's to pass.
 *
 * @param inheritedTags "If you pass a session tag with the same key as an inherited tag, the operation fails"
 */
export function sessionTags(requested: readonly RequestTag[] | undefined, inheritedTags: readonly Tag[] = []): Tag[] {
  const tags = (requested ?? []).map(({ Key = '', Value = '' }) => ({ key: Key, value: Value }));
  const keys = lowerKeys(tags);
  if (keys.size < tags.length) {
    throw new KeyholdError(
      'InvalidParameterValue',
      'Duplicate tag keys found. Please note that Tag keys are case insensitive.',
    );
  }
  if ([...keys].some((key) => key.startsWith('aws:'))) {
    throw new KeyholdError('InvalidParameterValue', 'Tag keys that begin with aws: are reserved for AWS use.');
  }
  if ([...lowerKeys(inheritedTags)].some((key) => keys.has(key))) {
    throw new KeyholdError(
      'InvalidParameterValue',
      "One of the specified transitive tag keys can't be set because it conflicts with a transitive tag key from the calling session.",
    );
  }
  return tags;
}

/** Each of them must be the key of a tag that is passed along. */
export function transitiveKeys(requested: readonly string[] | undefined, tags: readonly Tag[]): readonly string[] {
  const keys = lowerKeys(tags);
  const transitive = [...new Set(requested ?? [])];
  if (!transitive.every((key) => keys.has(key.toLowerCase()))) {
    throw new KeyholdError(
      'InvalidParameterValue',
      'The specified transitive tag key must be included in the requested tags.',
    );
  }
  return transitive;
}

function lowerKeys(tags: readonly Tag[]): Set<string> {
  return new Set(tags.map(({ key }) => key.toLowerCase()));
}

function invalid(message: string): KeyholdError {
  return new KeyholdError('ValidationException', message);
}
