import { invariant, KeyholdError } from '../../../runtime/errors.ts';
import type { Reader } from '../../../store/sealed-store.ts';
import type { Caller, Scope } from '../../caller.ts';
import { oidcProviderArn } from '../../iam/arns.ts';
import { oidcProviderName, oidcProvidersTable } from '../../iam/records.ts';
import type { ProviderKeys } from './provider-keys.ts';
import { providerName, readProviderUrl } from './provider-url.ts';
import { noSuchProvider } from './refusals.ts';
import { readToken } from './token-claims.ts';
import { verifyToken, type WebIdentity } from './verify-token.ts';

/** Who comes with a token of an OpenID provider, to have a role. Nothing but trust policies can allow them anything. */
interface WebIdentityCaller extends Caller {
  readonly webIdentity: WebIdentity;
}

/**
 * Finds out who a token speaks of. The provider is looked for in the account whose role is wanted: another account's trust in
 * the same provider, for other clients of it perhaps, is no reason.
 *
 * @throws KeyholdError InvalidIdentityTokenException, ExpiredTokenException, IDPCommunicationErrorException
 */
export async function webIdentityCaller(
  token: string,
  accountId: string,
  ports: { readonly store: Reader; readonly providerKeys: ProviderKeys },
  nowMs: number,
): Promise<Caller> {
  const claimed = readToken(token);
  // INVARIANT: whose keys are fetched is who is looked for. An issuer could end in the name of a provider and lead elsewhere.
  if (readProviderUrl(claimed.issuer) === undefined) throw noSuchProvider(claimed.issuer);
  const name = providerName(claimed.issuer);
  const provider = (await ports.store.get(oidcProvidersTable, oidcProviderName(accountId, name)))?.value;
  if (provider === undefined) throw noSuchProvider(claimed.issuer);
  const { clientIds, thumbprints } = provider;
  // IAM keeps the URL without its scheme, which is the issuer's: over http, keys come from this machine alone.
  const trusted = { url: claimed.issuer, clientIds, thumbprints };
  const webIdentity = await verifyToken(claimed, trusted, ports.providerKeys, nowMs);
  const { audience, subject, conditions } = webIdentity;
  const arn = oidcProviderArn(provider);
  const caller: WebIdentityCaller = {
    // The id is not the subject: that is the provider's to choose, and policies would take it for whatever it looks like.
    principal: { type: 'WebIdentity', arn, accountId: '', id: arn },
    identityPolicies: [],
    conditions,
    accessKeyId: '',
    auditIdentity: {
      type: 'WebIdentityUser',
      principalId: `${arn}:${audience}:${subject}`,
      userName: subject,
      identityProvider: arn,
    },
    webIdentity,
  };
  return caller;
}

/** What the token says that a request was let in for. */
export function webIdentityOf({ caller }: Pick<Scope, 'caller'>): WebIdentity {
  invariant('webIdentity' in caller, 'who has no web identity is not let in for one');
  return (caller as WebIdentityCaller).webIdentity;
}

/** AWS takes access tokens of two OAuth 2.0 providers as well, which it asks about them. */
export function refuseAccessTokens(providerId: string | undefined): void {
  if (providerId === undefined) return;
  throw new KeyholdError(
    'InvalidIdentityTokenException',
    providerId === 'www.amazon.com'
      ? 'Provided Token is not a Login With Amazon token'
      : 'Access tokens of OAuth 2.0 providers are not supported.',
  );
}
