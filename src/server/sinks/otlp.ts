import { Agent, type ClientRequest, type IncomingMessage, request as requestHttp } from 'node:http';
import { request as requestHttps, Agent as TlsAgent } from 'node:https';
import type { SecureContext } from 'node:tls';
import type { Clock } from '../../runtime/clock.ts';
import { type OtlpSender, otlpLogs } from './otlp-logs.ts';
import type { SinkRecord } from './sink-record.ts';
import { ReceiverBusy, type Transport } from './transport.ts';

/**
 * OTLP over HTTP ("OpenTelemetry Protocol Specification", OTLP/HTTP). The receiver acknowledges each batch.
 *
 * The specification has clients give up on every answer but 429, 502, 503 and 504. An audit record is not given up because
 * an access token has run out or a path is wrong, which somebody will put right: but for what says that the data itself is
 * bad or too much, every answer is tried again. Such a batch is halved, until the record is found that it is about; that is
 * given up, if the receiver takes any other.
 */
const REFUSES_DATA = new Set([400, 413, 415, 422]);
/** Before any is taken. */
const MOST_REFUSED_AT_FIRST = 8;
const MOST_ANSWER_BYTES = 64 * 1024;
const MOST_REASON_CHARACTERS = 500;
const MOST_ANSWER_HEADER_BYTES = 16 * 1024;

/** What has become of the records of one batch. */
interface Outcome {
  taken: number;
  readonly notTaken: SinkRecord[];
  /** Of those that were taken, as the receiver counts them. */
  refused: number;
  /** Of the last answer that was none. */
  reason?: string;
}

export interface OtlpOptions {
  readonly url: string;
  /** Sent with each request; asked for anew each time, so that a token can be changed. */
  readonly headers: () => Readonly<Record<string, string>>;
  readonly sender: OtlpSender;
  readonly clock: Clock;
  /** Of https: whose certificates are accepted. */
  readonly trust: SecureContext | undefined;
  /** Told of records that the receiver will never take. */
  readonly onRefused: (records: readonly SinkRecord[], count: number, reason: string) => void;
}

export function otlpTransport({ url, headers, sender, clock, trust, onRefused }: OtlpOptions): Transport {
  const http = new Agent({ keepAlive: true, maxSockets: 1 });
  const https = new TlsAgent({
    keepAlive: true,
    maxSockets: 1,
    ...(trust === undefined ? {} : { secureContext: trust }),
  });
  const agent = trust === undefined ? http : https;

  async function send(records: readonly SinkRecord[], signal: AbortSignal): Promise<{ refused: number }> {
    const outcome: Outcome = { taken: 0, notTaken: [], refused: 0 };
    await deliver(records, signal, outcome);
    // Then it is not these records that the receiver refuses, but whatever is sent.
    if (outcome.taken === 0) throw new Error(outcome.reason);
    for (const each of outcome.notTaken) onRefused([each], 1, outcome.reason ?? '');
    return { refused: outcome.refused + outcome.notTaken.length };
  }

  async function deliver(records: readonly SinkRecord[], signal: AbortSignal, outcome: Outcome): Promise<void> {
    const { status, text, retryAfterMs } = await post(JSON.stringify(otlpLogs(records, sender, clock.now())), signal);
    if (status >= 200 && status < 300) {
      outcome.taken += records.length;
      outcome.refused += partlyRefused(records, text);
      return;
    }
    outcome.reason = `the receiver answers ${status}`;
    if (!REFUSES_DATA.has(status)) throw new ReceiverBusy(outcome.reason, retryAfterMs);
    const [only, ...others] = records;
    if (only !== undefined && others.length === 0) {
      outcome.notTaken.push(only);
      if (outcome.taken === 0 && outcome.notTaken.length >= MOST_REFUSED_AT_FIRST) throw new Error(outcome.reason);
      return;
    }
    const half = Math.ceil(records.length / 2);
    await deliver(records.slice(0, half), signal, outcome);
    await deliver(records.slice(half), signal, outcome);
  }

  /** Such a batch must not be sent again ("Partial Success"). */
  function partlyRefused(records: readonly SinkRecord[], text: string): number {
    const { rejectedLogRecords, errorMessage } = partialSuccessIn(text);
    const refused = Math.min(Math.max(0, Number(rejectedLogRecords ?? 0) || 0), records.length);
    const reason = String(errorMessage ?? 'the receiver does not say why').slice(0, MOST_REASON_CHARACTERS);
    if (refused > 0) onRefused(records, refused, reason);
    return refused;
  }

  async function post(body: string, signal: AbortSignal): Promise<Answer> {
    const options = {
      method: 'POST',
      agent,
      signal,
      maxHeaderSize: MOST_ANSWER_HEADER_BYTES,
      headers: { ...headers(), 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) },
    };
    const ask = () => (trust === undefined ? requestHttp(url, options) : requestHttps(url, options));
    const request = ask();
    try {
      return await answerTo(request, body);
    } catch (error) {
      // The receiver was closing a connection that had been idle, just when it was to be used again.
      if (!request.reusedSocket || (error as NodeJS.ErrnoException).code !== 'ECONNRESET') throw error;
      return answerTo(ask(), body);
    }
  }

  return {
    settlesAfterMs: 0,
    send,
    broken: () => undefined,
    async close() {
      http.destroy();
      https.destroy();
    },
  };
}

interface Answer {
  readonly status: number;
  readonly text: string;
  /** For how long the receiver wants to be left alone. */
  readonly retryAfterMs: number;
}

/** Follows no redirect: it would lead anywhere. */
function answerTo(request: ClientRequest, body: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    request.on('error', reject);
    request.on('response', (response) => {
      // In seconds; its other form, a date, would depend on two clocks.
      const retryAfterMs = 1000 * (Number(response.headers['retry-after'] ?? 0) || 0);
      readText(response).then((text) => resolve({ status: response.statusCode ?? 0, text, retryAfterMs }), reject);
    });
    request.end(body);
  });
}

/** Its beginning: no receiver has much to say. */
async function readText(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    if (bytes < MOST_ANSWER_BYTES) chunks.push(chunk);
    bytes += chunk.length;
  }
  return Buffer.concat(chunks).toString('utf8');
}

function partialSuccessIn(text: string): { rejectedLogRecords?: unknown; errorMessage?: unknown } {
  try {
    return (JSON.parse(text) as { partialSuccess?: object } | null)?.partialSuccess ?? {};
  } catch {
    // Some receivers answer with nothing at all.
    return {};
  }
}

/** Header lines as a file has them: `authorization: Bearer …`. Empty lines, and those that begin with #, are comments. */
export function parseHeaders(text: string): Readonly<Record<string, string>> | undefined {
  const headers: Record<string, string> = {};
  for (const line of text.split(/\r?\n/)) {
    if (line.trim() === '' || line.startsWith('#')) continue;
    // A name, and a value of what may stand in one (RFC 9110, sections 5.1 and 5.5).
    const [, name, value] =
      /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\x21-\x7e](?:[\t\x20-\x7e]*[\x21-\x7e])?)[ \t]*$/.exec(line) ?? [];
    if (name === undefined || value === undefined) return undefined;
    headers[name.toLowerCase()] = value;
  }
  return headers;
}
