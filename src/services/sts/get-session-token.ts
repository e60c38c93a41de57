import type { GetSessionTokenRequest, GetSessionTokenResponse } from '@aws-sdk/client-sts';
import { structure } from '../../wire/shapes.ts';
import * as sts from '../../wire/sts-shapes.ts';
import { withoutSecrets } from './audited.ts';
import { refuseMfa } from './mfa.ts';
import type { StsOperation } from './ports.ts';
import { issueCredentials } from './sessions/issue-credentials.ts';
import { freeForAll, refusingSessions } from './targets.ts';
import { durationOfUserSession, userIdentityOf } from './user-session.ts';

/**
 * "The purpose of the sts:GetSessionToken operation is to authenticate the user using MFA. You cannot use policies to control
 * authentication operations" (IAM user guide, "Permissions for GetSessionToken").
 */
export const getSessionToken: StsOperation<GetSessionTokenRequest, GetSessionTokenResponse, { caller: undefined }> = {
  name: 'GetSessionToken',
  input: structure<GetSessionTokenRequest>({
    DurationSeconds: sts.duration,
    SerialNumber: sts.serialNumber,
    TokenCode: sts.tokenCode,
    MinimumSessionTokenSize: sts.minimumSessionTokenSize,
  }),
  targets: { caller: refusingSessions(freeForAll('sts:GetSessionToken'), ['role', 'user', 'federated']) },
  effect: 'read',
  audit: { readOnly: true, request: ['DurationSeconds', 'SerialNumber'], response: withoutSecrets },
  handle: ({ input, scope, ports }) => {
    refuseMfa(input);
    const terms = {
      accountId: scope.caller.principal.accountId,
      bearer: { kind: 'user' as const, ...userIdentityOf(scope) },
      durationSeconds: durationOfUserSession(input.DurationSeconds, scope),
      leastTokenCharacters: input.MinimumSessionTokenSize,
    };
    return { Credentials: issueCredentials(terms, scope.nowMs, ports) };
  },
};
