import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { pino } from 'pino';
import { workerOf } from '../../audit/stream-files.ts';
import type { Config } from '../../config/config.ts';
import { openDomainKeys } from '../../custody/domain-keys.ts';
import { openRootKeyFile } from '../../custody/root-key/file-root-key.ts';
import { systemClock } from '../../runtime/clock.ts';
import { invariant, KeyholdError } from '../../runtime/errors.ts';
import { systemRandom } from '../../runtime/random.ts';
import { announcing } from '../../store/change-feed.ts';
import { sealedStore } from '../../store/sealed-store.ts';
import { openSqliteStore } from '../../store/sqlite/sqlite-store.ts';
import { writeLock } from '../../store/sqlite/write-lock.ts';
import type { DataDirectory } from '../data-directory.ts';
import { monitorSection } from '../metrics/memory.ts';
import { keyEvents } from '../notifier/key-events.ts';
import { startNotifier } from '../notifier/notifier.ts';
import { notifierFigures } from '../notifier/notifier-figures.ts';
import type { NotifyTargets } from '../notifier/notify-file.ts';
import { epochOf, monitorSlot, movableClock, type SharedMemory } from '../shared-memory.ts';
import { startSinks } from '../sinks/start-sinks.ts';
import { consumption } from './consumption.ts';
import { startEventHistory } from './event-history.ts';
import { startRecordFeed } from './follow-records.ts';
import { type Askable, answerQuestions } from './questions.ts';
import type { RecordConsumer } from './record-consumer.ts';
import { startMetering } from './start-metering.ts';
import { bucketDirectory } from './trails/bucket-directory.ts';
import { deliverTrails } from './trails/deliver-trails.ts';
import { digestKeys } from './trails/digest-keys.ts';
import { trailMetrics } from './trails/trail-metrics.ts';

/**
 * The monitor: one thread beside the workers, wired by hand, that follows the audit streams and does everything that is made
 * of them. It serves no client, and what it does, or what hangs in it, no request waits for; workers ask it what only it
 * knows (`questions.ts`).
 */

export interface MonitorOrders {
  readonly workers: number;
  readonly config: Config;
  readonly directory: DataDirectory;
  readonly memory: SharedMemory;
  readonly notify: NotifyTargets;
}

export type ToMonitor =
  | { readonly type: 'stop' }
  /** Through which a worker asks. */
  | { readonly type: 'worker'; readonly port: MessagePort };
export type FromMonitor =
  | { readonly type: 'ready' }
  | { readonly type: 'refused'; readonly message: string }
  /** Up to which line of a stream everyone here is done with it, so that its file may be removed. */
  | { readonly type: 'consumed'; readonly stream: string; readonly sequence: number };

interface RunningMonitor {
  answer(port: MessagePort): void;
  /** To be called when no worker writes any more. */
  stop(): Promise<void>;
}

async function run({ workers, config, directory, memory, notify }: MonitorOrders): Promise<RunningMonitor> {
  const log = pino({ level: config.logLevel, base: { thread: 'monitor' } }, pino.destination({ fd: 2, sync: true }));
  const random = systemRandom();
  const clock = config.sandbox ? movableClock(memory, systemClock) : systemClock;
  const epoch = epochOf(memory);
  const lock = writeLock(memory.writeLock, monitorSlot(workers));
  const raw = openSqliteStore({ path: directory.database, writeLock: lock });
  const domainKeys = await openDomainKeys(raw, openRootKeyFile(directory.rootKey, random), random);
  const store = announcing(sealedStore(raw, domainKeys.sealer('records')), epoch);
  const section = monitorSection(workers);
  const writtenByWorkers = new Float64Array(memory.auditWritten);

  /** Streams of more workers than there are now grow no more. */
  function written(stream: string): number {
    return writtenByWorkers[workerOf(stream) ?? -1] ?? Number.POSITIVE_INFINITY;
  }

  /** Whoever follows the streams by itself joins. */
  const { join } = consumption((stream, sequence) => tell({ type: 'consumed', stream, sequence }));
  const following = { directory: directory.audit, written, log };

  const metering = startMetering({ directory, store, epoch, clock, random, log });
  const eventHistory = startEventHistory(directory.audit, random, log);
  const consumers: readonly RecordConsumer[] = [
    metering.consumer,
    eventHistory.consumer,
    ...(notify.events.length === 0 ? [] : [await keyEvents(store, directory.audit, clock, log)]),
  ];
  const feed = startRecordFeed({ ...following, consumers, consumed: join() });
  const sinks = startSinks({ ...following, sinks: config.auditSinks, joinConsumption: join, memory, workers, clock });
  const trails = deliverTrails({
    ...following,
    ...{ store, epoch, clock, random, readUpTo: feed.positions, consumed: join() },
    buckets: bucketDirectory(config.trailDir),
    keys: digestKeys(store, domainKeys.sealer('digest signing keys')),
    intervalMs: config.trailIntervalSeconds * 1000,
    digestIntervalMs: config.trailDigestIntervalSeconds * 1000,
    metrics: trailMetrics(memory.metrics, section),
  });
  const figures = notifierFigures(memory.metrics, section);
  const notifier = startNotifier({ store, epoch, clock, random, targets: notify, figures, log });

  /** What workers may ask, by the names that they ask with. */
  const interfaces: Readonly<Record<string, Askable<Record<string, unknown>>>> = {
    metrics: { ...metering.queries },
    eventHistory: { lookup: eventHistory.lookup },
  };

  return {
    answer: (port) =>
      answerQuestions(port, interfaces, (err, question) => log.error({ err, question }, 'a question was not answered')),
    async stop() {
      await Promise.all([feed.stop(), sinks.stop(), trails.stop()]);
      await Promise.all([metering.stop(), eventHistory.stop()]);
      // Last, for alarms have still told it something.
      await notifier.stop();
      await store.close();
    },
  };
}

invariant(parentPort !== null, 'the monitor runs in a thread of its own');
const port = parentPort;
const tell = (message: FromMonitor) => port.postMessage(message);
try {
  const monitor = await run(workerData as MonitorOrders);
  port.on('message', async (message: ToMonitor) => {
    if (message.type === 'worker') return monitor.answer(message.port);
    await monitor.stop();
    port.close();
  });
  tell({ type: 'ready' });
} catch (error) {
  if (!(error instanceof KeyholdError)) throw error;
  tell({ type: 'refused', message: error.message });
}
