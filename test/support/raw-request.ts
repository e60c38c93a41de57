import { type Agent, type IncomingHttpHeaders, request } from 'node:http';
import { text } from 'node:stream/consumers';
import { apiRequest } from './raw-http.ts';
import type { TestServer } from './server.ts';
import { type AccessKey, type SigningOptions, signerFor } from './sign.ts';

/** One HTTP request as no SDK would send it. Without any options it is signed and asks for nothing. */
export interface RawRequest {
  readonly method?: string;
  readonly path?: string;
  /** The operation's name: `X-Amz-Target` without `TrentService.` in front. */
  readonly operation?: string;
  readonly body?: string | Buffer;
  /** Sent instead of the body that was signed. */
  readonly bodySent?: string;
  /** By whom and for what it is signed, if not by the administrator; false: it is not signed. */
  readonly signing?: Signing | false;
  /** Sent in place of what was signed; undefined: not sent. By names in lower case. */
  readonly headers?: Readonly<Record<string, string | undefined>>;
  /** Default: a connection of its own. */
  readonly agent?: Agent;
}

export interface Signing extends Partial<AccessKey>, SigningOptions {
  readonly sessionToken?: string;
}

export interface RawAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  /** The body as JSON, undefined where it is empty. */
  json(): unknown;
}

export function rawRequest(server: TestServer, options: RawRequest): Promise<RawAnswer> {
  const { method = 'POST', path = '/', operation = '' } = options;
  const unsigned = {
    ...apiRequest(`127.0.0.1:${server.port}`, operation, options.body ?? (method === 'POST' ? '{}' : '')),
    method,
    target: path,
  };
  const { headers: signed, body } = options.signing === false ? unsigned : sign(unsigned, server, options.signing);
  const sent = options.bodySent ?? body;
  const headers = new Map(signed.map(([name, value]) => [name.toLowerCase(), value]));
  headers.set('content-length', String(sent.length));
  for (const [name, value] of Object.entries(options.headers ?? {})) {
    if (value === undefined) headers.delete(name);
    else headers.set(name, value);
  }
  return new Promise((resolve, reject) => {
    const outgoing = request({
      host: '127.0.0.1',
      port: server.port,
      method,
      path,
      headers: Object.fromEntries(headers),
      agent: options.agent ?? false,
    });
    outgoing.on('error', reject);
    outgoing.on('response', (response) => {
      const { statusCode: status = 0, headers: received } = response;
      const json = (answer: string) => () => (answer === '' ? undefined : JSON.parse(answer));
      text(response).then((answer) => resolve({ status, headers: received, body: answer, json: json(answer) }), reject);
    });
    outgoing.end(sent);
  });
}

function sign(unsigned: ReturnType<typeof apiRequest>, server: TestServer, signing: Signing = {}) {
  const { sessionToken, ...options } = signing;
  const token = sessionToken === undefined ? [] : [['X-Amz-Security-Token', sessionToken] as const];
  // The length is the connection's own business, and not signed, as by the SDKs.
  const headers = unsigned.headers.filter(([name]) => name !== 'Content-Length');
  return signerFor({ ...server.credentials, ...options })({ ...unsigned, headers: [...headers, ...token] }, options);
}
