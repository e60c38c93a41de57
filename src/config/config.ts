import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { KeyholdError } from '../runtime/errors.ts';

/** Everything that can be set, read once at start from the command line and the environment, and never again. */
export interface Config {
  readonly host: string;
  readonly port: number;
  /** Absolute. */
  readonly dataDir: string;
  /** Twelve digits; on the first start only. */
  readonly accountId?: string;
  readonly workers: number;
  readonly tls?: { readonly certPath: string; readonly keyPath: string };
  /** `aws`, or the absolute path of a file; absent where requests are not limited. */
  readonly requestQuotas?: string;
  readonly logLevel: LogLevel;
  readonly sandbox: boolean;
  /** A file of certificates in PEM, trusted beside AWS's as roots of Nitro enclaves' attestation documents. */
  readonly attestationRootPath?: string;
}

const logLevels = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;
export type LogLevel = (typeof logLevels)[number];

export type Command =
  | { readonly command: 'serve'; readonly config: Config }
  | { readonly command: 'help' }
  | { readonly command: 'version' };

const MOST_WORKERS = 64;

/** The options of the command line, each with its variable. This table is also what `--help` prints. */
const options = {
  listen: { variable: 'KEYHOLD_LISTEN', value: 'host:port', help: 'where to listen (default 127.0.0.1:8080)' },
  'data-dir': { variable: 'KEYHOLD_DATA_DIR', value: 'dir', help: 'where all state is kept (default ./data)' },
  'account-id': {
    variable: 'KEYHOLD_ACCOUNT_ID',
    value: 'id',
    help: 'the account to make on the first start, 12 digits (default random)',
  },
  workers: { variable: 'KEYHOLD_WORKERS', value: 'n', help: 'how many threads serve requests (default one per core)' },
  'tls-cert': { variable: 'KEYHOLD_TLS_CERT', value: 'file', help: 'serve TLS 1.2+ with this certificate chain (PEM)' },
  'tls-key': { variable: 'KEYHOLD_TLS_KEY', value: 'file', help: 'its private key (PEM); SIGHUP reads both again' },
  'request-quotas': {
    variable: 'KEYHOLD_REQUEST_QUOTAS',
    value: 'file',
    help: 'limit requests per second as this JSON file says, or aws for the quotas of AWS (default no limit)',
  },
  'attestation-root': {
    variable: 'KEYHOLD_ATTESTATION_ROOT',
    value: 'file',
    help: 'trust enclaves attested below these certificates too (PEM)',
  },
  'log-level': { variable: 'KEYHOLD_LOG_LEVEL', value: 'level', help: `one of ${logLevels.join(', ')} (default info)` },
  'insecure-http': { variable: 'KEYHOLD_INSECURE_HTTP', help: 'allow a listener that others can reach without TLS' },
  sandbox: { variable: 'KEYHOLD_SANDBOX', help: 'FOR TESTS: believe every signature, let the clock be moved' },
  help: { help: 'print this and exit' },
  version: { help: 'print the version and exit' },
} as const satisfies Record<string, { variable?: string; value?: string; help: string }>;

type OptionName = keyof typeof options;

/** Reads the command line and the environment. Throws StartupRefused with one line that says what is wrong. */
export function readCommand(argv: readonly string[], environment: NodeJS.ProcessEnv): Command {
  const given = parseCommandLine(argv);
  if (given['help'] === true) return { command: 'help' };
  if (given['version'] === true) return { command: 'version' };
  const text = (name: OptionName): string | undefined => {
    const value = given[name];
    if (typeof value === 'string') return value;
    const { variable } = options[name] as { readonly variable?: string };
    const set = variable === undefined ? undefined : environment[variable];
    return set === '' ? undefined : set;
  };
  const flag = (name: OptionName): boolean => given[name] === true || readSwitch(name, text(name));

  const { host, port } = readListen(text('listen') ?? '127.0.0.1:8080');
  const accountId = readAccountId(text('account-id'));
  const tls = readTls(text('tls-cert'), text('tls-key'));
  const requestQuotas = readQuotasSource(text('request-quotas'));
  const attestationRoot = text('attestation-root');
  const sandbox = flag('sandbox');
  if (sandbox && !isLoopback(host)) throw refused(`--sandbox listens on loopback addresses only, not on ${host}`);
  if (!isLoopback(host) && tls === undefined && !flag('insecure-http')) {
    throw refused(`refusing to serve ${host} without TLS: give --tls-cert and --tls-key, or --insecure-http`);
  }
  return {
    command: 'serve',
    config: {
      host,
      port,
      dataDir: readPath('data-dir', 'directory', text('data-dir') ?? 'data'),
      ...(accountId === undefined ? {} : { accountId }),
      workers: readWorkers(text('workers')),
      ...(tls === undefined ? {} : { tls }),
      ...(requestQuotas === undefined ? {} : { requestQuotas }),
      ...(attestationRoot === undefined
        ? {}
        : { attestationRootPath: readPath('attestation-root', 'file', attestationRoot) }),
      logLevel: readLogLevel(text('log-level') ?? 'info'),
      sandbox,
    },
  };
}

export function helpText(): string {
  const lines = Object.entries(options).map(([name, option]) => {
    const left = `  --${name}${'value' in option ? ` <${option.value}>` : ''}`;
    const right = 'variable' in option ? `${option.help} [${option.variable}]` : option.help;
    return `${left.padEnd(30)}${right}`;
  });
  return [
    'Usage: npm start -- [options]',
    '',
    'Serves the AWS KMS API. Every option can also be set by the environment variable in brackets.',
    '',
    ...lines,
    '',
    'Then: aws kms create-key, with the three variables that the server prints when it starts.',
  ].join('\n');
}

function parseCommandLine(argv: readonly string[]): Record<string, string | boolean | undefined> {
  const declared = Object.fromEntries(
    Object.entries(options).map(([name, option]) => [
      name,
      { type: 'value' in option ? ('string' as const) : ('boolean' as const) },
    ]),
  );
  try {
    const { values } = parseArgs({ args: [...argv], options: declared, strict: true, allowPositionals: false });
    return values as Record<string, string | boolean | undefined>;
  } catch (cause) {
    // Node's message is one sentence or two; the first names the option.
    const [sentence = 'bad command line'] = (cause as Error).message.split(/\.\s|\n/);
    throw refused(`${sentence}. See --help.`, cause);
  }
}

function readListen(text: string): { host: string; port: number } {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:\s[\]]+)):(\d{1,5})$/.exec(text);
  const port = Number(match?.[3]);
  const host = match?.[1] ?? match?.[2];
  if (host === undefined || port > 65535) throw refused(`--listen wants host:port, not '${text}'`);
  return { host, port };
}

function readAccountId(text: string | undefined): string | undefined {
  if (text !== undefined && !/^\d{12}$/.test(text)) throw refused(`--account-id wants 12 digits, not '${text}'`);
  return text;
}

function readWorkers(text: string | undefined): number {
  if (text === undefined) return Math.min(availableParallelism(), MOST_WORKERS);
  const workers = /^\d{1,3}$/.test(text) ? Number(text) : 0;
  if (workers < 1 || workers > MOST_WORKERS) throw refused(`--workers wants 1 to ${MOST_WORKERS}, not '${text}'`);
  return workers;
}

function readTls(cert: string | undefined, key: string | undefined): { certPath: string; keyPath: string } | undefined {
  if (cert === undefined && key === undefined) return undefined;
  if (cert === undefined || key === undefined)
    throw refused('--tls-cert and --tls-key are given together or not at all');
  return { certPath: readPath('tls-cert', 'file', cert), keyPath: readPath('tls-key', 'file', key) };
}

/** Makes a path absolute. An empty one, from a script's unset variable, would be the current directory. */
function readPath(name: OptionName, what: string, text: string): string {
  if (text === '') throw refused(`--${name} wants a ${what}`);
  return resolve(text);
}

/** A file that is called aws is `./aws`. */
function readQuotasSource(text: string | undefined): string | undefined {
  return text === undefined || text === 'aws' ? text : readPath('request-quotas', 'file, or aws', text);
}

function readLogLevel(text: string): LogLevel {
  const level = logLevels.find((each) => each === text);
  if (level === undefined) throw refused(`--log-level wants one of ${logLevels.join(', ')}, not '${text}'`);
  return level;
}

/** A switch in the environment: `1` and `true` are on, `0` and `false` off. */
function readSwitch(name: OptionName, text: string | undefined): boolean {
  if (text === undefined || text === '0' || text === 'false') return false;
  if (text === '1' || text === 'true') return true;
  const { variable } = options[name] as { readonly variable?: string };
  throw refused(`${variable} wants 1 or 0, not '${text}'`);
}

export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(host);
}

function refused(message: string, cause?: unknown): KeyholdError {
  return new KeyholdError('StartupRefused', message, { cause });
}
