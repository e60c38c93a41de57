import { createLocalJWKSet, errors, type JSONWebKeySet, type JWK, type JWTVerifyGetKey } from 'jose';
import { LRUCache } from 'lru-cache';
import { KeyholdError } from '../../../runtime/errors.ts';
import type { FetchJson } from './fetch-json.ts';
import { discoveryUrl, readKeySetUrl, readProviderUrl } from './provider-url.ts';
import { noVerificationKey } from './refusals.ts';

/** What IAM keeps of an OpenID provider. */
export interface OidcProvider {
  /** Its issuer, letter for letter. */
  readonly url: string;
  /** The audiences that its tokens may be for. */
  readonly clientIds: readonly string[];
  /** Of the certificates that its https may end in besides those of known authorities. */
  readonly thumbprints: readonly string[];
}

/** The keys that providers sign with, by way of their discovery documents (OpenID Connect Discovery 1.0, section 4). */
export interface ProviderKeys {
  /**
   * For a token of this provider, its key. Throws KeyholdError InvalidIdentityTokenException if the provider has none such,
   * IDPCommunicationErrorException if it cannot be asked.
   */
  of(provider: OidcProvider, nowMs: number): JWTVerifyGetKey;
}

/** After this long, keys are read again, so that withdrawn ones are noticed. A provider that is gone by then is refused. */
export const KEYS_MAX_AGE_MS = 10 * 60_000;
/** Anyone can send a token that names a key which does not exist, so that alone asks the provider only this often. */
export const NEW_KEYS_COOL_DOWN_MS = 30_000;
/** For this long, a failure is the answer to everyone, lest each of their requests become one to the provider. */
export const FAILURE_COOL_DOWN_MS = 2000;

const MOST_PROVIDERS = 100;
/** AWS's quota for each type of key (AssumeRoleWithWebIdentity refuses tokens signed with a type of which there are more). */
const MOST_KEYS_OF_A_TYPE = 100;

type FindKey = ReturnType<typeof createLocalJWKSet>;

interface Known {
  keys?: { readonly find: FindKey; readonly readAtMs: number };
  failure?: { readonly error: unknown; readonly atMs: number };
  /** All who want the keys meanwhile wait for the same answer. */
  pending?: Promise<FindKey>;
}

export function providerKeys(fetchJson: FetchJson): ProviderKeys {
  const providers = new LRUCache<string, Known>({ max: MOST_PROVIDERS });

  function knownOf(provider: OidcProvider): Known {
    // Who trusts other certificates has not seen the same keys.
    const name = JSON.stringify([provider.url, ...provider.thumbprints]);
    const known = providers.get(name) ?? {};
    providers.set(name, known);
    return known;
  }

  function read(provider: OidcProvider, known: Known, nowMs: number): Promise<FindKey> {
    if (known.pending !== undefined) return known.pending;
    if (known.failure !== undefined && isWithin(FAILURE_COOL_DOWN_MS, known.failure.atMs, nowMs)) {
      return Promise.reject(known.failure.error);
    }
    known.pending = readKeys(provider, fetchJson)
      .then((find) => {
        known.keys = { find, readAtMs: nowMs };
        return find;
      })
      .catch((error) => {
        known.failure = { error, atMs: nowMs };
        throw error;
      })
      .finally(() => {
        delete known.pending;
      });
    return known.pending;
  }

  return {
    of: (provider, nowMs) => async (header, token) => {
      const known = knownOf(provider);
      const recent = isWithin(KEYS_MAX_AGE_MS, known.keys?.readAtMs, nowMs) ? known.keys : undefined;
      if (recent !== undefined) {
        const key = await findKey(recent.find, header, token);
        if (key !== undefined) return key;
        if (isWithin(NEW_KEYS_COOL_DOWN_MS, recent.readAtMs, nowMs)) throw noVerificationKey();
      }
      const key = await findKey(await read(provider, known, nowMs), header, token);
      if (key === undefined) throw noVerificationKey();
      return key;
    },
  };
}

/** Either way, for the sandbox's clock can be moved. */
function isWithin(spanMs: number, thenMs: number | undefined, nowMs: number): boolean {
  return thenMs !== undefined && Math.abs(nowMs - thenMs) < spanMs;
}

async function findKey(find: FindKey, ...token: Parameters<FindKey>): Promise<CryptoKey | undefined> {
  try {
    return await find(...token);
  } catch (error) {
    if (error instanceof errors.JWKSNoMatchingKey) return undefined;
    // Several keys fit, or the one that does is malformed.
    throw noVerificationKey(error);
  }
}

async function readKeys(provider: OidcProvider, fetchJson: FetchJson): Promise<FindKey> {
  const url = readProviderUrl(provider.url);
  if (url === undefined) throw noVerificationKey(new Error('keys are not fetched from such a URL'));
  const configuration = membersOf(await fetchJson(discoveryUrl(url), provider.thumbprints));
  // Section 4.3: it must be the very URL that was asked, or else one provider could speak for another.
  if (configuration['issuer'] !== provider.url) throw noVerificationKey(new Error('the provider names another issuer'));
  const keySetUrl = readKeySetUrl(configuration['jwks_uri'], url);
  if (keySetUrl === undefined) throw noVerificationKey(new Error('keys are not fetched from such a jwks_uri'));
  const keySet = membersOf(await fetchJson(keySetUrl, provider.thumbprints));
  try {
    return createLocalJWKSet(withinQuotas(keySet));
  } catch (error) {
    if (error instanceof KeyholdError) throw error;
    throw noVerificationKey(error);
  }
}

function membersOf(document: unknown): Readonly<Record<string, unknown>> {
  if (typeof document !== 'object' || document === null) throw noVerificationKey(new Error('no JSON object'));
  return document as Record<string, unknown>;
}

function withinQuotas(keySet: Readonly<Record<string, unknown>>): JSONWebKeySet {
  const keys: unknown = keySet['keys'];
  if (!Array.isArray(keys)) throw noVerificationKey(new Error('no JSON Web Key Set'));
  const ofType = (type: string) => keys.filter((key: JWK | null) => key?.kty === type);
  return { keys: ['RSA', 'EC'].map(ofType).flatMap((some) => (some.length > MOST_KEYS_OF_A_TYPE ? [] : some)) };
}
