import { connect, type Socket } from 'node:net';

/** What a server was asked, and how it did. */
export interface LoadResult {
  /** One for each request that was answered. */
  readonly latenciesMs: Float64Array;
  readonly elapsedMs: number;
  /** The responses that were asked to be kept, in the order in which they came. */
  readonly kept: readonly KeptResponse[];
}

export interface KeptResponse {
  /** Of its request. */
  readonly index: number;
  readonly body: string;
}

export interface LoadOptions {
  readonly connections: number;
  /** Keeps the responses to every so many requests. */
  readonly keepEvery: number;
  /** After this long no more requests are sent. */
  readonly timeLimitMs: number;
  /** How long those that were sent by then may still take. */
  readonly patienceMs?: number;
}

const PATIENCE_MS = 15_000;

/**
 * Sends the requests once, in order, over a few connections that each have one request in flight, and checks that each is
 * answered with 200. Rejects at the first that is not.
 *
 * It costs as little as can be: its own processor time is not measured, but on a small machine it is taken from the server.
 * The connections are new for each load, because servers close those that wait too long for their next one.
 */
export async function driveLoad(port: number, requests: readonly Buffer[], options: LoadOptions): Promise<LoadResult> {
  const connections = Math.min(options.connections, requests.length);
  const lanes = await Promise.all(Array.from({ length: connections }, () => openLane(port)));
  try {
    return await drive(lanes, requests, options);
  } finally {
    for (const { socket } of lanes) socket.destroy();
  }
}

/** The server was still at it when patience ran out. */
export class NoAnswer extends Error {}

/** One connection. */
interface Lane {
  readonly socket: Socket;
  receive: (response: Response) => void;
  fail: (error: Error) => void;
}

interface Response {
  readonly status: string;
  readonly body: Buffer;
}

function drive(lanes: readonly Lane[], requests: readonly Buffer[], options: LoadOptions): Promise<LoadResult> {
  return new Promise((resolve, reject) => {
    const latenciesMs = new Float64Array(requests.length);
    const kept: KeptResponse[] = [];
    const startedAt = performance.now();
    const deadline = startedAt + options.timeLimitMs;
    let next = 0;
    let answered = 0;
    let busy = lanes.length;

    const patienceMs = options.patienceMs ?? PATIENCE_MS;
    const watchdog = setTimeout(
      () => finish(new NoAnswer(`no answer for ${patienceMs / 1000} seconds`)),
      options.timeLimitMs + patienceMs,
    );

    function finish(error?: Error): void {
      clearTimeout(watchdog);
      for (const lane of lanes) {
        lane.receive = unexpected;
        lane.fail = ignore;
      }
      if (error !== undefined) reject(error);
      else {
        const elapsedMs = performance.now() - startedAt;
        resolve({ latenciesMs: latenciesMs.subarray(0, answered), elapsedMs, kept });
      }
    }

    for (const lane of lanes) {
      let index = 0;
      let sentAt = 0;
      const send = () => {
        sentAt = performance.now();
        const request = requests[next];
        if (request === undefined || sentAt > deadline) {
          busy--;
          if (busy === 0) finish();
          return;
        }
        index = next++;
        lane.socket.write(request);
      };
      lane.fail = finish;
      lane.receive = ({ status, body }) => {
        latenciesMs[answered++] = performance.now() - sentAt;
        if (status !== '200') {
          finish(new Error(`a request was answered with status ${status}: ${body.toString()}`));
          return;
        }
        if (index % options.keepEvery === 0) kept.push({ index, body: body.toString() });
        send();
      };
      send();
    }
  });
}

function openLane(port: number): Promise<Lane> {
  return new Promise((resolve, reject) => {
    let partial: Buffer | undefined;
    const socket = connect({
      host: '127.0.0.1',
      port,
      noDelay: true,
      // One buffer for the life of the connection, where a `data` listener would get a new one for each response.
      onread: {
        buffer: Buffer.allocUnsafe(64 * 1024),
        callback: (length, buffer) => {
          const arrived = Buffer.from(buffer.buffer, buffer.byteOffset, length);
          const bytes = partial === undefined ? arrived : Buffer.concat([partial, arrived]);
          try {
            const response = readResponse(bytes);
            // Its buffer is about to be read into again, so what waits for its rest is copied.
            partial = response === undefined ? Buffer.from(bytes) : undefined;
            if (response !== undefined) lane.receive(response);
          } catch (error) {
            lane.fail(error as Error);
          }
          return true;
        },
      },
    });
    const lane: Lane = { socket, receive: unexpected, fail: reject };
    socket.once('connect', () => resolve(lane));
    socket.on('error', (error) => lane.fail(error));
    socket.on('close', () => lane.fail(new Error('the server closed a connection')));
  });
}

const CONTENT_LENGTH = 'Content-Length: ';

/** Reads a response whose length is told by its header, as both servers do; undefined while it is not all there. */
function readResponse(bytes: Buffer): Response | undefined {
  const headEnd = bytes.indexOf('\r\n\r\n');
  if (headEnd === -1) return undefined;
  const lengthAt = bytes.indexOf(CONTENT_LENGTH);
  if (lengthAt === -1 || lengthAt > headEnd) {
    throw new Error(`a response without a Content-Length: ${bytes.toString('latin1', 0, headEnd)}`);
  }
  const bodyStart = headEnd + 4;
  const lengthStart = lengthAt + CONTENT_LENGTH.length;
  const bodyEnd = bodyStart + Number(bytes.toString('latin1', lengthStart, bytes.indexOf('\r\n', lengthStart)));
  if (bytes.length < bodyEnd) return undefined;
  return { status: bytes.toString('latin1', 9, 12), body: bytes.subarray(bodyStart, bodyEnd) };
}

function unexpected(): never {
  throw new Error('a response to no request');
}

function ignore(): void {}
