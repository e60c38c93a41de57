/**
 * The URL of an OpenID provider, which is its identity: the issuer of its tokens, letter for letter, and without the scheme
 * the end of its ARN and the beginning of its condition keys.
 */

/**
 * What the text of a provider's URL begins with. Parsers of URLs also take `https:host`, `https:\\host` and `HTTPS://host`, and
 * what is read as the host must be what is compared as the name.
 */
const SCHEME = /^https?:\/\//;

/** The URL, if it is one that keys may be fetched from; undefined otherwise. */
export function readProviderUrl(text: string): URL | undefined {
  const url = URL.parse(text);
  if (url === null || !isFetchable(url) || !SCHEME.test(text)) return undefined;
  // OpenID Connect Discovery 1.0, section 3: no query and no fragment. What is empty behind `?` is one all the same.
  return /[?#@\\\s]/.test(text) ? undefined : url;
}

/**
 * `https://server.example.com/path` is `server.example.com/path` in ARNs and condition keys.
 *
 * @param url of one of the two schemes: what is not is its own name, which is no provider's
 */
export function providerName(url: string): string {
  return url.replace(SCHEME, '');
}

/** OpenID Connect Discovery 1.0, section 4: a slash at the end of the issuer is not doubled. */
export function discoveryUrl(provider: URL): URL {
  return new URL(`${provider.href.replace(/\/$/, '')}/.well-known/openid-configuration`);
}

/**
 * Where a provider says its keys are, if they may be fetched from there. That may be another host, but a provider that is not
 * of this machine leads nowhere on it, nor does one of this machine lead to another of its ports.
 */
export function readKeySetUrl(text: unknown, provider: URL): URL | undefined {
  const url = typeof text === 'string' ? URL.parse(text) : null;
  if (url === null || url.username !== '' || url.password !== '' || !isFetchable(url)) return undefined;
  return url.protocol === 'https:' || url.origin === provider.origin ? url : undefined;
}

/**
 * AWS demands https. Without it, whoever stands between could answer with keys of their own; between two processes of one
 * machine nobody does, so for tests and for providers on this machine http is enough.
 */
function isFetchable(url: URL): boolean {
  return url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url.hostname));
}

/** `URL` has written IPv4 addresses out by now, in whatever form they came. */
export function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(hostname);
}
