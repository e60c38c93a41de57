import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair, type JWK, type JWTPayload, SignJWT } from 'jose';
import Provider, { type Configuration } from 'oidc-provider';

/**
 * A real OpenID provider on this machine: the npm package `oidc-provider`, which is certified by the OpenID Foundation. Whoever
 * asks is logged in at once as the subject that the test names; all else goes the way of a web application, by
 * authorization code.
 */
export interface OpenIdProvider {
  /** Its issuer. */
  readonly url: string;
  readonly clientId: string;
  /** Paths that it has been asked for, in order. */
  readonly asked: readonly string[];
  /** Logs in, and gives the ID token that the provider issues. `claims` are those of this user besides `sub`. */
  logIn(subject: string, claims?: JWTPayload & { readonly amr?: string[] }): Promise<string>;
  /** Signs with the provider's own key what the provider itself would not say. */
  sign(claims: JWTPayload): Promise<string>;
  /** Takes new keys in place of the old ones, at the same address, as after a restart. */
  rotateKeys(): Promise<void>;
  stop(): Promise<void>;
}

const CLIENT = {
  client_id: 'keyhold-tests',
  client_secret: 'not a secret: the client of a provider that lives as long as one test',
  redirect_uris: ['https://application.example/callback'],
  response_types: ['code' as const],
  grant_types: ['authorization_code'],
};

/** Claims that users of this provider may have. */
const USER_CLAIMS = [
  'sub',
  'email',
  'repository',
  'https://aws.amazon.com/tags',
  'https://aws.amazon.com/source_identity',
];

export const ID_TOKEN_SECONDS = 600;

export async function startOpenIdProvider(): Promise<OpenIdProvider> {
  const users = new Map<string, JWTPayload>();
  const asked: string[] = [];
  let login: { accountId: string; amr?: string[] } = { accountId: '' };
  let server = createServer();
  const port = await listen(server, 0);
  const url = `http://127.0.0.1:${port}`;
  let key = await newKey();
  serve();

  function serve(): void {
    const provider = new Provider(url, {
      clients: [CLIENT],
      jwks: { keys: [key] },
      cookies: { keys: ['signs the cookies of one test'] },
      claims: { openid: USER_CLAIMS, amr: null },
      ttl: { AccessToken: 60, Grant: 60, IdToken: ID_TOKEN_SECONDS, Interaction: 60, Session: 60 },
      conformIdTokenClaims: false,
      features: { devInteractions: { enabled: false }, claimsParameter: { enabled: true } },
      findAccount: (_, accountId) => ({ accountId, claims: () => ({ sub: accountId, ...users.get(accountId) }) }),
      loadExistingGrant: async (ctx) => {
        const grant = new ctx.oidc.provider.Grant({
          clientId: CLIENT.client_id,
          ...(ctx.oidc.session?.accountId === undefined ? {} : { accountId: ctx.oidc.session.accountId }),
        });
        grant.addOIDCScope('openid');
        await grant.save();
        return grant;
      },
    } satisfies Configuration);
    const answer = provider.callback();
    server.on('request', (request: IncomingMessage, response: ServerResponse) => {
      asked.push(request.url ?? '');
      if (request.url?.startsWith('/interaction/')) {
        void provider.interactionFinished(request, response, { login });
      } else {
        void answer(request, response);
      }
    });
  }

  return {
    url,
    clientId: CLIENT.client_id,
    asked,
    async logIn(subject, { amr, ...claims } = {}) {
      users.set(subject, claims);
      login = { accountId: subject, ...(amr === undefined ? {} : { amr }) };
      return exchangeCode(url, await authorizationCode(url));
    },
    async sign(claims) {
      const { alg = '', kid = '' } = key;
      return new SignJWT(claims).setProtectedHeader({ alg, kid }).sign(key);
    },
    async rotateKeys() {
      await close(server);
      key = await newKey();
      server = createServer();
      await listen(server, port);
      serve();
    },
    stop: () => close(server),
  };
}

async function newKey(): Promise<JWK> {
  const { privateKey } = await generateKeyPair('RS256', { extractable: true });
  return { ...(await exportJWK(privateKey)), alg: 'RS256', use: 'sig', kid: crypto.randomUUID() };
}

/** Follows the provider's redirects with its cookies, as a browser does, until one leads back to the application. */
async function authorizationCode(issuer: string): Promise<string> {
  const cookies = new Map<string, string>();
  const query = new URLSearchParams({
    client_id: CLIENT.client_id,
    response_type: 'code',
    scope: 'openid',
    claims: '{"id_token":{"amr":null}}',
    redirect_uri: CLIENT.redirect_uris[0] ?? '',
  });
  let next = new URL(`${issuer}/auth?${query}`);
  while (next.href.startsWith(issuer)) {
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const response = await fetch(next, { redirect: 'manual', headers: { cookie } });
    for (const line of response.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
      cookies.set(name, value);
    }
    const location = response.headers.get('location');
    if (location === null) throw new Error(`${next.pathname} answers ${response.status}: ${await response.text()}`);
    next = new URL(location, next);
  }
  const code = next.searchParams.get('code');
  if (code === null) throw new Error(`no authorization code in ${next.href}`);
  return code;
}

async function exchangeCode(issuer: string, code: string): Promise<string> {
  const credentials = [CLIENT.client_id, CLIENT.client_secret].map(encodeURIComponent).join(':');
  const response = await fetch(`${issuer}/token`, {
    method: 'POST',
    headers: { authorization: `Basic ${Buffer.from(credentials).toString('base64')}` },
    body: new URLSearchParams({
      grant_type: 'authorization_code',
      code,
      redirect_uri: CLIENT.redirect_uris[0] ?? '',
    }),
  });
  const answer = (await response.json()) as { id_token?: string };
  if (answer.id_token === undefined) throw new Error(`no ID token: ${JSON.stringify(answer)}`);
  return answer.id_token;
}

async function listen(server: Server, port: number): Promise<number> {
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

async function close(server: Server): Promise<void> {
  server.closeAllConnections();
  server.close();
  await once(server, 'close');
}
