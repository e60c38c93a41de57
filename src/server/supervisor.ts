import { createServer } from 'node:net';
import { Worker } from 'node:worker_threads';
import type { Logger } from 'pino';
import type { Config } from '../config/config.ts';
import { KeyholdError } from '../runtime/errors.ts';
import { releaseIfOwnedBy } from '../store/sqlite/write-lock.ts';
import type { DataDirectory } from './data-directory.ts';
import { cannotListen } from './listener.ts';
import { epochOf, sharedMemory } from './shared-memory.ts';
import type { FromWorker, ToWorker, WorkerOrders } from './worker.ts';

export interface RunningServer {
  readonly port: number;
  readonly workers: number;
  reloadTls(): void;
  /** Resolves when every worker has finished its requests and flushed its audit stream. */
  stop(): Promise<void>;
}

/** A worker that dies sooner than this after its start is not started again at once. */
const RESTART_PAUSE_MS = 1000;

/**
 * Starts the workers, resolves when all of them listen, and replaces one that dies. Throws StartupRefused.
 *
 * @param port what `findPort` has found
 */
export async function startWorkers(
  config: Config,
  port: number,
  directory: DataDirectory,
  log: Logger,
): Promise<RunningServer> {
  // Only Linux deals connections out among sockets that share a port; elsewhere one worker serves.
  const workers = process.platform === 'linux' ? config.workers : 1;
  const memory = sharedMemory(workers);
  const epoch = epochOf(memory);
  const threads: (Worker | undefined)[] = [];
  let stopping = false;

  async function start(slot: number): Promise<void> {
    const orders: WorkerOrders = { slot, workers, config, port, directory, memory };
    const thread = new Worker(new URL('./worker.ts', import.meta.url), { workerData: orders, name: `worker-${slot}` });
    threads[slot] = thread;
    const startedAt = performance.now();
    let listening = false;
    const started = Promise.withResolvers<void>();
    thread.on('message', (message: FromWorker) => {
      if (message.type === 'listening') {
        listening = true;
        started.resolve();
      } else started.reject(new KeyholdError('StartupRefused', message.message));
    });
    thread.on('error', (err) => {
      log.fatal({ err, slot }, 'a worker died');
      started.reject(err);
    });
    thread.on('exit', () => {
      threads[slot] = undefined;
      // It may have died holding the lock, or between a commit and its announcement.
      releaseIfOwnedBy(memory.writeLock, slot);
      epoch.advance();
      started.reject(new KeyholdError('StartupRefused', 'a worker ended before it listened'));
      if (stopping || !listening) return;
      const pause = Math.max(0, RESTART_PAUSE_MS - (performance.now() - startedAt));
      setTimeout(() => {
        if (stopping) return;
        log.warn({ slot }, 'starting the worker again');
        start(slot).catch((err: unknown) => {
          log.fatal({ err, slot }, 'the worker could not be started again');
        });
      }, pause);
    });
    await started.promise;
  }

  async function stop(): Promise<void> {
    stopping = true;
    const alive = threads.filter((thread) => thread !== undefined);
    const gone = alive.map((thread) => new Promise<void>((resolve) => thread.once('exit', () => resolve())));
    for (const thread of alive) thread.postMessage({ type: 'stop' } satisfies ToWorker);
    await Promise.all(gone);
  }

  try {
    await Promise.all(Array.from({ length: workers }, (_, slot) => start(slot)));
  } catch (error) {
    stopping = true;
    for (const thread of threads) await thread?.terminate();
    throw error;
  }
  return {
    port,
    workers,
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
export async function findPort({ host, port }: Config): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve, reject) => {
    probe.once('error', (cause: NodeJS.ErrnoException) => reject(cannotListen({ host, port }, cause)));
    probe.listen({ host, port, exclusive: true }, resolve);
  });
  const address = probe.address();
  await new Promise<void>((resolve) => probe.close(() => resolve()));
  return typeof address === 'object' && address !== null ? address.port : port;
}
