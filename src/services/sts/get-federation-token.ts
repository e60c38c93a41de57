import type { GetFederationTokenRequest, GetFederationTokenResponse } from '@aws-sdk/client-sts';
import { required, structure } from '../../wire/shapes.ts';
import * as sts from '../../wire/sts-shapes.ts';
import { conditionReader } from '../condition-table.ts';
import { requestTagConditions } from '../iam/tags.ts';
import type { ConditionRequest, Target } from '../operation.ts';
import { withoutSecrets } from './audited.ts';
import type { StsOperation, StsPorts } from './ports.ts';
import { sessionTags } from './role-session.ts';
import { issueCredentials } from './sessions/issue-credentials.ts';
import { federatedUserArn } from './sessions/session-caller.ts';
import { packedPolicySize, readSessionPolicies } from './sessions/session-policies.ts';
import { refusingSessions } from './targets.ts';
import { durationOfUserSession, userIdentityOf } from './user-session.ts';

type Request = GetFederationTokenRequest & { readonly Name: string };

/** The federated user that is to be. */
interface NewFederatedUser {
  readonly arn: string;
  readonly id: string;
}

export const getFederationToken: StsOperation<
  GetFederationTokenRequest,
  GetFederationTokenResponse,
  { user: NewFederatedUser; tags: NewFederatedUser }
> = {
  name: 'GetFederationToken',
  input: structure<GetFederationTokenRequest>({
    Name: required(sts.federatedUserName),
    Policy: sts.sessionPolicy,
    PolicyArns: sts.sessionPolicyArns,
    DurationSeconds: sts.duration,
    Tags: sts.tags,
    MinimumSessionTokenSize: sts.minimumSessionTokenSize,
  }),
  targets: {
    user: federatedUserTarget('sts:GetFederationToken'),
    tags: { ...federatedUserTarget('sts:TagSession'), applies: ({ Tags }) => Tags !== undefined && Tags.length > 0 },
  },
  effect: 'read',
  audit: {
    // Unlike AssumeRole, as records show that CloudTrail has delivered.
    readOnly: false,
    request: ['Name', 'Policy', 'PolicyArns', 'DurationSeconds', 'Tags'],
    response: withoutSecrets,
  },
  handle: async ({ input, targets, scope, ports }) => {
    const { accountId } = scope.caller.principal;
    const policies = await readSessionPolicies(input, accountId, ports.store);
    const passedTags = sessionTags(input.Tags);
    const PackedPolicySize = packedPolicySize(policies, passedTags);
    const terms = {
      accountId,
      bearer: { kind: 'federated' as const, name: input.Name, ...userIdentityOf(scope), policies, tags: passedTags },
      durationSeconds: durationOfUserSession(input.DurationSeconds, scope),
      leastTokenCharacters: input.MinimumSessionTokenSize,
    };
    return {
      Credentials: issueCredentials(terms, scope.nowMs, ports),
      FederatedUser: { FederatedUserId: targets.user.id, Arn: targets.user.arn },
      ...(PackedPolicySize === undefined ? {} : { PackedPolicySize }),
    };
  },
};

function federatedUserTarget(permission: string): Target<Request, NewFederatedUser, StsPorts> {
  const conditions = conditionReader<ConditionRequest<Request, unknown>>(requestTagConditions(({ Tags }) => Tags));
  const target: Target<Request, NewFederatedUser, StsPorts> = {
    permission,
    resolve: ({ Name }, _, { caller: { principal } }) => ({
      arn: federatedUserArn(principal.accountId, Name),
      id: `${principal.accountId}:${Name}`,
    }),
    facts: ({ arn }, scope) => ({ arn, accountId: scope.caller.principal.accountId }),
    condition: conditions.read,
    summary: { namedBy: 'Name', crossAccount: false, states: [], conditionKeys: conditions.names },
  };
  return refusingSessions(target, ['role', 'user', 'federated'], 'GetFederationToken');
}
