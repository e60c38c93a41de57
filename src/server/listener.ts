import { readFileSync } from 'node:fs';
import { createServer, type ServerResponse as HttpResponse, type IncomingMessage, type Server } from 'node:http';
import { createServer as createTlsServer, type Server as TlsServer } from 'node:https';
import type { Socket } from 'node:net';
import { createSecureContext, type TLSSocket } from 'node:tls';
import type { ListenAddress } from '../config/config.ts';
import { KeyholdError } from '../runtime/errors.ts';
import type { ServerRequest, ServerResponse } from './dispatch.ts';
import { headerValue } from './header-value.ts';

/** What one connection and one request may take. A client that needs more is refused or cut off. */
const LIMITS = {
  bodyBytes: 1024 * 1024,
  headerBytes: 16 * 1024,
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 30_000,
  keepAliveTimeoutMs: 65_000,
  /** Node looks for requests that are overdue only this often. */
  timeoutCheckIntervalMs: 2000,
  connections: 10_000,
  closeTimeoutMs: 15_000,
} as const;

export interface TlsFiles {
  readonly certPath: string;
  readonly keyPath: string;
}

/** Paths that are not the API, such as `/health`. Undefined: there is no such path. */
export type SideDoor = (request: SideRequest) => Promise<SideAnswer> | SideAnswer | undefined;

export interface SideRequest {
  readonly method: string;
  readonly path: string;
  readonly body: Uint8Array;
  readonly sourceIp: string;
  readonly accept: string;
  /** Whether a proxy says that it asks for someone else. */
  readonly isForwarded: boolean;
}

export interface SideAnswer {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
}

export interface ListenerOptions {
  readonly host: string;
  readonly port: number;
  /** Several threads listen on the same port, and the kernel deals connections out among them. */
  readonly reusePort: boolean;
  readonly tls?: TlsFiles;
  readonly dispatch: (request: ServerRequest) => Promise<ServerResponse>;
  readonly sideDoor: SideDoor;
  /** Told of an exception that nothing foresaw; its request gets no answer, and the others go on. */
  readonly onFault: (error: unknown) => void;
}

export interface Listener {
  /** Reads the certificate and its key again. Throws if they cannot be used, and then goes on with the old ones. */
  reloadTls(): void;
  /** Takes no more connections, lets requests in flight finish, and closes. */
  close(): Promise<void>;
}

interface ListenerState {
  closing: boolean;
}

export async function listen(options: ListenerOptions): Promise<Listener> {
  const { tls } = options;
  const limits = {
    maxHeaderSize: LIMITS.headerBytes,
    headersTimeout: LIMITS.headersTimeoutMs,
    requestTimeout: LIMITS.requestTimeoutMs,
    keepAliveTimeout: LIMITS.keepAliveTimeoutMs,
    connectionsCheckingInterval: LIMITS.timeoutCheckIntervalMs,
    noDelay: true,
  };
  const state = { closing: false };
  const handle = (request: IncomingMessage, response: HttpResponse) => receive(request, response, options, state);
  const server: Server | TlsServer =
    tls === undefined
      ? createServer(limits, handle)
      : createTlsServer(
          { ...limits, ...readTlsFiles(tls), minVersion: 'TLSv1.2', handshakeTimeout: LIMITS.headersTimeoutMs },
          handle,
        );
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  server.maxConnections = LIMITS.connections;

  await new Promise<void>((resolve, reject) => {
    const refuse = (cause: NodeJS.ErrnoException) => reject(cannotListen(options, cause));
    server.once('error', refuse);
    server.listen({ host: options.host, port: options.port, reusePort: options.reusePort, backlog: 1024 }, () => {
      server.off('error', refuse);
      resolve();
    });
  });

  return {
    reloadTls() {
      if (tls !== undefined) (server as TlsServer).setSecureContext({ ...readTlsFiles(tls), minVersion: 'TLSv1.2' });
    },
    async close() {
      state.closing = true;
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeIdleConnections();
      // A request that has not even arrived by then is not one in flight. Node's own `closeAllConnections` does not know
      // connections that are still at their TLS handshake.
      const timer = setTimeout(() => {
        for (const socket of sockets) socket.destroy();
      }, LIMITS.closeTimeoutMs);
      await closed;
      clearTimeout(timer);
    },
  };
}

/** Throws StartupRefused if the files cannot be read or do not hold a certificate and its key. */
export function readTlsFiles({ certPath, keyPath }: TlsFiles): { cert: Buffer; key: Buffer } {
  const files = { cert: readTlsFile('certificate', certPath), key: readTlsFile('private key', keyPath) };
  try {
    createSecureContext(files);
  } catch (cause) {
    // OpenSSL's own words, such as "key values mismatch", without its numbers.
    const { reason, message } = cause as { reason?: string; message: string };
    throw new KeyholdError(
      'StartupRefused',
      `the TLS certificate ${certPath} and key ${keyPath} cannot be used: ${reason ?? message}`,
      { cause },
    );
  }
  return files;
}

/**
 * Why a port cannot be listened on, as StartupRefused.
 *
 * @param option the one that named it
 */
export function cannotListen({ host, port }: ListenAddress, cause: NodeJS.ErrnoException, option = '--listen') {
  const reason =
    cause.code === 'EADDRINUSE'
      ? `${host}:${port} is in use: give another address, such as ${option} 127.0.0.1:9000`
      : `cannot listen on ${host}:${port}: ${cause.code ?? cause.message}`;
  return new KeyholdError('StartupRefused', reason, { cause });
}

function readTlsFile(what: string, path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (cause) {
    throw new KeyholdError('StartupRefused', `cannot read the TLS ${what} ${path}`, { cause });
  }
}

/** Those that proxies add, however often they came: some proxies add a second one to what the client sent. */
const FORWARDING_HEADERS: ReadonlySet<string> = new Set(['forwarded', 'x-forwarded-for', 'x-real-ip', 'via']);

/** Collects a request's body, within the limit, and has it answered. */
function receive(
  request: IncomingMessage,
  response: HttpResponse,
  options: ListenerOptions,
  state: ListenerState,
): void {
  let body: Buffer = NO_BODY;
  let length = 0;

  request.on('data', (chunk: Buffer) => {
    const before = length;
    length += chunk.length;
    // What is too large is read on, within the time-out, but not kept: a client cut off in mid-request sees no answer.
    if (length > LIMITS.bodyBytes) body = NO_BODY;
    else if (before === 0) body = chunk;
    else body = appended(body, before, chunk);
  });
  request.on('end', () => {
    const read = { body: body.subarray(0, length), tooLarge: length > LIMITS.bodyBytes };
    respond(request, response, read, options, state).catch((error: unknown) => {
      options.onFault(error);
      response.destroy();
    });
  });
  // A client that goes away in mid-request has nobody left to answer.
  request.on('error', () => {});
  response.on('error', () => {});
}

const NO_BODY = Buffer.alloc(0);

/**
 * The first `used` bytes of `body`, and then `chunk`, in one buffer that doubles as it grows. A list of the chunks would
 * let a client that sends its body byte by byte have an object made of each.
 */
function appended(body: Buffer, used: number, chunk: Buffer): Buffer {
  let grown = body;
  if (used + chunk.length > body.length) {
    grown = Buffer.allocUnsafeSlow(Math.min(LIMITS.bodyBytes, Math.max(4096, 2 * (used + chunk.length))));
    body.copy(grown, 0, 0, used);
  }
  chunk.copy(grown, used);
  return grown;
}

async function respond(
  request: IncomingMessage,
  response: HttpResponse,
  { body, tooLarge }: { body: Buffer; tooLarge: boolean },
  options: ListenerOptions,
  state: ListenerState,
): Promise<void> {
  const target = request.url ?? '/';
  const { rawHeaders, socket } = request;
  if (target !== '/') {
    const side = options.sideDoor({
      method: request.method ?? '',
      path: target,
      body,
      sourceIp: sourceIpOf(socket.remoteAddress),
      accept: headerValue(rawHeaders, 'accept'),
      isForwarded: rawHeaders.some((name, at) => at % 2 === 0 && FORWARDING_HEADERS.has(name.toLowerCase())),
    });
    if (side !== undefined) {
      const answer = await side;
      if (state.closing) response.shouldKeepAlive = false;
      sendSideAnswer(response, answer);
      return;
    }
  }
  const xAmzTarget = target === '/' ? headerValue(rawHeaders, 'x-amz-target') : '';
  const answer = await options.dispatch({
    method: request.method ?? '',
    target,
    rawHeaders,
    body,
    tooLarge,
    xAmzTarget,
    contentType: xAmzTarget === '' && target === '/' ? headerValue(rawHeaders, 'content-type') : '',
    userAgent: headerValue(rawHeaders, 'user-agent'),
    traceParent: headerValue(rawHeaders, 'traceparent'),
    host: headerValue(rawHeaders, 'host'),
    sourceIp: sourceIpOf(socket.remoteAddress),
    ...(options.tls === undefined ? undefined : { tls: tlsOf(socket as TLSSocket) }),
  });
  if (response.destroyed) return;
  // Asked now, not when the request began: a stop waits for every connection that is promised to be kept.
  if (state.closing || tooLarge) response.shouldKeepAlive = false;
  const answerHeaders = [
    'x-amzn-RequestId',
    answer.requestId,
    'Cache-Control',
    'no-cache, no-store, must-revalidate, private',
    // The body is ASCII or UTF-8 text in one string, or bytes, so Node sends head and body in one write.
    'Content-Length',
    String(Buffer.byteLength(answer.body)),
  ];
  if (answer.contentType !== '') answerHeaders.push('Content-Type', answer.contentType);
  if (answer.errorType !== undefined) answerHeaders.push('x-amzn-ErrorType', answer.errorType);
  if (answer.headers !== undefined) answerHeaders.push(...answer.headers);
  response.writeHead(answer.status, answerHeaders);
  response.end(answer.body);
}

export function sendSideAnswer(response: HttpResponse, { status, contentType, body }: SideAnswer): void {
  response.writeHead(status, { 'Content-Type': contentType, 'Content-Length': Buffer.byteLength(body) });
  response.end(body);
}

/** An IPv4 client on a dual-stack socket looks like `::ffff:192.0.2.1`; policies are written about 192.0.2.1. */
function sourceIpOf(address: string | undefined): string {
  if (address === undefined) return '';
  return address.startsWith('::ffff:') && address.includes('.') ? address.slice('::ffff:'.length) : address;
}

function tlsOf(socket: TLSSocket): { version: string; cipher: string } {
  // A connection that broke after its request has neither any more, though Node's types do not say so.
  const cipher = socket.getCipher() as { standardName: string } | null;
  return { version: socket.getProtocol() ?? 'unknown', cipher: cipher?.standardName ?? 'unknown' };
}
