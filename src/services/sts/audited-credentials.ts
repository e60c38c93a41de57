import type { Credentials } from '@aws-sdk/client-sts';

/** An answer as audit records show it: of the credentials, neither secret nor token. CloudTrail shows the token, too. */
export function withoutSecrets<Response extends { Credentials?: Credentials | undefined }>({
  Credentials: issued,
  ...rest
}: Response): object {
  return { Credentials: { AccessKeyId: issued?.AccessKeyId, Expiration: issued?.Expiration }, ...rest };
}
