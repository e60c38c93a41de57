import type { AssumeRoleWithWebIdentityRequest, AssumeRoleWithWebIdentityResponse } from '@aws-sdk/client-sts';
import { type Input, required, structure } from '../../wire/shapes.ts';
import * as sts from '../../wire/sts-shapes.ts';
import type { Scope } from '../caller.ts';
import { type AssumedRoleTargets, assumedRoleTargets, parseRoleArn } from './assumed-role-target.ts';
import { shownTags, withoutSecrets } from './audited.ts';
import type { StsOperation } from './ports.ts';
import { assumerOf, beginRoleSession, sessionTags, transitiveKeys } from './role-session.ts';
import type { RoleAssumption } from './sessions/session.ts';
import { refuseAccessTokens, webIdentityCaller, webIdentityOf } from './web-identity/web-identity-caller.ts';

type Asked = Input<AssumeRoleWithWebIdentityRequest>;

/** Nobody signs it: who asks is in the token, and what they may have is the role's trust policy to say. */
export const assumeRoleWithWebIdentity: StsOperation<
  AssumeRoleWithWebIdentityRequest,
  AssumeRoleWithWebIdentityResponse,
  AssumedRoleTargets
> = {
  name: 'AssumeRoleWithWebIdentity',
  input: structure<AssumeRoleWithWebIdentityRequest>({
    RoleArn: required(sts.arn),
    RoleSessionName: required(sts.roleSessionName),
    WebIdentityToken: required(sts.clientToken),
    ProviderId: sts.providerId,
    PolicyArns: sts.sessionPolicyArns,
    Policy: sts.sessionPolicy,
    DurationSeconds: sts.roleDuration,
    MinimumSessionTokenSize: sts.minimumSessionTokenSize,
  }),
  identify: async ({ RoleArn, WebIdentityToken, ProviderId }, ports, { nowMs }) => {
    const { accountId } = parseRoleArn(RoleArn);
    refuseAccessTokens(ProviderId);
    return webIdentityCaller(WebIdentityToken, accountId, ports, nowMs);
  },
  targets: assumedRoleTargets<Asked>({
    permission: 'sts:AssumeRoleWithWebIdentity',
    assumption: requestedAssumption,
    denial: (permission) => `Not authorized to perform ${permission}`,
  }),
  effect: 'read',
  audit: {
    readOnly: true,
    request: ['RoleArn', 'RoleSessionName', 'ProviderId', 'PolicyArns', 'Policy', 'DurationSeconds'],
    inferred: ({ role }) => shownClaims(role.assumption),
    response: withoutSecrets,
  },
  handle: async ({ input, targets, scope, ports }) => {
    const { subject, audience } = webIdentityOf(scope);
    return {
      ...(await beginRoleSession(input, targets.role, scope, ports)),
      SubjectFromWebIdentityToken: subject,
      Audience: audience,
      // The reference says that this is the issuer; AWS's answers have the ARN.
      Provider: scope.caller.principal.arn,
    };
  },
};

/** CloudTrail shows what the token asks for as if the request did. */
function shownClaims({ sourceIdentity, tags, transitiveTagKeys }: RoleAssumption): object {
  return {
    ...(sourceIdentity === undefined ? {} : { sourceIdentity }),
    ...shownTags('principalTags', tags),
    ...(transitiveTagKeys.length === 0 ? {} : { transitiveTagKeys }),
  };
}

/** What sessions pass on to each other, a token asks for by its claims. */
function requestedAssumption(input: Asked, scope: Scope): RoleAssumption {
  const { tags: requested, transitiveTagKeys, sourceIdentity } = webIdentityOf(scope).session;
  const tags = sessionTags(requested);
  return {
    action: 'sts:AssumeRoleWithWebIdentity',
    by: assumerOf(scope),
    sessionName: input.RoleSessionName,
    ...(sourceIdentity === undefined ? {} : { sourceIdentity }),
    tags,
    transitiveTagKeys: transitiveKeys(transitiveTagKeys, tags),
    inheritedTags: [],
  };
}
