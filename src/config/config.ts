import { availableParallelism } from 'node:os';
import { join, resolve, sep } from 'node:path';
import { parseArgs } from 'node:util';
import { KeyholdError } from '../runtime/errors.ts';
import { type AuditSink, readAuditSinks } from './audit-sink.ts';

/** Everything that can be set, read once at start from the command line and the environment, and never again. */
export interface Config {
  readonly host: string;
  readonly port: number;
  /** Absolute. */
  readonly dataDir: string;
  /** Twelve digits; on the first start only. */
  readonly accountId?: string;
  readonly workers: number;
  /** Where others than this machine itself may read the metrics, without TLS. */
  readonly metricsListen?: ListenAddress;
  readonly tls?: { readonly certPath: string; readonly keyPath: string };
  /** `aws`, or the absolute path of a file; absent where requests are not limited. */
  readonly requestQuotas?: string;
  /** Where signed heads of the audit streams are kept as well. */
  readonly auditAnchor?: AnchorTarget;
  /** What becomes of requests when the audit files, or the further sinks, cannot be written. */
  readonly auditOnFailure: { readonly files: OnFailure; readonly sinks: OnFailure };
  /** Where every audit record goes, besides the files. */
  readonly auditSinks: readonly AuditSink[];
  /** When an audit file is closed and another begun; Infinity where that is no reason. */
  readonly auditRotation: { readonly maxBytes: number; readonly maxAgeMs: number };
  /** How long audit records are kept; absent, for ever. */
  readonly auditRetentionDays?: number;
  /** How often the heads of the audit streams are signed. */
  readonly auditSignIntervalSeconds: number;
  /** Where the buckets of trails are directories, absolute. */
  readonly trailDir: string;
  /** How often log files, and digest files, of trails are delivered. */
  readonly trailIntervalSeconds: number;
  readonly trailDigestIntervalSeconds: number;
  readonly logLevel: LogLevel;
  /** Where spans of requests are sent, and of how many of the traces that begin here. */
  readonly tracing?: { readonly url: string; readonly ratio: number };
  readonly sandbox: boolean;
  /** A file of certificates in PEM, trusted beside AWS's as roots of Nitro enclaves' attestation documents. */
  readonly attestationRootPath?: string;
  /** A YAML file, absolute: what is to be there when the server serves. */
  readonly seedPath?: string;
  /** A YAML file, absolute: who is told of alarms and events. */
  readonly notifyPath?: string;
  /** Temporary credentials that were issued before this moment are refused. Milliseconds since 1970. */
  readonly revokeSessionsBeforeMs?: number;
}

export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

const logLevels = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;
export type LogLevel = (typeof logLevels)[number];

const onFailures = ['refuse', 'continue'] as const;
export type OnFailure = (typeof onFailures)[number];

/** A file, absolute, or an http or https URL. */
export type AnchorTarget = { readonly path: string } | { readonly url: string };

export interface AuditVerifyOptions {
  /** Absolute, as are all paths. */
  readonly dataDir: string;
  readonly anchorPath?: string;
  /** Of a file in PEM; absent, the key is the one in the database, which takes the root key. */
  readonly publicKeyPath?: string;
  /** Of the signed heads after which the trail was begun anew. */
  readonly beginsAfter?: number;
  readonly json: boolean;
}

export type Command =
  | { readonly command: 'serve'; readonly config: Config }
  | { readonly command: 'account create'; readonly account: NewAccountOptions }
  | { readonly command: 'account list'; readonly dataDir: string; readonly json: boolean }
  | { readonly command: 'audit verify'; readonly options: AuditVerifyOptions }
  | { readonly command: 'audit public-key'; readonly dataDir: string }
  | { readonly command: 'help'; readonly of: HelpTopic }
  | { readonly command: 'version' };

export interface NewAccountOptions {
  /** Absolute, as are all paths. */
  readonly dataDir: string;
  readonly name?: string;
  /** Twelve digits. */
  readonly accountId?: string;
  /** Where the administrator's access key is written; absent, in the data directory. */
  readonly credentialsPath?: string;
}

const MOST_WORKERS = 64;
/** AWS's limit for an account's name ("CreateAccount", AWS Organizations API reference). */
const MOST_NAME_CHARACTERS = 50;

interface Option {
  /** Of the group that begins with it, in `--help` and in the README. */
  readonly heading?: string;
  /** Absent where only the command line sets it. */
  readonly variable?: string;
  /** What stands for its value in `--help`; a switch has none. */
  readonly value?: string;
  /** Can be given several times; in its variable, values are separated by commas. */
  readonly repeatable?: true;
  readonly help: string;
}

const dataDir = { variable: 'KEYHOLD_DATA_DIR', value: 'dir', help: 'where all state is kept (default ./data)' };
const help = { help: 'print this and exit' };

/** The commands with their options, each with its variable. This table is also what `--help` prints. */
const commands = {
  serve: {
    usage: 'keyhold [serve] [options]',
    summary: 'Serves the AWS KMS API, with IAM, STS, CloudTrail and CloudWatch beside it.',
    next: 'Then: aws kms create-key, with the variables that the server prints when it starts.',
    options: {
      listen: {
        heading: 'Serving',
        variable: 'KEYHOLD_LISTEN',
        value: 'host:port',
        help: 'where to listen (default 127.0.0.1:8080)',
      },
      'data-dir': dataDir,
      'account-id': {
        variable: 'KEYHOLD_ACCOUNT_ID',
        value: 'id',
        help: 'the account to make on the first start, 12 digits (default random)',
      },
      seed: {
        variable: 'KEYHOLD_SEED',
        value: 'file',
        help: 'bring accounts, identities and keys in line with this YAML file at the start',
      },
      workers: {
        variable: 'KEYHOLD_WORKERS',
        value: 'n',
        help: 'how many threads serve requests (default one per core)',
      },
      'tls-cert': {
        variable: 'KEYHOLD_TLS_CERT',
        value: 'file',
        help: 'serve TLS 1.2+ with this certificate chain (PEM)',
      },
      'tls-key': { variable: 'KEYHOLD_TLS_KEY', value: 'file', help: 'its private key (PEM); SIGHUP reads both again' },
      'insecure-http': {
        variable: 'KEYHOLD_INSECURE_HTTP',
        help: 'allow a listener that others can reach without TLS',
      },
      'request-quotas': {
        variable: 'KEYHOLD_REQUEST_QUOTAS',
        value: 'file',
        help: 'limit requests per second as this JSON file says, or aws for the quotas of AWS (default no limit)',
      },
      'revoke-sessions-before': {
        variable: 'KEYHOLD_REVOKE_SESSIONS_BEFORE',
        value: 'time',
        help: 'refuse temporary credentials issued before this moment (ISO 8601)',
      },
      'attestation-root': {
        variable: 'KEYHOLD_ATTESTATION_ROOT',
        value: 'file',
        help: 'trust enclaves attested below these certificates too (PEM)',
      },
      sandbox: { variable: 'KEYHOLD_SANDBOX', help: 'FOR TESTS: believe every signature, let the clock be moved' },
      'audit-rotate-size': {
        heading: 'Audit trail',
        variable: 'KEYHOLD_AUDIT_ROTATE_SIZE',
        value: 'bytes',
        help: 'close an audit file that has become so large, such as 1GiB; 0 for never (default 256MiB)',
      },
      'audit-rotate-age': {
        variable: 'KEYHOLD_AUDIT_ROTATE_AGE',
        value: 'time',
        help: 'close an audit file that was begun so long ago, such as 12h or 1d; 0 for never (default 1d)',
      },
      'audit-retention': {
        variable: 'KEYHOLD_AUDIT_RETENTION',
        value: 'days',
        help: 'remove closed audit files whose newest record is older (default keep everything)',
      },
      'audit-sign-interval': {
        variable: 'KEYHOLD_AUDIT_SIGN_INTERVAL',
        value: 'seconds',
        help: 'how often the heads of the audit trail are signed, if it grew (default 60)',
      },
      'audit-anchor': {
        variable: 'KEYHOLD_AUDIT_ANCHOR',
        value: 'to',
        help: 'keep signed heads of the audit trail in this file, or POST them to this URL, too',
      },
      'audit-sink': {
        variable: 'KEYHOLD_AUDIT_SINK',
        value: 'to',
        repeatable: true,
        help: 'send records to stdout, syslog+tls://host:port or otlp+https://host:port too; may be repeated',
      },
      'audit-on-failure': {
        variable: 'KEYHOLD_AUDIT_ON_FAILURE',
        value: 'what',
        help: 'refuse requests, or continue, when records cannot be written (default refuse for files, continue for sinks)',
      },
      'trail-dir': {
        heading: "CloudTrail's trails",
        variable: 'KEYHOLD_TRAIL_DIR',
        value: 'dir',
        help: 'where trails deliver, each bucket being a directory (default trails in the data directory)',
      },
      'trail-interval': {
        variable: 'KEYHOLD_TRAIL_INTERVAL',
        value: 'seconds',
        help: 'how often log files are delivered, if there is something (default 300)',
      },
      'trail-digest-interval': {
        variable: 'KEYHOLD_TRAIL_DIGEST_INTERVAL',
        value: 'seconds',
        help: 'how often digest files are delivered (default 3600)',
      },
      notify: {
        heading: 'Monitoring',
        variable: 'KEYHOLD_NOTIFY',
        value: 'file',
        help: 'whom to tell of alarms and events, as this YAML file says',
      },
      'metrics-listen': {
        variable: 'KEYHOLD_METRICS_LISTEN',
        value: 'host:port',
        help: 'serve /metrics here too, without TLS, to whoever can connect',
      },
      'log-level': {
        variable: 'KEYHOLD_LOG_LEVEL',
        value: 'level',
        help: `one of ${logLevels.join(', ')} (default info)`,
      },
      'otlp-traces': {
        variable: 'KEYHOLD_OTLP_TRACES',
        value: 'url',
        help: 'send a span of each request to this OpenTelemetry collector (http://…:4318/v1/traces)',
      },
      'trace-ratio': {
        variable: 'KEYHOLD_TRACE_RATIO',
        value: 'share',
        help: 'of requests that bring no trace, how many begin one, from 0 to 1 (default 1)',
      },
      version: { heading: 'Help', help: 'print the version and exit' },
      help,
    },
  },
  'account create': {
    usage: 'keyhold account create [options]',
    summary: 'Makes one more account, with its root user and an administrator, whether or not the server runs.',
    next: 'Then: aws sts get-caller-identity, with AWS_SHARED_CREDENTIALS_FILE set to the file that it names.',
    options: {
      'data-dir': dataDir,
      name: { value: 'name', help: `what people call the account, up to ${MOST_NAME_CHARACTERS} characters` },
      // Not the variable of the first start, whose account is there already.
      'account-id': { value: 'id', help: '12 digits (default random)' },
      'credentials-file': {
        value: 'file',
        help: "a new file for the administrator's access key (default one in the data directory)",
      },
      help,
    },
  },
  'account list': {
    usage: 'keyhold account list [options]',
    summary: 'Lists the accounts, whether or not the server runs.',
    next: 'Then: keyhold account create makes another one.',
    options: { 'data-dir': dataDir, json: { help: 'print JSON' }, help },
  },
  'audit verify': {
    usage: 'keyhold audit verify [options]',
    summary: 'Proves that the audit trail is whole, whether or not the server runs: exit status 0, or 1 if it is not.',
    next: 'Then: keep what keyhold audit public-key prints elsewhere, and verify with it where the root key is not.',
    options: {
      'data-dir': dataDir,
      anchor: { value: 'file', help: 'compare with the signed heads that were kept in this file' },
      'public-key': {
        value: 'file',
        help: 'verify with this key (PEM), without the root key and the database',
      },
      'begins-after': {
        value: 'n',
        help: 'the trail up to signed heads n is in an archive, and was begun anew after it',
      },
      json: { help: 'print JSON' },
      help,
    },
  },
  'audit public-key': {
    usage: 'keyhold audit public-key [options]',
    summary: 'Prints the public key that the audit trail is verified with, in PEM.',
    next: 'Then: keyhold audit verify --public-key, on another machine.',
    options: { 'data-dir': dataDir, help },
  },
} as const satisfies Record<
  string,
  { usage: string; summary: string; next: string; options: Readonly<Record<string, Option>> }
>;

export type CommandName = keyof typeof commands;
const commandNames = Object.keys(commands) as CommandName[];
/** Commands of two words, by their first one, which is none by itself. */
const groups = { account: 'Commands on accounts', audit: 'Commands on the audit trail' } as const;

export type HelpTopic = CommandName | keyof typeof groups;

function isGroup(name: string): name is keyof typeof groups {
  return Object.hasOwn(groups, name);
}
type ServeOption = keyof (typeof commands)['serve']['options'];

/** As they were written on the command line. */
type OptionValues = Readonly<Record<string, string | boolean | readonly string[] | undefined>>;

/** What was given of one command's options, on the command line or else in the environment. */
interface Given<Name extends string> {
  text(name: Name): string | undefined;
  /** All values of an option that is repeatable. */
  texts(name: Name): readonly string[];
  flag(name: Name): boolean;
}

/**
 * Reads the command line and the environment. Throws StartupRefused with one line that says what is wrong.
 *
 * @param nowMs the moment of the start
 */
export function readCommand(argv: readonly string[], environment: NodeJS.ProcessEnv, nowMs: number): Command {
  refuseWhatNpmKept(environment);
  const { name, rest } = findCommand(argv);
  if (isGroup(name)) return { command: 'help', of: name };
  const values = parseCommandLine(name, rest);
  if (values['help'] === true) return { command: 'help', of: name };
  if (values['version'] === true) return { command: 'version' };
  switch (name) {
    case 'serve':
      return { command: name, config: readConfig(given(name, values, environment), nowMs) };
    case 'account create':
      return { command: name, account: readNewAccount(given(name, values, environment)) };
    case 'account list': {
      const options = given(name, values, environment);
      return { command: name, dataDir: readDataDir(options), json: options.flag('json') };
    }
    case 'audit verify':
      return { command: name, options: readAuditVerify(given(name, values, environment)) };
    case 'audit public-key':
      return { command: name, dataDir: readDataDir(given(name, values, environment)) };
  }
}

/** Before `--`, npm takes options for its own, hands them over as variables, and would start a server without them. */
function refuseWhatNpmKept(environment: NodeJS.ProcessEnv): void {
  if (environment['npm_lifecycle_event'] !== 'start') return;
  const kept = Object.entries<Option>(commands.serve.options)
    .filter(([name]) => environment[`npm_config_${name.replaceAll('-', '_')}`])
    .map(([name, option]) => optionUsage(name, option));
  if (kept.length > 0) throw refused(`with npm, options come after --: npm start -- ${kept.join(' ')}`);
}

/** The words before the first option. Without any, the server is meant; `help` is as good as `--help`. */
function findCommand(argv: readonly string[]): { name: HelpTopic; rest: readonly string[] } {
  if (argv[0] === 'help') return findCommand([...argv.slice(1), '--help']);
  const firstOption = argv.findIndex((word) => word.startsWith('-'));
  const words = firstOption < 0 ? argv : argv.slice(0, firstOption);
  const rest = argv.slice(words.length);
  if (words.length === 0) return { name: 'serve', rest };
  const written = words.join(' ');
  const name = commandNames.find((each) => each === written);
  if (name !== undefined) return { name, rest };
  const asksForHelp = rest.includes('--help') || rest.includes('-h');
  if (isGroup(written) && (asksForHelp || rest.length === 0)) return { name: written, rest };
  if (asksForHelp) return { name: 'serve', rest: ['--help'] };
  throw refused(`unknown command '${written}'. Commands: ${commandNames.join(', ')}.`);
}

function given<Name extends CommandName>(
  command: Name,
  values: OptionValues,
  environment: NodeJS.ProcessEnv,
): Given<keyof (typeof commands)[Name]['options'] & string> {
  const options: Readonly<Record<string, Option>> = commands[command].options;
  const set = (name: string): string | undefined => {
    const variable = options[name]?.variable;
    const value = variable === undefined ? undefined : environment[variable];
    return value === '' ? undefined : value;
  };
  const text = (name: string): string | undefined => {
    const value = values[name];
    return typeof value === 'string' ? value : set(name);
  };
  const texts = (name: string): readonly string[] => {
    const value = values[name];
    return Array.isArray(value) ? value : (set(name)?.split(',') ?? []);
  };
  return { text, texts, flag: (name) => values[name] === true || readSwitch(options[name]?.variable, text(name)) };
}

function readConfig({ text, texts, flag }: Given<ServeOption>, nowMs: number): Config {
  const { host, port } = readListen('listen', text('listen') ?? '127.0.0.1:8080');
  const accountId = readAccountId(text('account-id'));
  const tls = readTls(text('tls-cert'), text('tls-key'));
  const metricsListen = readMetricsListen(text('metrics-listen'), { host, port });
  const requestQuotas = readQuotasSource(text('request-quotas'));
  const attestationRoot = text('attestation-root');
  const seed = text('seed');
  const notify = text('notify');
  const revokeSessionsBeforeMs = readRevocation(text('revoke-sessions-before'), nowMs);
  const auditAnchor = readAnchor(text('audit-anchor'), readDataDir({ text }));
  const tracing = readTracing(text('otlp-traces'), text('trace-ratio'));
  const auditRetention = text('audit-retention');
  const sandbox = flag('sandbox');
  if (sandbox && !isLoopback(host)) throw refused(`--sandbox listens on loopback addresses only, not on ${host}`);
  if (!isLoopback(host) && tls === undefined && !flag('insecure-http')) {
    throw refused(`refusing to serve ${host} without TLS: give --tls-cert and --tls-key, or --insecure-http`);
  }
  return {
    host,
    port,
    dataDir: readDataDir({ text }),
    ...(accountId === undefined ? {} : { accountId }),
    ...(seed === undefined ? {} : { seedPath: readPath('seed', 'file', seed) }),
    ...(notify === undefined ? {} : { notifyPath: readPath('notify', 'file', notify) }),
    workers: readWorkers(text('workers')),
    ...(metricsListen === undefined ? {} : { metricsListen }),
    ...(tls === undefined ? {} : { tls }),
    ...(requestQuotas === undefined ? {} : { requestQuotas }),
    ...(attestationRoot === undefined
      ? {}
      : { attestationRootPath: readPath('attestation-root', 'file', attestationRoot) }),
    ...(revokeSessionsBeforeMs === undefined ? {} : { revokeSessionsBeforeMs }),
    ...(auditAnchor === undefined ? {} : { auditAnchor }),
    auditSinks: readAuditSinks(texts('audit-sink')),
    auditOnFailure: readOnFailure(text('audit-on-failure')),
    auditRotation: {
      maxBytes: readRotationSize(text('audit-rotate-size') ?? '256MiB'),
      maxAgeMs: readRotationAge(text('audit-rotate-age') ?? '1d'),
    },
    ...(auditRetention === undefined
      ? {}
      : { auditRetentionDays: readWholeNumber('audit-retention', auditRetention, 1, 36_500, 'days') }),
    auditSignIntervalSeconds: readSeconds('audit-sign-interval', text('audit-sign-interval') ?? '60', 3600),
    trailDir: readTrailDir(text('trail-dir'), readDataDir({ text })),
    trailIntervalSeconds: readSeconds('trail-interval', text('trail-interval') ?? '300', 3600),
    trailDigestIntervalSeconds: readSeconds('trail-digest-interval', text('trail-digest-interval') ?? '3600', 86_400),
    logLevel: readLogLevel(text('log-level') ?? 'info'),
    ...(tracing === undefined ? {} : { tracing }),
    sandbox,
  };
}

function readNewAccount({ text }: Given<keyof (typeof commands)['account create']['options']>): NewAccountOptions {
  const name = text('name');
  const accountId = readAccountId(text('account-id'));
  const credentialsFile = text('credentials-file');
  // Printable, so that a listing stays a table.
  if (name !== undefined && (!/^[\x20-\x7e]+$/.test(name) || name.length > MOST_NAME_CHARACTERS)) {
    throw refused(`--name wants 1 to ${MOST_NAME_CHARACTERS} printable ASCII characters`);
  }
  return {
    dataDir: readDataDir({ text }),
    ...(name === undefined ? {} : { name }),
    ...(accountId === undefined ? {} : { accountId }),
    ...(credentialsFile === undefined
      ? {}
      : { credentialsPath: readPath('credentials-file', 'file', credentialsFile) }),
  };
}

function readAuditVerify({
  text,
  flag,
}: Given<keyof (typeof commands)['audit verify']['options']>): AuditVerifyOptions {
  const anchor = text('anchor');
  const publicKey = text('public-key');
  const beginsAfter = text('begins-after');
  return {
    dataDir: readDataDir({ text }),
    ...(anchor === undefined ? {} : { anchorPath: readPath('anchor', 'file', anchor) }),
    ...(publicKey === undefined ? {} : { publicKeyPath: readPath('public-key', 'file', publicKey) }),
    ...(beginsAfter === undefined
      ? {}
      : { beginsAfter: readWholeNumber('begins-after', beginsAfter, 1, Number.MAX_SAFE_INTEGER) }),
    json: flag('json'),
  };
}

export function helpText(topic: HelpTopic = 'serve'): string {
  if (isGroup(topic)) {
    const group = commandNames.filter((name) => name.startsWith(`${topic} `));
    return [`${groups[topic]}:`, '', ...summaries(group), '', 'Each has its own --help.'].join('\n');
  }
  const { usage, summary, next, options } = commands[topic];
  const lines = Object.entries<Option>(options).flatMap(([name, option], at) => {
    const line = `  ${optionUsage(name, option).padEnd(34)}${option.help}`;
    if (option.heading !== undefined) return ['', `${option.heading}:`, line];
    return at === 0 ? ['', line] : [line];
  });
  return [
    `Usage: ${usage}`,
    '',
    summary,
    inEnvironment(options),
    ...lines,
    '',
    'Other commands:',
    '',
    ...summaries(commandNames.filter((name) => name !== topic)),
    '',
    next,
  ].join('\n');
}

/** One sentence for all of them: each is called after its option. */
function inEnvironment(options: Readonly<Record<string, Option>>): string {
  const [first = '', ...others] = Object.entries(options)
    .filter(([, { variable }]) => variable !== undefined)
    .map(([name, { variable }]) => `${variable} in the environment stands for --${name}`);
  return `${first}${others.length === 0 ? '' : ', and so on for each option'}.`;
}

function summaries(names: readonly CommandName[]): string[] {
  return names.map((name) => `  ${commands[name].usage.padEnd(36)}${commands[name].summary}`);
}

function optionUsage(name: string, { value }: Option): string {
  return `--${name}${value === undefined ? '' : ` <${value}>`}`;
}

function parseCommandLine(command: CommandName, args: readonly string[]): OptionValues {
  const declared = Object.fromEntries(
    Object.entries<Option>(commands[command].options).map(([name, option]) => [
      name,
      {
        type: option.value === undefined ? ('boolean' as const) : ('string' as const),
        multiple: option.repeatable === true,
        ...(name === 'help' ? { short: 'h' } : {}),
      },
    ]),
  );
  try {
    const { values } = parseArgs({ args: [...args], options: declared, strict: true, allowPositionals: false });
    return values as OptionValues;
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    const late = code === 'ERR_PARSE_ARGS_UNEXPECTED_POSITIONAL' ? lateCommand(args) : undefined;
    if (late !== undefined) throw refused(`the command comes first: keyhold ${late.join(' ')}`, cause);
    // Node's message is one sentence or two; the first names the option.
    const [sentence = 'bad command line'] = message.split(/\.\s|\n/);
    throw refused(`${sentence}. See --help.`, cause);
  }
}

/** A command line whose command stands among its options, put right. */
function lateCommand(args: readonly string[]): readonly string[] | undefined {
  for (const name of commandNames) {
    const words = name.split(' ');
    const at = args.findIndex((_, from) => words.every((word, index) => args[from + index] === word));
    if (at > 0) return [...words, ...args.slice(0, at), ...args.slice(at + words.length)];
  }
  return undefined;
}

function readListen(option: ServeOption, text: string): ListenAddress {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:\s[\]]+)):(\d{1,5})$/.exec(text);
  const port = Number(match?.[3]);
  const host = match?.[1] ?? match?.[2];
  if (host === undefined || port > 65535) {
    throw refused(`--${option} wants host:port, such as 127.0.0.1:9000, not '${text}'`);
  }
  return { host, port };
}

function readMetricsListen(text: string | undefined, main: ListenAddress): ListenAddress | undefined {
  if (text === undefined) return undefined;
  const address = readListen('metrics-listen', text);
  if (address.port === main.port && address.host === main.host && address.port !== 0) {
    throw refused(`--metrics-listen wants another port than --listen, not '${text}'`);
  }
  return address;
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
  if (cert === undefined || key === undefined) {
    const missing = cert === undefined ? '--tls-cert' : '--tls-key';
    throw refused(`${missing} is missing: --tls-cert and --tls-key are given together or not at all`);
  }
  return { certPath: readPath('tls-cert', 'file', cert), keyPath: readPath('tls-key', 'file', key) };
}

/** Makes a path absolute. An empty one, from a script's unset variable, would be the current directory. */
function readPath(name: string, what: string, text: string): string {
  if (text === '') throw refused(`--${name} wants a ${what}`);
  return resolve(text);
}

/** A file that is called aws is `./aws`. */
function readQuotasSource(text: string | undefined): string | undefined {
  return text === undefined || text === 'aws' ? text : readPath('request-quotas', 'file, or aws', text);
}

function readTracing(otlp: string | undefined, share: string | undefined): Config['tracing'] {
  if (otlp === undefined) {
    if (share !== undefined) throw refused('--trace-ratio goes with --otlp-traces');
    return undefined;
  }
  const url = /^https?:\/\//.test(otlp) ? URL.parse(otlp) : null;
  if (url === null || url.username !== '' || url.password !== '') {
    throw refused('--otlp-traces wants an http or https URL without a user and a password');
  }
  const ratio = share === undefined ? 1 : /^(?:0|1|0?\.\d{1,9})$/.test(share) ? Number(share) : Number.NaN;
  if (Number.isNaN(ratio)) throw refused(`--trace-ratio wants a number from 0 to 1, not '${share}'`);
  return { url: url.href, ratio };
}

/** What a file in the data directory kept would be put back with it. */
function readAnchor(text: string | undefined, dataDir: string): AnchorTarget | undefined {
  if (text === undefined) return undefined;
  if (/^https?:\/\//.test(text)) {
    const url = URL.parse(text);
    if (url === null || url.username !== '' || url.password !== '') {
      throw refused('--audit-anchor wants a file, or an http or https URL without a user and a password');
    }
    return { url: url.href };
  }
  const path = readPath('audit-anchor', 'file or a URL', text);
  if (`${path}${sep}`.startsWith(`${dataDir}${sep}`)) {
    throw refused('--audit-anchor wants a file outside of the data directory, with which it would be put back');
  }
  return { path };
}

function readTrailDir(text: string | undefined, dataDir: string): string {
  const path = text === undefined ? join(dataDir, 'trails') : readPath('trail-dir', 'directory', text);
  // The data directory takes nothing that is not its own, and buckets could be called like what is.
  if (path !== join(dataDir, 'trails') && `${path}${sep}`.startsWith(`${dataDir}${sep}`)) {
    throw refused('--trail-dir wants a directory outside of the data directory, or its trails/');
  }
  return path;
}

/** @param unit what the number counts, as the message says it */
function readWholeNumber(name: string, text: string, least: number, most: number, unit?: string): number {
  const number = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  if (number >= least && number <= most) return number;
  const what = unit === undefined ? 'a number' : `a number of ${unit}`;
  throw refused(`--${name} wants ${what} from ${least} to ${most}, not '${text}'`);
}

function readSeconds(name: string, text: string, most: number): number {
  return readWholeNumber(name, text, 1, most, 'seconds');
}

function readDataDir({ text }: Pick<Given<'data-dir'>, 'text'>): string {
  return readPath('data-dir', 'directory', text('data-dir') ?? 'data');
}

/** ISO 8601 with a time and a zone: without one of them, it would be another moment on another machine. */
const MOMENT = /^\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d{1,3})?)?(?:Z|[+-]\d\d:\d\d)$/;

/**
 * A moment in the future is refused, for until then it would revoke each session at the moment of its issue. AWS's own way
 * ("Revoke IAM role temporary security credentials", IAM user guide) only knows the moment at which somebody revokes.
 */
function readRevocation(text: string | undefined, nowMs: number): number | undefined {
  if (text === undefined) return undefined;
  const moment = MOMENT.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(moment)) {
    throw refused(`--revoke-sessions-before wants a time such as 2026-11-22T10:30:00Z, not '${text}'`);
  }
  if (moment > nowMs) {
    throw refused(`--revoke-sessions-before ${text} is in the future; every session made until then would be revoked`);
  }
  return moment;
}

/** Set, it is for everything that records are written to; by default, only what proves the trail refuses requests. */
function readOnFailure(text: string | undefined): Config['auditOnFailure'] {
  if (text === undefined) return { files: 'refuse', sinks: 'continue' };
  const what = onFailures.find((each) => each === text);
  if (what === undefined) throw refused(`--audit-on-failure wants ${onFailures.join(' or ')}, not '${text}'`);
  return { files: what, sinks: what };
}

const BYTE_UNITS = { '': 1, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3 } as const;
const TIME_UNITS_MS = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
const LEAST_ROTATION_BYTES = 4096;
const LEAST_ROTATION_AGE_MS = 1000;

/** In bytes; Infinity for 0. Smaller files than a page of the disk would be more names than records. */
function readRotationSize(text: string): number {
  const bytes = readAmount(text, BYTE_UNITS);
  if (bytes === 0) return Number.POSITIVE_INFINITY;
  if (bytes !== undefined && bytes >= LEAST_ROTATION_BYTES && Number.isSafeInteger(bytes)) return bytes;
  throw refused(
    `--audit-rotate-size wants bytes, at least 4KiB, such as 256MiB or 1GiB, or 0 for never, not '${text}'`,
  );
}

/** In milliseconds; Infinity for 0. */
function readRotationAge(text: string): number {
  const ageMs = readAmount(text, TIME_UNITS_MS);
  if (ageMs === 0 || text === '0') return Number.POSITIVE_INFINITY;
  if (ageMs !== undefined && ageMs >= LEAST_ROTATION_AGE_MS && Number.isSafeInteger(ageMs)) return ageMs;
  throw refused(`--audit-rotate-age wants a time such as 90m, 12h or 1d, or 0 for never, not '${text}'`);
}

/** A whole number with its unit; undefined if it is none. */
function readAmount(text: string, units: Readonly<Record<string, number>>): number | undefined {
  const [, number, unit = ''] = /^(\d{1,15})([A-Za-z]*)$/.exec(text) ?? [];
  const size = Object.hasOwn(units, unit) ? units[unit] : undefined;
  return number === undefined || size === undefined ? undefined : Number(number) * size;
}

function readLogLevel(text: string): LogLevel {
  const level = logLevels.find((each) => each === text);
  if (level === undefined) throw refused(`--log-level wants one of ${logLevels.join(', ')}, not '${text}'`);
  return level;
}

/** A switch in the environment: `1` and `true` are on, `0` and `false` off. */
function readSwitch(variable: string | undefined, text: string | undefined): boolean {
  if (text === undefined || text === '0' || text === 'false') return false;
  if (text === '1' || text === 'true') return true;
  throw refused(`${variable} wants 1 or 0, not '${text}'`);
}

export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(host);
}

function refused(message: string, cause?: unknown): KeyholdError {
  return new KeyholdError('StartupRefused', message, { cause });
}
