import { createHash, X509Certificate } from 'node:crypto';
import { Agent, type ClientRequest, type IncomingMessage, request as requestHttp } from 'node:http';
import { request as requestHttps, Agent as TlsAgent } from 'node:https';
import { isIP } from 'node:net';
import { connect, createSecureContext, getCACertificates, type SecureContextOptions } from 'node:tls';
import { KeyholdError } from '../runtime/errors.ts';
import type { FetchJson } from '../services/sts/web-identity/fetch-json.ts';
import { noVerificationKey, providerUnreachable, untrustedCertificate } from '../services/sts/web-identity/refusals.ts';

/** What one document of an identity provider may take. */
export interface FetchLimits {
  /** From the look-up of its name to the last byte. AWS waits five seconds as well. */
  readonly timeMs: number;
  readonly bodyBytes: number;
}

const usualLimits: FetchLimits = { timeMs: 5000, bodyBytes: 1024 * 1024 };
const HEADER_BYTES = 16 * 1024;
/**
 * At once, to one server. There is no limit for all of them together, in which someone's slow providers would keep everyone
 * else's waiting until it is too late: `provider-keys.ts` asks each provider once at a time, and IAM has a quota of them.
 */
const MOST_SOCKETS_OF_A_SERVER = 4;

/**
 * Fetches from identity providers. Their certificates must lead to an authority that Node.js or the system knows, or to one
 * of `authorities`, or else to a certificate that the provider's own thumbprints name.
 *
 * @param authorities certificates in PEM, of authorities of one's own
 */
export function jsonFetcher(authorities: string | undefined, limits: FetchLimits = usualLimits): FetchJson {
  const http = new Agent({ maxSockets: MOST_SOCKETS_OF_A_SERVER });
  const own = authorities === undefined ? [] : [authorities];
  let https: TlsAgent | undefined;
  const knownAuthorities = () => {
    // Hundreds of certificates, which take tens of milliseconds: read when they are first wanted, and once.
    https ??= agentThatTrusts({
      ca: [...new Set([...getCACertificates('default'), ...getCACertificates('system'), ...own])],
    });
    return https;
  };

  return async (url, thumbprints) => {
    const signal = AbortSignal.timeout(limits.timeMs);
    const options = { signal, maxHeaderSize: HEADER_BYTES, headers: { accept: 'application/json' } };
    const get = (agent: TlsAgent) => answerTo(requestHttps(url, { ...options, agent }), limits);
    try {
      if (url.protocol === 'http:') return await answerTo(requestHttp(url, { ...options, agent: http }), limits);
      return await get(knownAuthorities()).catch(async (error) => {
        if (!isUntrusted(error) || thumbprints.length === 0) throw error;
        return await get(await agentThatTrustsPinned(url, thumbprints, signal));
      });
    } catch (error) {
      if (error instanceof KeyholdError) throw error;
      throw isUntrusted(error) ? untrustedCertificate(error) : providerUnreachable(error);
    }
  };
}

/** Sessions are not kept: one that is resumed would not be verified again. */
function agentThatTrusts(authorities: SecureContextOptions): TlsAgent {
  const secureContext = createSecureContext(authorities);
  return new TlsAgent({ secureContext, maxSockets: MOST_SOCKETS_OF_A_SERVER, maxCachedSessions: 0 });
}

/** Node.js follows no redirect, and nor does this: it would lead anywhere. */
function answerTo(request: ClientRequest, limits: FetchLimits): Promise<unknown> {
  return new Promise((resolve, reject) => {
    request.on('error', reject);
    request.on('response', (response) => {
      readJson(response, limits).then(resolve, (error) => {
        request.destroy();
        reject(error);
      });
    });
    request.end();
  });
}

async function readJson(response: IncomingMessage, limits: FetchLimits): Promise<unknown> {
  const status = response.statusCode ?? 0;
  if (status === 429 || status >= 500) throw providerUnreachable(new Error(`the provider answers ${status}`));
  if (status !== 200) throw noVerificationKey(new Error(`the provider answers ${status}`));
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > limits.bodyBytes) throw noVerificationKey(new Error('the document is too large'));
    chunks.push(chunk);
  }
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(chunks)));
  } catch (cause) {
    throw noVerificationKey(cause);
  }
}

/** What Node.js calls the failures of a certificate: OpenSSL's names, and its own for a wrong host. */
function isUntrusted(error: unknown): boolean {
  return error instanceof Error && 'code' in error && /CERT|ISSUER|SIGNATURE/.test(String(error.code));
}

/**
 * AWS takes a chain whose authority nobody knows if the last certificate that the server sends has one of the provider's
 * thumbprints ("Obtain the thumbprint for an OpenID Connect identity provider", IAM user guide). The certificate is looked
 * at first, on a connection that carries no request; with it as the only authority, OpenSSL then verifies the chain, the
 * dates and the host of the connection that does.
 */
async function agentThatTrustsPinned(url: URL, thumbprints: readonly string[], signal: AbortSignal): Promise<TlsAgent> {
  const last = new X509Certificate(await lastCertificate(url, signal));
  const thumbprint = createHash('sha1').update(last.raw).digest('hex');
  if (!thumbprints.some((each) => each.toLowerCase() === thumbprint)) {
    throw untrustedCertificate(new Error('the last certificate of the chain has another thumbprint'));
  }
  return agentThatTrusts({ ca: last.toString(), allowPartialTrustChain: true });
}

/** In DER, of the chain that the server sends. */
function lastCertificate(url: URL, signal: AbortSignal): Promise<Buffer> {
  const host = url.hostname.replace(/^\[|\]$/g, '');
  return new Promise((resolve, reject) => {
    const socket = connect({
      host,
      port: url.port === '' ? 443 : Number(url.port),
      ...(isIP(host) === 0 ? { servername: host } : {}),
      rejectUnauthorized: false,
    });
    const abort = () => socket.destroy(signal.reason);
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort);
    socket.on('close', () => signal.removeEventListener('abort', abort));
    socket.on('error', reject);
    socket.on('secureConnect', () => {
      let last = socket.getPeerCertificate(true);
      // A certificate that signs itself is its own issuer.
      while (last.issuerCertificate !== undefined && last.issuerCertificate !== last) last = last.issuerCertificate;
      socket.destroy();
      resolve(last.raw);
    });
  });
}
