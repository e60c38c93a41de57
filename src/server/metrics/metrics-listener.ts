import { createServer } from 'node:http';
import type { ListenAddress } from '../../config/config.ts';
import { cannotListen, sendSideAnswer } from '../listener.ts';
import { isReading, metricsAnswer, NOT_FOUND } from '../side-door.ts';
import type { Exposition } from './exposition.ts';

/**
 * `--metrics-listen`: the metrics and nothing else, in plain HTTP, to whoever can connect. The main thread serves it, so
 * that it answers also while every worker is busy.
 */
export interface MetricsListener {
  readonly port: number;
  close(): Promise<void>;
}

export const METRICS_LISTEN = '--metrics-listen';

/** Some Prometheus servers, and people who look. */
const MOST_CONNECTIONS = 64;
const TIMEOUT_MS = 10_000;

/** Throws StartupRefused. */
export async function serveMetrics({ host, port }: ListenAddress, metrics: Exposition): Promise<MetricsListener> {
  const server = createServer(
    { headersTimeout: TIMEOUT_MS, requestTimeout: TIMEOUT_MS, maxHeaderSize: 16 * 1024 },
    async (request, response) => {
      response.on('error', () => {});
      const isAsked = request.url === '/metrics' && isReading(request.method ?? '');
      sendSideAnswer(response, isAsked ? await metricsAnswer(request.headers.accept ?? '', metrics) : NOT_FOUND);
    },
  );
  server.maxConnections = MOST_CONNECTIONS;
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => reject(cannotListen({ host, port }, cause, METRICS_LISTEN)));
    server.listen({ host, port }, resolve);
  });
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
