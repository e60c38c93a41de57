import { KeyholdError } from '../../../runtime/errors.ts';
import { isLoopback, providerName, readProviderUrl } from '../../sts/web-identity/provider-url.ts';
import { refuseBeyondQuota } from '../quotas.ts';

/** What an OpenID provider may be made of, and how many an account may have. */

export const MOST_PROVIDERS = 100;

/** "You can register up to 100 client IDs with a single OIDC provider" (CreateOpenIDConnectProvider, API reference). */
const MOST_CLIENT_IDS = 100;
const MOST_THUMBPRINTS = 5;
/** What ARNs may end in without being patterns of ARNs. */
const NAME = /^[!-)+->@-~]+$/;
const HOST_NAME = /^[A-Za-z0-9.-]+$|^\[::1\]$/;

/**
 * AWS takes https without a port ("The URL should not contain a port number"). Providers of this machine, which are none of
 * AWS's, may have http and a port as well: between two processes of one machine nobody can put keys of their own, and a
 * provider for tests has neither a certificate nor the port of the system's.
 *
 * @throws KeyholdError ValidationException, InvalidInputException
 */
export function checkProviderUrl(text: string): void {
  const parsed = URL.parse(text);
  if (parsed === null || !text.includes('://') || parsed.hostname === '') {
    throw new KeyholdError('ValidationException', INVALID_URL);
  }
  const local = isLoopback(parsed.hostname);
  if (!text.startsWith('https://') && !(local && text.startsWith('http://'))) {
    throw new KeyholdError('InvalidInputException', `${INVALID_URL}. The URL must begin with https://.`);
  }
  const [authority = ''] = providerName(text).split('/');
  const host = authority.replace(/:\d*$/, '');
  const hasPort = host !== authority;
  const acceptable = readProviderUrl(text) !== undefined && NAME.test(text) && HOST_NAME.test(host);
  if (!acceptable || (hasPort && !local)) throw new KeyholdError('InvalidInputException', `${INVALID_URL}.`);
}

const INVALID_URL = 'Invalid Open ID Connect Provider URL';

/** Each of them once. */
export function newClientIds(requested: readonly string[]): readonly string[] {
  const clientIds = [...new Set(requested)];
  refuseBeyondQuota('ClientIdsPerOpenIdConnectProvider', MOST_CLIENT_IDS, clientIds.length - 1);
  return clientIds;
}

/** AWS's message says fewer than five, and five are accepted. They are kept in lower case. */
export function newThumbprints(requested: readonly string[]): readonly string[] {
  if (requested.length > MOST_THUMBPRINTS) {
    throw new KeyholdError('InvalidInputException', 'Thumbprint list must contain fewer than 5 entries.');
  }
  return requested.map((thumbprint) => thumbprint.toLowerCase());
}
