import type { Credentials } from '@aws-sdk/client-sts';
import type { Tag } from '../../keys/key.ts';

/** An answer as audit records show it: of the credentials, neither secret nor token. CloudTrail shows the token, too. */
export function withoutSecrets<Response extends { Credentials?: Credentials | undefined }>({
  Credentials: issued,
  ...rest
}: Response): object {
  return { Credentials: { AccessKeyId: issued?.AccessKeyId, Expiration: issued?.Expiration }, ...rest };
}

/** Tags of a session among the parameters, under this name; nothing where there are none. */
export function shownTags(name: string, tags: readonly Tag[]): object {
  return tags.length === 0 ? {} : { [name]: Object.fromEntries(tags.map(({ key, value }) => [key, value])) };
}
