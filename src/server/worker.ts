import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { LRUCache } from 'lru-cache';
import { pino } from 'pino';
import { continuingTrail } from '../audit/continuing-trail.ts';
import { openFileTrail } from '../audit/file-trail.ts';
import type { ChainLink } from '../audit/hash-chain.ts';
import { streamOfWorker } from '../audit/stream-files.ts';
import type { Policy } from '../authorization/index.ts';
import type { Config } from '../config/config.ts';
import { openDomainKeys } from '../custody/domain-keys.ts';
import { openRootKeyFile } from '../custody/root-key/file-root-key.ts';
import { keyPairMaker } from '../custody/software/rsa-key-maker.ts';
import { signaturesApart } from '../custody/software/signatures.ts';
import { softwareCustody } from '../custody/software/software-custody.ts';
import { softwareImport } from '../custody/software/software-import.ts';
import { systemClock } from '../runtime/clock.ts';
import { invariant, KeyholdError } from '../runtime/errors.ts';
import { systemRandom } from '../runtime/random.ts';
import { consequenceRecorder } from '../services/attempt-records.ts';
import { auditLossJson } from '../services/audit-loss-event.ts';
import { cloudTrailService } from '../services/cloudtrail/index.ts';
import { lookupTokens } from '../services/cloudtrail/lookup-tokens.ts';
import type { EventHistory } from '../services/cloudtrail/ports.ts';
import { cloudWatchService } from '../services/cloudwatch/index.ts';
import type { MetricQueries } from '../services/cloudwatch/ports.ts';
import { accessKeyUsages } from '../services/iam/access-keys/usages.ts';
import { credentials } from '../services/iam/credentials.ts';
import { iamService } from '../services/iam/index.ts';
import { roleUsages } from '../services/iam/roles/usages.ts';
import { destroyDueKeys } from '../services/kms/destroy-due-keys.ts';
import { destroyExpiredMaterial, forgetDeletedMaterial } from '../services/kms/destroy-imported-material.ts';
import { grantDirectory } from '../services/kms/grant-directory.ts';
import { grantTokens } from '../services/kms/grant-tokens.ts';
import { kmsService } from '../services/kms/index.ts';
import { keyDirectory } from '../services/kms/key-directory.ts';
import { compileKeyPolicy } from '../services/kms/key-policy.ts';
import type { PolicyCompiler } from '../services/kms/key-source.ts';
import { lastUsages, startOfTracking } from '../services/kms/last-usages.ts';
import { rotateDueKeys } from '../services/kms/rotate-due-keys.ts';
import { serviceKeys } from '../services/kms/service-keys.ts';
import { stsService } from '../services/sts/index.ts';
import { liveSessions } from '../services/sts/sessions/live-sessions.ts';
import { sessionTokens } from '../services/sts/sessions/session-token.ts';
import { announcing, changeFeed } from '../store/change-feed.ts';
import { sealedStore } from '../store/sealed-store.ts';
import { openSqliteStore } from '../store/sqlite/sqlite-store.ts';
import { writeLock } from '../store/sqlite/write-lock.ts';
import { attestationRoots } from './attestation-roots.ts';
import { sandboxAuthenticator, signatureAuthenticator } from './authenticate.ts';
import type { DataDirectory } from './data-directory.ts';
import { dispatcher } from './dispatch.ts';
import { jsonFetcher } from './fetch-json.ts';
import { listen } from './listener.ts';
import { exposition } from './metrics/exposition.ts';
import { startCensus } from './metrics/key-census.ts';
import { checkCounted, workerMetrics } from './metrics/worker-metrics.ts';
import { type Monitor, monitorConnection } from './monitor/questions.ts';
import { type RequestCounters, requestLimiter } from './request-limiter.ts';
import type { RequestQuotas } from './request-quotas.ts';
import { epochOf, movableClock, type SharedMemory } from './shared-memory.ts';
import { sideDoor } from './side-door.ts';
import { trailWithSinks } from './sinks/sink-health.ts';
import { type Chore, startSweeper } from './sweeper.ts';
import { startTracing } from './tracing.ts';
import { startUsageWriter } from './usage-writer.ts';
import { version } from './version.ts';

/** One worker thread: its own store, caches, audit stream and listener, wired by hand. */

export interface WorkerOrders {
  readonly slot: number;
  readonly workers: number;
  readonly config: Config;
  readonly port: number;
  readonly directory: DataDirectory;
  /** Of the first account, in whose trail is what concerns the deployment. */
  readonly accountId: string;
  readonly memory: SharedMemory;
  /** Absent where requests are not limited. */
  readonly limits?: { readonly quotas: RequestQuotas; readonly counters: RequestCounters };
}

export type ToWorker =
  | { readonly type: 'stop' }
  | { readonly type: 'reload-tls' }
  /** Where the monitor is asked from now on. */
  | { readonly type: 'monitor'; readonly port: MessagePort };
export type FromWorker =
  | { readonly type: 'listening' }
  | { readonly type: 'refused'; readonly message: string }
  /** How far the worker's audit stream is on the disk. */
  | { readonly type: 'audit-head'; readonly stream: string; readonly head: ChainLink };

/** Keys that one worker keeps in memory, with their material; some 1.5 KiB each. A key pair takes the room of up to 43. */
const CACHED_KEYS = 120_000;
/** Grants that one worker keeps in memory, and grantees without any; some 1.5 KiB each at most. */
const CACHED_GRANTS = 100_000;
/** Text of the policies that one worker keeps compiled, which take up to some 60 bytes a character. */
const CACHED_POLICY_CHARACTERS = 2 * 1024 * 1024;

/**
 * How long a key is left alone after its deletion is due. Nobody sees it any more by then, but a request that began before
 * may still be reading its rows one by one, and would take what it no longer finds for the work of an intruder.
 */
const DESTRUCTION_GRACE_MS = 5000;

async function run(orders: WorkerOrders, monitor: Monitor): Promise<{ stop(): Promise<void>; reloadTls(): void }> {
  const { slot, config, directory, accountId, memory, limits } = orders;
  const log = pino({ level: config.logLevel, base: { worker: slot } }, pino.destination({ fd: 2, sync: true }));
  const random = systemRandom();
  const sandboxClock = config.sandbox ? movableClock(memory, systemClock) : undefined;
  const clock = sandboxClock ?? systemClock;
  const epoch = epochOf(memory);
  const metrics = workerMetrics(memory.metrics, slot);

  const raw = openSqliteStore({ path: directory.database, writeLock: writeLock(memory.writeLock, slot) });
  const domainKeys = await openDomainKeys(raw, openRootKeyFile(directory.rootKey, random), random);
  const store = metrics.ofStore(announcing(sealedStore(raw, domainKeys.sealer('records')), epoch));
  const feed = await changeFeed(store, epoch);
  const keyPairs = keyPairMaker();
  const signatures = signaturesApart(random);
  const keyMaterial = domainKeys.sealer('key material');
  const custody = softwareCustody(keyMaterial, random, keyPairs.make, signatures);
  const materialImport = softwareImport(keyMaterial, domainKeys.sealer('import token'), keyPairs.make);
  const compilePolicy = policyCompiler();
  const keys = keyDirectory({
    store,
    feed,
    custody,
    compilePolicy,
    capacity: CACHED_KEYS,
    lookedForKey: metrics.looked('keys'),
    lookedForAlias: metrics.looked('aliases'),
  });
  const grants = grantDirectory({ store, feed, capacity: CACHED_GRANTS, looked: metrics.looked('grants') });
  const tokens = grantTokens(domainKeys.sealer('grant tokens'));
  const accessKeys = credentials(store, feed, metrics.looked('credentials'));
  const tokensOfSessions = sessionTokens(domainKeys.sealer('session tokens'));
  const { revokeSessionsBeforeMs } = config;
  const sessions = liveSessions({
    store,
    feed,
    tokens: tokensOfSessions,
    revokeSessionsBeforeMs,
    looked: metrics.looked('sessions'),
  });
  const usages = lastUsages(store, await startOfTracking(store, clock.now()));
  const usagesOfAccessKeys = accessKeyUsages(store);
  const usagesOfRoles = roleUsages(store);
  const stream = streamOfWorker(slot);
  const written = new Float64Array(memory.auditWritten);
  const trail = openFileTrail({
    directory: directory.audit,
    stream,
    rotation: config.auditRotation,
    onWritten: (sequence) => {
      written[slot] = sequence;
    },
    onSynced: (head) => tell({ type: 'audit-head', stream, head }),
    onTornTail: (path, bytes) => log.warn({ path, bytes }, 'cut off a half-written audit line that a crash left'),
    onSyncFailure: (path, err) => {
      metrics.auditSyncFailed();
      log.error({ path, err }, 'the audit file cannot be synced to the disk');
    },
    onRotationFailure: (path, err) =>
      log.error({ path, err }, 'the audit file cannot be closed and another begun; it is written to as before'),
  });
  const gated =
    config.auditOnFailure.sinks === 'refuse'
      ? trailWithSinks(trail, memory.sinkMoments, config.auditSinks.length)
      : trail;
  const counted = metrics.ofTrail(gated);
  const audit =
    config.auditOnFailure.files === 'refuse'
      ? counted
      : continuingTrail({
          trail: counted,
          record: (loss) => trail.append(auditLossJson(loss, { accountId, stream, nowMs: clock.now() }, random)),
          clock,
          onAlarm: (loss, err) =>
            log.fatal({ err, loss }, 'audit records are lost: they cannot be written, and requests go on'),
          onRecovered: (loss) => log.warn({ loss }, 'audit records can be written again; the trail says what was lost'),
        });

  const tracing =
    config.tracing === undefined
      ? undefined
      : await startTracing({
          ...config.tracing,
          worker: slot,
          version: version(),
          onFailure: (err) => log.warn({ err }, 'spans cannot be sent'),
        });
  const keysOfServices = serviceKeys({ store, keys, custody, random, compilePolicy, audit });

  const services = [
    kmsService({
      store,
      directory: keys,
      grants,
      grantTokens: tokens,
      custody,
      materialImport,
      random,
      compilePolicy,
      attestationRoots: attestationRoots(config.attestationRootPath),
      serviceKeys: keysOfServices,
      usages,
      unknownPrincipals: config.sandbox ? 'believed' : 'refused',
    }),
    iamService({ store, random, accessKeyUsages: usagesOfAccessKeys, roleUsages: usagesOfRoles }),
    cloudTrailService({
      store,
      random,
      eventHistory: monitor.remote<EventHistory>('eventHistory', ['lookup']),
      lookupTokens: lookupTokens(domainKeys.sealer('lookup tokens')),
    }),
    cloudWatchService({
      store,
      random,
      metrics: monitor.remote<MetricQueries>('metrics', ['put', 'list', 'series']),
    }),
    stsService({ store, random, sessionTokens: tokensOfSessions, fetchJson: jsonFetcher(undefined) }),
  ];
  checkCounted(services);

  const listener = await listen({
    host: config.host,
    port: orders.port,
    reusePort: orders.workers > 1,
    ...(config.tls === undefined ? {} : { tls: config.tls }),
    sideDoor: sideDoor(slot, exposition(memory.metrics, clock), sandboxClock),
    onFault: (err) => log.error({ err }, 'a request was dropped'),
    dispatch: dispatcher({
      services,
      authenticate: config.sandbox
        ? sandboxAuthenticator(accessKeys, sessions)
        : signatureAuthenticator(accessKeys, sessions),
      ...(limits === undefined ? {} : { throttle: requestLimiter(limits.quotas, limits.counters, clock) }),
      authenticated: ({ accessKeyId, session }, service, region, nowMs) => {
        usagesOfAccessKeys.note(accessKeyId, service, region, nowMs);
        if (session?.roleUsageName !== undefined) usagesOfRoles.note(session.roleUsageName, service, region, nowMs);
      },
      answered: metrics.answered,
      ...(tracing === undefined ? {} : { tracing }),
      audit,
      clock,
      random,
      log,
    }),
  });

  const usageWriters = [
    startUsageWriter(usages, 'keys', log),
    startUsageWriter(usagesOfAccessKeys, 'access keys', log),
    startUsageWriter(usagesOfRoles, 'roles', log),
  ];
  const chores: readonly Chore[] = [
    { work: destroyDueKeys, graceMs: DESTRUCTION_GRACE_MS, destroys: true },
    { work: rotateDueKeys(custody), graceMs: 0, destroys: false },
    // What it destroys is noted for the next one, as is what DeleteImportedKeyMaterial destroyed.
    { work: destroyExpiredMaterial, graceMs: 0, destroys: false },
    { work: forgetDeletedMaterial, graceMs: 0, destroys: true },
  ];
  const scrub = () => raw.scrub();
  const record = consequenceRecorder(audit, random, () => clock.now());
  const sweeper = slot === 0 ? startSweeper({ store, chores, scrub, record, clock, log }) : undefined;
  const census = slot === 0 ? startCensus({ store, memory: memory.metrics, slot, clock, log }) : undefined;

  return {
    async stop() {
      await listener.close();
      // Clients that wait for an RSA key or a signature are gone by now; their requests still have to be recorded.
      await Promise.all([keyPairs.stop(), signatures.stop()]);
      await sweeper?.stop();
      await census?.stop();
      for (const writer of usageWriters) await writer.stop();
      await audit.close();
      await store.close();
      await tracing?.stop();
      monitor.close();
      metrics.stop();
    },
    reloadTls() {
      if (config.tls === undefined) return;
      try {
        listener.reloadTls();
        log.info('read the TLS certificate again');
      } catch (err) {
        log.error({ err }, 'cannot use the TLS certificate; going on with the old one');
      }
    },
  };
}

/** Most keys have the same policy, and then share one compiled policy. */
function policyCompiler(): PolicyCompiler {
  const compiled = new LRUCache<string, Policy>({
    maxSize: CACHED_POLICY_CHARACTERS,
    sizeCalculation: (_, said) => said.length,
  });
  return (text, principalIds) => {
    const said = principalIds === undefined ? text : `${JSON.stringify(principalIds)}${text}`;
    const known = compiled.get(said);
    if (known !== undefined) return known;
    const policy = compileKeyPolicy(text, principalIds);
    compiled.set(said, policy);
    return policy;
  };
}

invariant(parentPort !== null, 'a worker runs in a thread of its own');
const port = parentPort;
const tell = (message: FromWorker) => port.postMessage(message);
const monitor = monitorConnection();
let worker: Awaited<ReturnType<typeof run>> | undefined;
port.on('message', async (message: ToWorker) => {
  switch (message.type) {
    case 'monitor':
      return monitor.connect(message.port);
    case 'reload-tls':
      return worker?.reloadTls();
    case 'stop':
      await worker?.stop();
      port.close();
  }
});
try {
  worker = await run(workerData as WorkerOrders, monitor);
  tell({ type: 'listening' });
} catch (error) {
  if (!(error instanceof KeyholdError)) throw error;
  tell({ type: 'refused', message: error.message });
  port.close();
}
