import { readFileSync } from 'node:fs';
import { pino } from 'pino';
import { type Config, helpText, readCommand } from './config/config.ts';
import { systemClock } from './runtime/clock.ts';
import { KeyholdError } from './runtime/errors.ts';
import { systemRandom } from './runtime/random.ts';
import { attestationRoots } from './server/attestation-roots.ts';
import { type Prepared, prepareDataDirectory } from './server/data-directory.ts';
import { readTlsFiles } from './server/listener.ts';
import { readRequestQuotas } from './server/request-quotas.ts';
import { findPort, type RunningServer, startWorkers } from './server/supervisor.ts';

/** The command line. Exit status: 0 after a clean stop, 2 when the start is refused, 1 for anything unforeseen. */

const DEFAULT_REGION = 'us-east-1';

try {
  const command = readCommand(process.argv.slice(2), process.env);
  if (command.command === 'help') console.log(helpText());
  else if (command.command === 'version') console.log(version());
  else await serve(command.config);
} catch (error) {
  if (!isForTheUser(error)) throw error;
  console.error(`keyhold: ${error.message}`);
  process.exitCode = 2;
}

async function serve(config: Config): Promise<void> {
  const log = pino({ level: config.logLevel, base: {} }, pino.destination({ fd: 2, sync: true }));
  // What can be refused without touching the data directory is refused before it is touched.
  if (config.tls !== undefined) readTlsFiles(config.tls);
  attestationRoots(config.attestationRootPath);
  const quotas = config.requestQuotas === undefined ? undefined : readRequestQuotas(config.requestQuotas);
  const port = await findPort(config);
  const prepared = await prepareDataDirectory({
    path: config.dataDir,
    ...(config.accountId === undefined ? {} : { accountId: config.accountId }),
    sandbox: config.sandbox,
    region: DEFAULT_REGION,
    clock: systemClock,
    random: systemRandom(),
  });
  let server: RunningServer;
  try {
    server = await startWorkers(config, port, prepared.directory, log, quotas);
  } catch (error) {
    prepared.release();
    throw error;
  }

  let stopping = false;
  const stop = async (signal: string) => {
    if (stopping) return;
    stopping = true;
    log.info({ signal }, 'stopping: finishing the requests in flight');
    try {
      await server.stop();
      log.info('stopped');
    } catch (err) {
      log.fatal({ err }, 'the stop was not clean');
      process.exitCode = 1;
    }
    prepared.release();
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
  process.on('SIGHUP', () => server.reloadTls());
  // Last of all: whoever reads this may send a signal at once.
  console.log(welcome(config, prepared, server));
}

function welcome(config: Config, { directory, accountId, firstStart }: Prepared, server: RunningServer): string {
  const host = config.host.includes(':') ? `[${config.host}]` : config.host;
  const url = `${config.tls === undefined ? 'http' : 'https'}://${host}:${server.port}`;
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
  lines.push(
    'For AWS clients:',
    '',
    `  export AWS_ENDPOINT_URL=${url} AWS_SHARED_CREDENTIALS_FILE=${shellQuoted(directory.credentials)} AWS_REGION=${DEFAULT_REGION}`,
    '',
    `Then, for instance: aws kms create-key`,
    '',
    `Keyhold ${version()} is listening on ${url} (account ${accountId}, ${server.workers} worker${server.workers === 1 ? '' : 's'}). Ctrl-C stops it.`,
  );
  return lines.join('\n');
}

function shellQuoted(path: string): string {
  return /^[\w@%+=:,./-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`;
}

function version(): string {
  const manifest = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
  return (JSON.parse(manifest) as { version: string }).version;
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
