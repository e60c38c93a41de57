import { createServer } from 'node:net';
import { Worker } from 'node:worker_threads';
import type { Logger } from 'pino';
import type { Config, ListenAddress } from '../config/config.ts';
import { systemClock } from '../runtime/clock.ts';
import { KeyholdError } from '../runtime/errors.ts';
import { systemRandom } from '../runtime/random.ts';
import { releaseIfOwnedBy } from '../store/sqlite/write-lock.ts';
import type { AuditSigning } from './audit-signing.ts';
import type { Prepared } from './data-directory.ts';
import { keepRunning } from './keep-running.ts';
import { cannotListen } from './listener.ts';
import { exposition } from './metrics/exposition.ts';
import { cellsOf, mainSection } from './metrics/memory.ts';
import { type MetricsListener, serveMetrics } from './metrics/metrics-listener.ts';
import { type SupervisedMonitor, startMonitor } from './monitor/start-monitor.ts';
import { NO_TARGETS, type NotifyTargets } from './notifier/notify-file.ts';
import { requestCounters } from './request-limiter.ts';
import type { RequestQuotas } from './request-quotas.ts';
import { epochOf, movableClock, sharedMemory } from './shared-memory.ts';
import type { FromWorker, ToWorker, WorkerOrders } from './worker.ts';

export interface RunningServer {
  readonly port: number;
  readonly workers: number;
  /** Where `--metrics-listen` is served. */
  readonly metricsPort?: number;
  reloadTls(): void;
  /** Resolves when every worker has finished its requests and flushed its audit stream. */
  stop(): Promise<void>;
}

/** A request's garbage is small and dies young: V8's own, larger default costs memory and gains little time. */
const YOUNG_GENERATION_MB = 24;

/**
 * Starts the workers, resolves when all of them listen, and replaces one that dies. Throws StartupRefused.
 *
 * @param port what `findPort` has found
 * @param audit how far the audit streams are on the disk, and done with: kept up to date here
 * @param quotas absent where requests are not limited
 * @param notify who is told of alarms and events
 */
export async function startWorkers(
  config: Config,
  port: number,
  { directory, accountId }: Pick<Prepared, 'directory' | 'accountId'>,
  log: Logger,
  audit: Pick<AuditSigning, 'live' | 'consumed'>,
  quotas?: RequestQuotas,
  notify: NotifyTargets = NO_TARGETS,
): Promise<RunningServer> {
  // Only Linux deals connections out among sockets that share a port; elsewhere one worker serves.
  const workers = process.platform === 'linux' ? config.workers : 1;
  const memory = sharedMemory(workers);
  const limits = quotas === undefined ? {} : { limits: { quotas, counters: requestCounters(quotas, systemRandom()) } };
  const epoch = epochOf(memory);
  const figures = (name: 'workers' | 'workersListening' | 'workerRestarts') =>
    cellsOf(memory.metrics, mainSection(workers), name);
  const [listeningWorkers, restarts] = [figures('workersListening'), figures('workerRestarts')];
  figures('workers').set(0, workers);
  const threads: (Worker | undefined)[] = [];
  let stopping = false;

  /** Resolves when the worker listens, with the promise of its end. Throws if it ends before. */
  async function start(slot: number): Promise<{ gone: Promise<void> }> {
    const orders: WorkerOrders = { slot, workers, config, port, directory, accountId, memory, ...limits };
    const thread = new Worker(new URL('./worker.ts', import.meta.url), {
      workerData: orders,
      name: `worker-${slot}`,
      resourceLimits: { maxYoungGenerationSizeMb: YOUNG_GENERATION_MB },
    });
    threads[slot] = thread;
    monitor?.connect(thread);
    let stream: string | undefined;
    const listening = Promise.withResolvers<void>();
    const gone = Promise.withResolvers<void>();
    let listens = false;
    thread.on('message', (message: FromWorker) => {
      switch (message.type) {
        case 'listening':
          listens = true;
          listeningWorkers.add(0, 1);
          return listening.resolve();
        case 'audit-head':
          stream = message.stream;
          audit.live.set(stream, message.head);
          return;
        case 'refused':
          return listening.reject(new KeyholdError('StartupRefused', message.message));
      }
    });
    thread.on('error', (err) => {
      log.fatal({ err, slot }, 'a worker died');
      listening.reject(err);
    });
    thread.on('exit', (status) => {
      threads[slot] = undefined;
      // What it wrote last is in its file, and was never told.
      if (status !== 0 && stream !== undefined) audit.live.delete(stream);
      if (listens) listeningWorkers.add(0, -1);
      // It may have died holding the lock, or between a commit and its announcement.
      releaseIfOwnedBy(memory.writeLock, slot);
      epoch.advance();
      listening.reject(new KeyholdError('StartupRefused', 'a worker ended before it listened'));
      gone.resolve();
    });
    await listening.promise;
    return { gone: gone.promise };
  }

  async function stop(): Promise<void> {
    stopping = true;
    await metricsListener?.close();
    const alive = threads.filter((thread) => thread !== undefined);
    const statuses = alive.map((thread) => new Promise<number>((resolve) => thread.once('exit', resolve)));
    for (const thread of alive) thread.postMessage({ type: 'stop' } satisfies ToWorker);
    const failed = (await Promise.all(statuses)).filter((status) => status !== 0);
    await monitor?.stop();
    if (failed.length > 0) throw new Error('a worker could not stop cleanly; its audit stream may not be on the disk');
  }

  let metricsListener: MetricsListener | undefined;
  let monitor: SupervisedMonitor | undefined;
  try {
    if (config.metricsListen !== undefined) {
      const clock = config.sandbox ? movableClock(memory, systemClock) : systemClock;
      metricsListener = await serveMetrics(config.metricsListen, exposition(memory.metrics, clock));
    }
    // Before the workers, so that it knows from where on they write.
    monitor = await startMonitor({ workers, config, directory, memory, notify }, log, (stream, sequence) =>
      audit.consumed.set(stream, sequence),
    );
    const started = await Promise.all(Array.from({ length: workers }, (_, slot) => start(slot)));
    for (const [slot, { gone }] of started.entries()) {
      void keepRunning(gone, {
        start: () => start(slot),
        isStopping: () => stopping,
        onRestart: () => {
          log.warn({ slot }, 'starting the worker again');
          restarts.add(0, 1);
        },
        onFailure: (err) => log.fatal({ err, slot }, 'the worker cannot be started; it will be tried again'),
      });
    }
  } catch (error) {
    stopping = true;
    await metricsListener?.close();
    for (const thread of threads) await thread?.terminate();
    await monitor?.stop();
    throw error;
  }
  return {
    port,
    workers,
    ...(metricsListener === undefined ? {} : { metricsPort: metricsListener.port }),
    stop,
    reloadTls: () => {
      for (const thread of threads) thread?.postMessage({ type: 'reload-tls' } satisfies ToWorker);
    },
  };
}

/**
 * Sockets that share a port would also share it with another server of the same user, silently. Listening once alone
 * finds that out, and which port 0 stands for. Throws StartupRefused.
 */
export async function findPort({ host, port }: ListenAddress, option?: string): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve, reject) => {
    probe.once('error', (cause: NodeJS.ErrnoException) => reject(cannotListen({ host, port }, cause, option)));
    probe.listen({ host, port, exclusive: true }, resolve);
  });
  const address = probe.address();
  await new Promise<void>((resolve) => probe.close(() => resolve()));
  return typeof address === 'object' && address !== null ? address.port : port;
}
