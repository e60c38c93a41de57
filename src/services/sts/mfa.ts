import { KeyholdError } from '../../runtime/errors.ts';

/**
 * Nobody has an MFA device here, so whatever code is sent is no device's.
 *
 * @throws KeyholdError AccessDeniedException for a request that brings one
 */
export function refuseMfa(input: {
  readonly SerialNumber?: string | undefined;
  readonly TokenCode?: string | undefined;
}): void {
  if (input.SerialNumber === undefined && input.TokenCode === undefined) return;
  throw new KeyholdError(
    'AccessDeniedException',
    'MultiFactorAuthentication failed, unable to validate MFA code.  Please verify your MFA serial number is valid and associated with this user.',
  );
}
