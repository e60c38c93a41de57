import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import { pino } from 'pino';
import {
  type AuditVerifyOptions,
  type Command,
  type Config,
  helpText,
  type NewAccountOptions,
  readCommand,
} from './config/config.ts';
import { systemClock } from './runtime/clock.ts';
import { KeyholdError } from './runtime/errors.ts';
import { systemRandom } from './runtime/random.ts';
import { addAccount, listAccounts } from './server/accounts.ts';
import { attestationRoots } from './server/attestation-roots.ts';
import { auditAnchor } from './server/audit-anchor.ts';
import { describeProof, exportAuditKey, proveAuditOf } from './server/audit-proof.ts';
import { type AuditSigning, startAuditSigning } from './server/audit-signing.ts';
import { type Prepared, prepareDataDirectory } from './server/data-directory.ts';
import { readTlsFiles } from './server/listener.ts';
import { METRICS_LISTEN } from './server/metrics/metrics-listener.ts';
import { checkTrailDir } from './server/monitor/trails/bucket-directory.ts';
import { readNotifyFile } from './server/notifier/notify-file.ts';
import { readRequestQuotas } from './server/request-quotas.ts';
import { plantSeed, readSeedFile } from './server/seed.ts';
import { beginSinks, readSinkFiles } from './server/sinks/start-sinks.ts';
import { findPort, type RunningServer, startWorkers } from './server/supervisor.ts';
import { version } from './server/version.ts';

/**
 * The command line. Exit status: 0 after a clean stop or when a command has done its work, 2 when the start or the command
 * is refused, 1 for anything unforeseen.
 */

const DEFAULT_REGION = 'us-east-1';
/** The AWS CLI 1 and boto3 read the second one only, most others the first. */
const REGION_VARIABLES = `AWS_REGION=${DEFAULT_REGION} AWS_DEFAULT_REGION=${DEFAULT_REGION}`;

try {
  await run(readCommand(process.argv.slice(2), process.env, systemClock.now()));
} catch (error) {
  if (!isForTheUser(error)) throw error;
  console.error(`keyhold: ${error.message}`);
  process.exitCode = 2;
}

async function run(command: Command): Promise<void> {
  switch (command.command) {
    case 'serve':
      return serve(command.config);
    case 'account create':
      return createAccount(command.account);
    case 'account list':
      return showAccounts(command.dataDir, command.json);
    case 'audit verify':
      return verifyAudit(command.options);
    case 'audit public-key':
      return console.log(await exportAuditKey(command.dataDir, systemRandom()));
    case 'help':
      return console.log(helpText(command.of));
    case 'version':
      return console.log(version());
  }
}

async function createAccount(options: NewAccountOptions): Promise<void> {
  const surroundings = { clock: systemClock, random: systemRandom(), version: version(), region: DEFAULT_REGION };
  const { accountId, credentials, rootCredentials } = await addAccount(options, surroundings);
  console.log(
    [
      `Made account ${accountId} with the user administrator.`,
      `  ${credentials}  holds the administrator's access key`,
      `  ${rootCredentials}  holds the root user's: keep it elsewhere, daily work does not need it`,
      '',
      'With AWS_ENDPOINT_URL as the server printed it:',
      '',
      `  export AWS_SHARED_CREDENTIALS_FILE=${shellQuoted(credentials)} ${REGION_VARIABLES}`,
      '',
      'Then, for instance: aws sts get-caller-identity',
    ].join('\n'),
  );
}

async function showAccounts(dataDir: string, json: boolean): Promise<void> {
  const accounts = (await listAccounts(dataDir, systemRandom())).map(({ accountId, name, createdAtMs }) => ({
    accountId,
    name: name ?? null,
    created: new Date(createdAtMs).toISOString(),
  }));
  if (json) {
    console.log(JSON.stringify(accounts, undefined, 2));
    return;
  }
  const width = Math.max('NAME'.length, ...accounts.map(({ name }) => name?.length ?? 0));
  const row = (id: string, name: string, created: string) => `${id.padEnd(12)}  ${name.padEnd(width)}  ${created}`;
  console.log(
    [
      row('ACCOUNT', 'NAME', 'CREATED'),
      ...accounts.map(({ accountId, name, created }) => row(accountId, name ?? '', created)),
    ].join('\n'),
  );
}

/** Exit status 1: something is not as it was signed. */
async function verifyAudit(options: AuditVerifyOptions): Promise<void> {
  const proof = await proveAuditOf(options, systemRandom(), (stream, bytes) =>
    console.error(`${stream}: read ${Math.round(bytes / 1_000_000)} MB`),
  );
  console.log(options.json ? JSON.stringify(proof, undefined, 2) : describeProof(proof));
  if (proof.problems.length > 0) process.exitCode = 1;
}

async function serve(config: Config): Promise<void> {
  const log = pino({ level: config.logLevel, base: {} }, pino.destination({ fd: 2, sync: true }));
  // What can be refused without touching the data directory is refused before it is touched.
  if (config.tls !== undefined) readTlsFiles(config.tls);
  attestationRoots(config.attestationRootPath);
  for (const sink of config.auditSinks) readSinkFiles(sink);
  // What is wrong with the data directory itself is told of it, and not of what would lie in it.
  if (dirname(config.trailDir) !== config.dataDir) checkTrailDir(config.trailDir);
  const quotas = config.requestQuotas === undefined ? undefined : readRequestQuotas(config.requestQuotas);
  const seed = config.seedPath === undefined ? undefined : readSeedFile(config.seedPath, config.sandbox);
  const notify = config.notifyPath === undefined ? undefined : readNotifyFile(config.notifyPath);
  for (const path of notify?.openToOthers ?? []) {
    log.warn({ path }, 'others than its owner may read the file of a secret; run: chmod 600');
  }
  const port = await findPort(config);
  if (config.metricsListen !== undefined) await findPort(config.metricsListen, METRICS_LISTEN);
  const prepared = await prepareDataDirectory({
    path: config.dataDir,
    ...(config.accountId === undefined ? {} : { accountId: config.accountId }),
    sandbox: config.sandbox,
    region: DEFAULT_REGION,
    clock: systemClock,
    random: systemRandom(),
  });
  if (config.revokeSessionsBeforeMs !== undefined) {
    const moment = new Date(config.revokeSessionsBeforeMs).toISOString();
    log.info({ moment }, 'temporary credentials that were issued before this moment are refused');
  }
  let server: RunningServer;
  let signing: AuditSigning | undefined;
  try {
    await beginSinks(config.auditSinks, prepared.directory);
    if (seed !== undefined) await plantSeed(seed, prepared.directory, version(), log);
    signing = await startAuditSigning({
      directory: prepared.directory,
      ...(config.auditAnchor === undefined ? {} : { anchor: auditAnchor(config.auditAnchor, log) }),
      intervalSeconds: config.auditSignIntervalSeconds,
      rotation: config.auditRotation,
      workers: config.workers,
      ...(config.auditRetentionDays === undefined ? {} : { retentionDays: config.auditRetentionDays }),
      clock: systemClock,
      random: systemRandom(),
      log,
    });
    server = await startWorkers(config, port, prepared, log, signing, quotas, notify?.targets);
  } catch (error) {
    // Some worker may have answered already.
    await signing?.stop({ clean: false });
    prepared.release();
    throw error;
  }

  let stopping = false;
  const stop = async (signal: string) => {
    if (stopping) return;
    stopping = true;
    log.info({ signal }, 'stopping: finishing the requests in flight');
    let clean = true;
    try {
      await server.stop();
    } catch (err) {
      log.fatal({ err }, 'the stop was not clean');
      process.exitCode = 1;
      clean = false;
    }
    await signing.stop({ clean });
    if (clean) log.info('stopped');
    prepared.release();
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
  process.on('SIGHUP', () => server.reloadTls());
  // Last of all: whoever reads this may send a signal at once.
  console.log(welcome(config, prepared, server));
}

function welcome(config: Config, { directory, accountId, firstStart }: Prepared, server: RunningServer): string {
  const url = `${config.tls === undefined ? 'http' : 'https'}://${inUrl(config.host)}:${server.port}`;
  const lines: string[] = [];
  if (config.sandbox) {
    lines.push(
      '*** SANDBOX: every access key and every signature is believed, and the clock can be moved. ***',
      '*** For tests only. Whoever can reach this port is root of every account.                ***',
      '',
    );
  }
  if (firstStart) {
    lines.push(
      `First start: made account ${accountId} with the user administrator.`,
      `  ${directory.credentials}  holds the administrator's access key`,
      `  ${directory.rootCredentials}  holds the root user's: keep it elsewhere, daily work does not need it`,
      `  ${directory.rootKey}  protects all keys: keep a copy of it, apart from the rest`,
      '',
    );
  }
  // A restored directory has none, nor has one whose owner keeps the file elsewhere.
  const hasCredentials = existsSync(directory.credentials);
  const credentials = hasCredentials ? ` AWS_SHARED_CREDENTIALS_FILE=${shellQuoted(directory.credentials)}` : '';
  lines.push('For AWS clients:', '', `  export AWS_ENDPOINT_URL=${url}${credentials} ${REGION_VARIABLES}`, '');
  if (!hasCredentials) {
    lines.push(
      `${directory.credentials} is not there:`,
      'set AWS_SHARED_CREDENTIALS_FILE to the file in which you keep the access key.',
      '',
    );
  }
  lines.push(
    `Then, for instance: aws kms create-key`,
    '',
    ...(config.metricsListen === undefined
      ? []
      : [`Metrics, for whoever can connect: http://${inUrl(config.metricsListen.host)}:${server.metricsPort}/metrics`]),
    `Keyhold ${version()} is listening on ${url} (account ${accountId}, ${server.workers} worker${server.workers === 1 ? '' : 's'}). Ctrl-C stops it.`,
  );
  return lines.join('\n');
}

function inUrl(host: string): string {
  return host.includes(':') ? `[${host}]` : host;
}

function shellQuoted(path: string): string {
  return /^[\w@%+=:,./-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`;
}

/** What the person who started the server did or can do something about. */
function isForTheUser(error: unknown): error is KeyholdError {
  const codes: readonly string[] = [
    'StartupRefused',
    'WrongRootKey',
    'StoreUnavailable',
    'AuditUnavailable',
    'TamperedRecord',
  ];
  return error instanceof KeyholdError && codes.includes(error.code);
}
