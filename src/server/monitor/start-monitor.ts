import { setTimeout } from 'node:timers/promises';
import { MessageChannel, Worker } from 'node:worker_threads';
import type { Logger } from 'pino';
import { KeyholdError } from '../../runtime/errors.ts';
import { releaseIfOwnedBy } from '../../store/sqlite/write-lock.ts';
import { keepRunning } from '../keep-running.ts';
import { epochOf, monitorSlot } from '../shared-memory.ts';
import { showSinks } from '../sinks/sink-health.ts';
import type { ToWorker } from '../worker.ts';
import type { FromMonitor, MonitorOrders, ToMonitor } from './monitor.ts';

export interface SupervisedMonitor {
  /** Lets a worker ask the monitor, and each one that takes its place. */
  connect(worker: Worker): void;
  /** To be called when no worker runs any more. Resolves when the monitor has read all that they wrote. */
  stop(): Promise<void>;
}

/** What it makes of a record is garbage at once: V8's own, larger default costs some 20 MiB, and gains no time. */
const YOUNG_GENERATION_MB = 16;

/** How long the monitor may take for what is left to do at the end. */
const STOP_PATIENCE_MS = 15_000;

/**
 * Starts the monitor, and replaces it whenever it dies: the workers go on meanwhile. Throws StartupRefused.
 *
 * @param onConsumed told up to which line of a stream everyone in the monitor is done
 */
export async function startMonitor(
  orders: MonitorOrders,
  log: Logger,
  onConsumed: (stream: string, sequence: number) => void,
): Promise<SupervisedMonitor> {
  const connected = new Set<Worker>();
  let thread: Worker | undefined;
  let stopping = false;

  async function start(): Promise<{ gone: Promise<void> }> {
    const started = new Worker(new URL('./monitor.ts', import.meta.url), {
      workerData: orders,
      name: 'monitor',
      resourceLimits: { maxYoungGenerationSizeMb: YOUNG_GENERATION_MB },
    });
    thread = started;
    const ready = Promise.withResolvers<void>();
    const gone = Promise.withResolvers<void>();
    started.on('message', (message: FromMonitor) => {
      switch (message.type) {
        case 'ready':
          return ready.resolve();
        case 'consumed':
          return onConsumed(message.stream, message.sequence);
        case 'refused':
          return ready.reject(new KeyholdError('StartupRefused', message.message));
      }
    });
    started.on('error', (err) => {
      log.fatal({ err }, 'the monitor died');
      ready.reject(err);
    });
    started.on('exit', () => {
      thread = undefined;
      // It may have died holding the lock, or between a commit and its announcement.
      releaseIfOwnedBy(orders.memory.writeLock, monitorSlot(orders.workers));
      epochOf(orders.memory).advance();
      ready.reject(new KeyholdError('StartupRefused', 'the monitor ended before it was ready'));
      gone.resolve();
    });
    await ready.promise;
    for (const worker of connected) introduce(worker, started);
    return { gone: gone.promise };
  }

  showSinks(orders.memory.metrics, orders.workers, orders.config.auditSinks);
  const { gone } = await start();
  void keepRunning(gone, {
    start,
    isStopping: () => stopping,
    onRestart: () => log.warn('starting the monitor again'),
    onFailure: (err) => log.fatal({ err }, 'the monitor cannot be started; it will be tried again'),
  });

  return {
    connect(worker) {
      connected.add(worker);
      worker.once('exit', () => connected.delete(worker));
      if (thread !== undefined) introduce(worker, thread);
    },
    async stop() {
      stopping = true;
      const ending = thread;
      if (ending === undefined) return;
      const ended = new Promise<boolean>((resolve) => ending.once('exit', () => resolve(true)));
      ending.postMessage({ type: 'stop' } satisfies ToMonitor);
      if (await Promise.race([ended, setTimeout(STOP_PATIENCE_MS, false, { ref: false })])) return;
      log.error('the monitor does not stop; it is ended');
      await ending.terminate();
    },
  };
}

function introduce(worker: Worker, monitor: Worker): void {
  const { port1, port2 } = new MessageChannel();
  worker.postMessage({ type: 'monitor', port: port1 } satisfies ToWorker, [port1]);
  monitor.postMessage({ type: 'worker', port: port2 } satisfies ToMonitor, [port2]);
}
