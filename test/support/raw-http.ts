import { connect, type Socket } from 'node:net';
import type { WireRequest } from './sign.ts';

/** HTTP/1.1 by hand, for tests that send what no client library would, and fast. */

export interface Answer {
  /** 0: the connection was closed without an answer. */
  readonly status: number;
  /** In lower case; of a name that came twice, the last. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
}

const NO_ANSWER: Answer = { status: 0, headers: new Map(), body: '' };
/** Longer than any of the server's own time-outs. */
const PATIENCE_MS = 60_000;

export function bytesOf(request: WireRequest): Buffer {
  let head = `${request.method} ${request.target} HTTP/1.1\r\n`;
  for (const [name, value] of request.headers) head += `${name}: ${value}\r\n`;
  return Buffer.concat([Buffer.from(`${head}\r\n`, 'latin1'), request.body]);
}

/** The headers that every request to the API needs but for its signature. */
export function apiRequest(host: string, operation: string, body: Buffer | string): WireRequest {
  const bytes = typeof body === 'string' ? Buffer.from(body) : body;
  return {
    method: 'POST',
    target: '/',
    headers: [
      ['Host', host],
      ['Content-Type', 'application/x-amz-json-1.1'],
      ['X-Amz-Target', `TrentService.${operation}`],
      ['Content-Length', String(bytes.length)],
    ],
    body: bytes,
  };
}

/**
 * Reads one request from bytes as RFC 9112 has it, and no other way: undefined where they are not exactly one request with
 * a body as long as its Content-Length says.
 */
export function readRequest(bytes: Buffer): WireRequest | undefined {
  const headEnd = bytes.indexOf('\r\n\r\n');
  if (headEnd < 0) return undefined;
  const [requestLine = '', ...lines] = bytes.toString('latin1', 0, headEnd).split('\r\n');
  const [, method, target] = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+) (\S+) HTTP\/1\.1$/.exec(requestLine) ?? [];
  if (method === undefined || target === undefined) return undefined;
  const headers: [string, string][] = [];
  let length: number | undefined;
  for (const line of lines) {
    const [, name, value] = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\t\x20-\x7e\x80-\xff]*?)[ \t]*$/.exec(line) ?? [];
    if (name === undefined || value === undefined) return undefined;
    const lower = name.toLowerCase();
    // What else decides how long a message is, or what the connection becomes, is not read here.
    if (['transfer-encoding', 'upgrade', 'expect', 'connection'].includes(lower)) return undefined;
    if (lower === 'content-length') {
      if (length !== undefined || !/^\d{1,9}$/.test(value)) return undefined;
      length = Number(value);
    }
    headers.push([name, value]);
  }
  const body = bytes.subarray(headEnd + 4);
  return body.length === (length ?? 0) ? { method, target, headers, body } : undefined;
}

/**
 * Reads the first request that bytes begin with as a lenient server may: after empty lines, in chunks, followed by more,
 * with any header. Undefined where not even such a server may find one.
 */
export function readLooseRequest(bytes: Buffer): WireRequest | undefined {
  const text = bytes.toString('latin1').replace(/^[\r\n]+/, '');
  const headEnd = text.indexOf('\r\n\r\n');
  if (headEnd < 0) return undefined;
  const [requestLine = '', ...lines] = text.slice(0, headEnd).split('\r\n');
  const [method = '', target = ''] = requestLine.split(' ');
  const headers = lines.map((line): [string, string] => {
    const colon = line.indexOf(':');
    return [line.slice(0, colon), line.slice(colon + 1).trim()];
  });
  const value = (wanted: string) => headers.find(([name]) => name.toLowerCase() === wanted)?.[1];
  const rest = Buffer.from(text.slice(headEnd + 4), 'latin1');
  const length = value('content-length');
  if (value('transfer-encoding') === undefined) {
    return { method, target, headers, body: rest.subarray(0, Number(length ?? 0)) };
  }
  // A request of two lengths is one that two parties may read differently (RFC 9112 section 6.1).
  const body = length === undefined ? dechunked(rest) : undefined;
  return body && { method, target, headers, body };
}

function dechunked(bytes: Buffer): Buffer | undefined {
  const parts: Buffer[] = [];
  for (let at = 0; ; ) {
    const lineEnd = bytes.indexOf('\r\n', at);
    const size = Number.parseInt(bytes.toString('latin1', at, lineEnd), 16);
    if (lineEnd < 0 || Number.isNaN(size)) return undefined;
    if (size === 0) return Buffer.concat(parts);
    parts.push(bytes.subarray(lineEnd + 2, lineEnd + 2 + size));
    at = lineEnd + 2 + size + 2;
  }
}

/** A connection for one request after the other. It is opened anew when the server has closed it. */
export interface Lane {
  exchange(bytes: Buffer, method?: string): Promise<Answer>;
  close(): void;
}

export function openLane(port: number): Lane {
  let socket: Socket | undefined;

  return {
    exchange(bytes, method = 'POST') {
      if (socket === undefined || socket.destroyed || socket.readableEnded) socket = newSocket(port);
      return exchangeOn(socket, bytes, method);
    },
    close() {
      socket?.destroy();
    },
  };
}

/**
 * Sends bytes that may be anything on a connection of their own, and gives the first answer. A server that waits for more
 * is told, after a while, that there is none.
 */
export async function sendAlone(port: number, bytes: Buffer, waitMs: number): Promise<Answer> {
  const socket = newSocket(port);
  const timer = setTimeout(() => socket.end(), waitMs);
  try {
    return await exchangeOn(socket, bytes, bytes.toString('latin1', 0, 5) === 'HEAD ' ? 'HEAD' : 'POST');
  } finally {
    clearTimeout(timer);
    // A reset leaves no connection behind in TIME_WAIT, of which there would be thousands.
    socket.resetAndDestroy();
  }
}

function newSocket(port: number): Socket {
  const socket = connect({ host: '127.0.0.1', port, noDelay: true });
  // The end of the connection is told by 'close'; what ended it does not matter here.
  socket.on('error', () => {});
  return socket;
}

function exchangeOn(socket: Socket, bytes: Buffer, method: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    let received: Buffer = Buffer.alloc(0);
    const timer = setTimeout(() => {
      finish();
      socket.destroy();
      reject(new Error(`no answer within ${PATIENCE_MS} ms`));
    }, PATIENCE_MS);
    const finish = () => {
      clearTimeout(timer);
      socket.off('data', onData).off('close', onClose).off('end', onClose);
    };
    const onData = (chunk: Buffer) => {
      received = received.length === 0 ? chunk : Buffer.concat([received, chunk]);
      const answer = readAnswer(received, method, false);
      if (answer === undefined) return;
      finish();
      if (answer.headers.get('connection')?.toLowerCase() === 'close') socket.destroy();
      resolve(answer);
    };
    const onClose = () => {
      finish();
      socket.destroy();
      resolve(readAnswer(received, method, true) ?? NO_ANSWER);
    };
    socket.on('data', onData).on('close', onClose).on('end', onClose);
    socket.write(bytes);
  });
}

/** The first final answer in what has come; undefined while it is not whole. */
function readAnswer(received: Buffer, method: string, ended: boolean): Answer | undefined {
  const headEnd = received.indexOf('\r\n\r\n');
  if (headEnd < 0) return undefined;
  const [statusLine = '', ...lines] = received.toString('latin1', 0, headEnd).split('\r\n');
  const status = Number(/^HTTP\/1\.1 (\d{3})(?: |$)/.exec(statusLine)?.[1]);
  if (Number.isNaN(status)) throw new Error(`not an answer: ${JSON.stringify(statusLine)}`);
  const rest = received.subarray(headEnd + 4);
  if (status < 200) return readAnswer(rest, method, ended);
  const headers = new Map(
    lines.map((line): [string, string] => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
    }),
  );
  const length = headers.get('content-length');
  if (method === 'HEAD' || status === 204 || status === 304) return { status, headers, body: '' };
  if (length === undefined) return ended ? { status, headers, body: rest.toString('utf8') } : undefined;
  if (rest.length < Number(length) && !ended) return undefined;
  return { status, headers, body: rest.toString('utf8', 0, Number(length)) };
}
