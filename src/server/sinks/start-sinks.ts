import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { createSecureContext, getCACertificates, type SecureContext } from 'node:tls';
import type { Logger } from 'pino';
import type { AuditSink } from '../../config/audit-sink.ts';
import type { Clock } from '../../runtime/clock.ts';
import { KeyholdError } from '../../runtime/errors.ts';
import { type DataDirectory, refusingSystemErrors } from '../data-directory.ts';
import { otlpTransport, parseHeaders } from './otlp.ts';
import { beginPositions, positionsFile } from './positions.ts';
import { startSink } from './run-sink.ts';
import { type SinkMemory, sinkHealth } from './sink-health.ts';
import { stdoutTransport } from './stdout.ts';
import { syslogTransport } from './syslog.ts';
import type { Transport } from './transport.ts';

/** All sinks of the configuration. None of them waits for another. */
export interface RunningSinks {
  /** To be called when nobody writes any more. */
  stop(): Promise<void>;
}

export interface SinksOptions {
  readonly sinks: readonly AuditSink[];
  /** The audit directory. */
  readonly directory: string;
  readonly written: (stream: string) => number;
  readonly memory: SinkMemory;
  readonly workers: number;
  /** Gives each sink what it tells how far it is. */
  readonly joinConsumption: () => (stream: string, sequence: number) => void;
  readonly clock: Clock;
  readonly log: Logger;
}

/** What the files that a sink's options name hold. */
interface SinkFiles {
  /** Of a sink over TLS. */
  readonly trust: SecureContext | undefined;
  /** Reads them anew. */
  readonly headers: () => Readonly<Record<string, string>>;
}

/** Has new sinks begin with what is recorded from now on. Throws StartupRefused. */
export async function beginSinks(sinks: readonly AuditSink[], { audit }: DataDirectory): Promise<void> {
  await refusingSystemErrors(async () => {
    for (const { name } of sinks) beginPositions(positionsFile(audit, name), audit);
  });
}

/** Throws StartupRefused. */
export function startSinks({
  sinks,
  directory,
  written,
  memory,
  workers,
  joinConsumption,
  clock,
  log,
}: SinksOptions): RunningSinks {
  const running = sinks.map((sink, number) =>
    startSink({
      name: sink.name,
      transport: transportOf(sink, clock, log),
      positions: positionsFile(directory, sink.name),
      directory,
      written,
      consumed: joinConsumption(),
      health: sinkHealth(memory, workers, number, sink.kind, clock),
      log,
    }),
  );
  return {
    async stop() {
      await Promise.all(running.map((each) => each.stop()));
    },
  };
}

function transportOf(sink: AuditSink, clock: Clock, log: Logger): Transport {
  const sender = { hostname: hostname(), processId: process.pid };
  const { trust, headers } = readSinkFiles(sink);
  switch (sink.kind) {
    case 'stdout':
      return stdoutTransport();
    case 'syslog':
      return syslogTransport(sink, sender, trust);
    case 'otlp':
      return otlpTransport({
        url: sink.url,
        headers,
        sender,
        clock,
        trust,
        onRefused: (records, count, reason) =>
          log.error(
            { sink: sink.name, count, reason, eventIDs: records.map(({ record }) => record.eventID) },
            'an audit sink refuses records for good',
          ),
      });
  }
}

/** Throws StartupRefused if one cannot be read, or holds something else. */
export function readSinkFiles(sink: AuditSink): SinkFiles {
  const caPath = 'caPath' in sink ? sink.caPath : undefined;
  const headersPath = sink.kind === 'otlp' ? sink.headersPath : undefined;
  const headers = () => (headersPath === undefined ? {} : readHeaders(headersPath));
  headers();
  const overTls = sink.kind === 'syslog' ? sink.over === 'tls' : sink.kind === 'otlp' && sink.url.startsWith('https:');
  return { trust: overTls ? readTrust(caPath) : undefined, headers };
}

function readTrust(caPath: string | undefined): SecureContext {
  if (caPath === undefined) {
    return createSecureContext({ ca: [...new Set([...getCACertificates('default'), ...getCACertificates('system')])] });
  }
  const ca = readFile(caPath);
  try {
    if (!ca.includes('-----BEGIN CERTIFICATE-----')) throw new Error('there is no certificate in it');
    return createSecureContext({ ca });
  } catch (cause) {
    throw refused(`${caPath} cannot be used as certificates (PEM): ${(cause as Error).message}`, cause);
  }
}

function readHeaders(path: string): Readonly<Record<string, string>> {
  const headers = parseHeaders(readFile(path));
  // Not with the line, which may hold a secret.
  if (headers === undefined) throw refused(`${path} wants lines such as authorization: Bearer …`);
  return headers;
}

function readFile(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw refused((cause as Error).message, cause);
  }
}

function refused(what: string, cause?: unknown): KeyholdError {
  return new KeyholdError('StartupRefused', `--audit-sink: ${what}`, { cause });
}
