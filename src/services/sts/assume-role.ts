import type { AssumeRoleRequest, AssumeRoleResponse, ProvidedContext } from '@aws-sdk/client-sts';
import { KeyholdError } from '../../runtime/errors.ts';
import { type Input, list, required, string, structure } from '../../wire/shapes.ts';
import * as sts from '../../wire/sts-shapes.ts';
import type { Scope } from '../caller.ts';
import { type AssumedRoleTargets, assumedRoleTargets } from './assumed-role-target.ts';
import { shownTags, withoutSecrets } from './audited.ts';
import { refuseMfa } from './mfa.ts';
import type { StsOperation } from './ports.ts';
import { assumerOf, beginRoleSession, sessionTags, transitiveKeys } from './role-session.ts';
import type { RoleAssumption } from './sessions/session.ts';

type Asked = Input<AssumeRoleRequest>;

export const assumeRole: StsOperation<AssumeRoleRequest, AssumeRoleResponse, AssumedRoleTargets> = {
  name: 'AssumeRole',
  input: structure<AssumeRoleRequest>({
    RoleArn: required(sts.arn),
    RoleSessionName: required(sts.roleSessionName),
    PolicyArns: sts.sessionPolicyArns,
    Policy: sts.unrestrictedSessionPolicy,
    DurationSeconds: sts.roleDuration,
    Tags: sts.tags,
    TransitiveTagKeys: sts.tagKeys,
    ExternalId: sts.externalId,
    SerialNumber: sts.serialNumber,
    TokenCode: sts.tokenCode,
    SourceIdentity: sts.sourceIdentity,
    ProvidedContexts: list(
      structure<ProvidedContext>({
        ProviderArn: sts.arn,
        ContextAssertion: string({ min: 4, max: 2048 }),
      }),
      { min: 1, max: 5 },
    ),
    MinimumSessionTokenSize: sts.minimumSessionTokenSize,
  }),
  // Assertions of context are AWS IAM Identity Center's to make, of which there is none here to verify them.
  validate: ({ ProvidedContexts }) => {
    if (ProvidedContexts !== undefined) {
      throw new KeyholdError('ValidationException', 'ProvidedContexts are not supported.');
    }
  },
  targets: assumedRoleTargets<Asked>({
    permission: 'sts:AssumeRole',
    assumption: requestedAssumption,
    denial: denialOf,
  }),
  effect: 'read',
  audit: {
    readOnly: true,
    request: [
      'RoleArn',
      'RoleSessionName',
      'PolicyArns',
      'Policy',
      'DurationSeconds',
      'Tags',
      'TransitiveTagKeys',
      'ExternalId',
      'SerialNumber',
      'SourceIdentity',
    ],
    inferred: ({ role: { assumption } }) => shownTags('incomingTransitiveTags', assumption.inheritedTags),
    response: withoutSecrets,
  },
  handle: ({ input, targets, scope, ports }) => beginRoleSession(input, targets.role, scope, ports),
};

function requestedAssumption(input: Asked, scope: Scope): RoleAssumption {
  refuseCaller(scope);
  refuseMfa(input);
  const { session } = scope.caller;
  const inheritedTags = session?.transitiveTags ?? [];
  const passedTags = sessionTags(input.Tags, inheritedTags);
  const sourceIdentity = session?.sourceIdentity ?? input.SourceIdentity;
  // "After the source identity is set, the value cannot be changed."
  if (input.SourceIdentity !== undefined && input.SourceIdentity !== sourceIdentity) {
    throw denied(denialOf('sts:SetSourceIdentity', input.RoleArn, scope));
  }
  return {
    action: 'sts:AssumeRole',
    by: assumerOf(scope),
    sessionName: input.RoleSessionName,
    ...(input.ExternalId === undefined ? {} : { externalId: input.ExternalId }),
    ...(sourceIdentity === undefined ? {} : { sourceIdentity }),
    tags: passedTags,
    transitiveTagKeys: transitiveKeys(input.TransitiveTagKeys, passedTags),
    inheritedTags,
  };
}

function refuseCaller({ caller }: Scope): void {
  // Not so in the sandbox, where callers who have made nothing yet are root and nobody else: tests of applications that
  // assume roles could not begin otherwise. Trust policies are asked there as everywhere.
  if (caller.principal.type === 'Root' && caller.isStranger !== true) {
    throw denied('Roles may not be assumed by root accounts.');
  }
  // "You cannot call any AWS STS API operations except GetCallerIdentity" (API reference of GetFederationToken).
  if (caller.session?.kind === 'federated') throw denied('Cannot call AssumeRole with federated user credentials');
}

function denialOf(permission: string, roleArn: string, { caller }: Pick<Scope, 'caller'>): string {
  return `User: ${caller.principal.arn} is not authorized to perform: ${permission} on resource: ${roleArn}`;
}

function denied(message: string): KeyholdError {
  return new KeyholdError('AccessDeniedException', message);
}
