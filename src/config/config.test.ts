import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { KeyholdError } from '../runtime/errors.ts';
import { type Command, type Config, helpText, isLoopback, readCommand } from './config.ts';

const NOW = Date.UTC(2026, 10, 22, 10, 30, 15);

function commandOf(argv: readonly string[], environment: NodeJS.ProcessEnv = {}): Command {
  return readCommand(argv, environment, NOW);
}

function configOf(argv: readonly string[], environment: NodeJS.ProcessEnv = {}): Config {
  const command = commandOf(argv, environment);
  if (command.command !== 'serve') throw new Error(`asks for ${command.command}`);
  return command.config;
}

/** The line that a refused start prints. */
function refusal(argv: readonly string[], environment: NodeJS.ProcessEnv = {}): string {
  try {
    commandOf(argv, environment);
  } catch (error) {
    expect(error).toBeInstanceOf(KeyholdError);
    expect(error).toMatchObject({ code: 'StartupRefused' });
    return (error as KeyholdError).message;
  }
  throw new Error(`${JSON.stringify(argv)} was not refused`);
}

test('without options it serves loopback, from ./data, with a worker for each core', () => {
  expect(configOf([])).toEqual({
    host: '127.0.0.1',
    port: 8080,
    dataDir: resolve('data'),
    workers: Math.min(availableParallelism(), 64),
    auditOnFailure: { files: 'refuse', sinks: 'continue' },
    auditSinks: [],
    auditRotation: { maxBytes: 256 * 1024 ** 2, maxAgeMs: 86_400_000 },
    auditSignIntervalSeconds: 60,
    trailDir: resolve('data/trails'),
    trailIntervalSeconds: 300,
    trailDigestIntervalSeconds: 3600,
    logLevel: 'info',
    sandbox: false,
  });
});

test('every option is read from the command line, and from its variable alike', () => {
  const expected: Config = {
    host: '::',
    port: 9000,
    dataDir: resolve('/srv/keyhold'),
    accountId: '111122223333',
    workers: 3,
    tls: { certPath: resolve('cert.pem'), keyPath: resolve('/etc/key.pem') },
    metricsListen: { host: '10.0.0.5', port: 9464 },
    requestQuotas: resolve('quotas.json'),
    seedPath: resolve('seed.yaml'),
    revokeSessionsBeforeMs: Date.UTC(2026, 10, 22, 9, 0, 0, 500),
    auditAnchor: { path: resolve('/mnt/anchor.jsonl') },
    auditOnFailure: { files: 'continue', sinks: 'continue' },
    auditSinks: [{ kind: 'stdout', name: 'stdout' }],
    auditRetentionDays: 90,
    auditRotation: { maxBytes: 16_384, maxAgeMs: 43_200_000 },
    auditSignIntervalSeconds: 5,
    trailDir: resolve('/srv/trails'),
    trailIntervalSeconds: 10,
    trailDigestIntervalSeconds: 600,
    logLevel: 'debug',
    tracing: { url: 'http://127.0.0.1:4318/v1/traces', ratio: 0.25 },
    sandbox: false,
  };
  const values = {
    listen: '[::]:9000',
    'data-dir': '/srv/keyhold',
    'account-id': '111122223333',
    workers: '3',
    'tls-cert': 'cert.pem',
    'tls-key': '/etc/key.pem',
    'metrics-listen': '10.0.0.5:9464',
    'request-quotas': 'quotas.json',
    seed: 'seed.yaml',
    'revoke-sessions-before': '2026-11-22T10:00:00.5+01:00',
    'audit-anchor': '/mnt/anchor.jsonl',
    'audit-on-failure': 'continue',
    'audit-sink': 'stdout',
    'audit-retention': '90',
    'audit-rotate-age': '12h',
    'audit-rotate-size': '16KiB',
    'audit-sign-interval': '5',
    'trail-dir': '/srv/trails',
    'trail-interval': '10',
    'trail-digest-interval': '600',
    'log-level': 'debug',
    'otlp-traces': 'http://127.0.0.1:4318/v1/traces',
    'trace-ratio': '0.25',
  };
  const variableOf = (name: string) => `KEYHOLD_${name.toUpperCase().replaceAll('-', '_')}`;
  const argv = Object.entries(values).flatMap(([name, value]) => [`--${name}`, value]);
  const environment = Object.fromEntries(Object.entries(values).map(([name, value]) => [variableOf(name), value]));
  expect(configOf(argv)).toEqual(expected);
  expect(configOf([], environment)).toEqual(expected);
  for (const name of Object.keys(values)) expect(helpText()).toContain(`  --${name} <`);
});

test('the command line wins over the environment, whose empty variables are not there', () => {
  expect(configOf(['--workers', '2'], { KEYHOLD_WORKERS: 'nonsense' }).workers).toBe(2);
  expect(configOf(['--sandbox'], { KEYHOLD_SANDBOX: 'false' }).sandbox).toBe(true);
  const empty = { KEYHOLD_LISTEN: '', KEYHOLD_DATA_DIR: '', KEYHOLD_TLS_CERT: '', KEYHOLD_SANDBOX: '' };
  expect(configOf([], empty)).toEqual(configOf([]));
});

test('request quotas are AWS’s, or those of a file', () => {
  expect(configOf(['--request-quotas', 'aws']).requestQuotas).toBe('aws');
  expect(configOf(['--request-quotas', './aws']).requestQuotas).toBe(resolve('aws'));
});

test.each([
  ['1', true],
  ['true', true],
  ['0', false],
  ['false', false],
])('a switch in the environment: %s', (text, on) => {
  expect(configOf([], { KEYHOLD_SANDBOX: text }).sandbox).toBe(on);
});

test('a switch in the environment is refused when it says neither', () => {
  for (const text of ['yes', 'TRUE', ' ', '2']) {
    expect(refusal([], { KEYHOLD_SANDBOX: text })).toBe(`KEYHOLD_SANDBOX wants 1 or 0, not '${text}'`);
  }
});

test('--help and --version come before whatever else is wrong with values', () => {
  expect(commandOf(['--help', '--workers', '0'])).toEqual({ command: 'help', of: 'serve' });
  expect(commandOf(['--version'], { KEYHOLD_LISTEN: 'x' })).toEqual({ command: 'version' });
  expect(commandOf(['account', 'create', '--help', '--name='])).toEqual({ command: 'help', of: 'account create' });
});

test.each([
  ['-h', 'serve'],
  ['help', 'serve'],
  ['help serve', 'serve'],
  ['serve -h', 'serve'],
  ['nonsense --help', 'serve'],
  ['help nonsense', 'serve'],
  ['account', 'account'],
  ['account --help', 'account'],
  ['account -h', 'account'],
  ['help account', 'account'],
  ['account create -h', 'account create'],
  ['help account list', 'account list'],
])('%s helps with: %s', (line, of) => {
  expect(commandOf(line.split(' '))).toEqual({ command: 'help', of });
});

describe('commands', () => {
  test('to serve is what is meant where nothing is said', () => {
    expect(configOf(['serve', '--workers', '2'])).toEqual(configOf(['--workers', '2']));
  });

  test('account create', () => {
    const dataDir = resolve('data');
    expect(commandOf(['account', 'create'])).toEqual({ command: 'account create', account: { dataDir } });
    const all = ['--name', 'production', '--account-id', '111122223333', '--credentials-file', 'c', '--data-dir', 'd'];
    const account = {
      dataDir: resolve('d'),
      name: 'production',
      accountId: '111122223333',
      credentialsPath: resolve('c'),
    };
    expect(commandOf(['account', 'create', ...all])).toEqual({ command: 'account create', account });
  });

  test('account create does not take the account of the first start', () => {
    const environment = { KEYHOLD_ACCOUNT_ID: '111122223333', KEYHOLD_DATA_DIR: '/d' };
    const account = { dataDir: resolve('/d') };
    expect(commandOf(['account', 'create'], environment)).toEqual({ command: 'account create', account });
  });

  test('account list', () => {
    const list = { command: 'account list', dataDir: resolve('d') };
    expect(commandOf(['account', 'list', '--data-dir', 'd'])).toEqual({ ...list, json: false });
    expect(commandOf(['account', 'list', '--json', '--data-dir', 'd'])).toEqual({ ...list, json: true });
  });

  test('each says in its help what it takes, and what there is besides', () => {
    expect(helpText('account create')).toContain('--credentials-file <file>');
    expect(helpText('account create')).not.toContain('--listen');
    for (const name of ['account create', 'account list'] as const) {
      expect(helpText()).toContain(`keyhold ${name}`);
      expect(helpText('account')).toContain(`keyhold ${name}`);
    }
    expect(helpText('account')).not.toContain('keyhold [serve]');
  });
});

describe('--help', () => {
  test('shows the options of the server in groups, each after its heading', () => {
    const groups = helpText()
      .split('\n\n')
      .filter((part) => /^[A-Z][^\n]*:\n {2}--/.test(part));
    expect(groups.map((group) => group.split(':')[0])).toEqual([
      'Serving',
      'Audit trail',
      "CloudTrail's trails",
      'Monitoring',
      'Help',
    ]);
    expect(groups[1]).toContain('--audit-sink <to>');
  });

  test('says once how options are called in the environment, and names no variable that is not read', () => {
    expect(helpText()).toContain('KEYHOLD_LISTEN in the environment stands for --listen, and so on for each option.');
    expect(helpText('account create')).toContain('KEYHOLD_DATA_DIR in the environment stands for --data-dir.');
  });

  test('fits into lines that can be read', () => {
    expect(
      helpText()
        .split('\n')
        .filter((line) => line.length > 150),
    ).toEqual([]);
  });
});

describe('refused', () => {
  test.each([
    [['--colour'], "Unknown option '--colour'. See --help."],
    [['-x'], "Unknown option '-x'. See --help."],
    [['--no-sandbox'], "Unknown option '--no-sandbox'"],
    [['serve', '--json'], "Unknown option '--json'. See --help."],
    [
      ['start'],
      "unknown command 'start'. Commands: serve, account create, account list, audit verify, audit public-key.",
    ],
    [
      ['account', 'lst'],
      "unknown command 'account lst'. Commands: serve, account create, account list, audit verify, audit public-key.",
    ],
    [['account', '--data-dir', 'd'], "unknown command 'account'"],
    [['account', 'create', 'production'], "unknown command 'account create production'"],
    [
      ['--data-dir', 'd', 'account', 'list', '--json'],
      'the command comes first: keyhold account list --data-dir d --json',
    ],
    [['--data-dir', 'serve', '--json'], "Unknown option '--json'"],
    [['--workers', '2', 'start'], "Unexpected argument 'start'"],
    [['account', 'create', '--listen', '127.0.0.1:1'], "Unknown option '--listen'"],
    [['account', 'create', '--account-id', '1'], "--account-id wants 12 digits, not '1'"],
    [['account', 'create', '--name', ''], '--name wants 1 to 50 printable ASCII characters'],
    [['account', 'create', '--name', 'x'.repeat(51)], '--name wants 1 to 50 printable ASCII characters'],
    [['account', 'create', '--name', 'a\nb'], '--name wants 1 to 50 printable ASCII characters'],
    [['account', 'create', '--credentials-file='], '--credentials-file wants a file'],
    [['account', 'list', '--data-dir='], '--data-dir wants a directory'],
    [['--seed='], '--seed wants a file'],
    [['--revoke-sessions-before', 'now'], '--revoke-sessions-before wants a time such as 2026-11-22T10:30:00Z'],
    [['--revoke-sessions-before', '2026-11-22'], "not '2026-11-22'"],
    [['--revoke-sessions-before', '2026-11-22T10:00:00'], "not '2026-11-22T10:00:00'"],
    [['--revoke-sessions-before', '2026-13-22T10:00:00Z'], "not '2026-13-22T10:00:00Z'"],
    [['--revoke-sessions-before', '2026-11-22T10:30:16Z'], 'is in the future; every session made until then'],
    [['--workers'], "Option '--workers <value>' argument missing"],
    [['--workers', '--sandbox'], "Option '--workers' argument is ambiguous"],
    [['--sandbox=yes'], "Option '--sandbox' does not take an argument"],
    [['--data-dir='], '--data-dir wants a directory'],
    [['--tls-cert=', '--tls-key=k.pem'], '--tls-cert wants a file'],
    [['--tls-cert=c.pem', '--tls-key='], '--tls-key wants a file'],
    [['--tls-cert', 'c.pem'], '--tls-key is missing: --tls-cert and --tls-key are given together or not at all'],
    [['--tls-key', 'k.pem'], '--tls-cert is missing: --tls-cert and --tls-key are given together or not at all'],
    [['--request-quotas='], '--request-quotas wants a file, or aws'],
    [['--log-level', 'INFO'], '--log-level wants one of fatal, error, warn, info, debug, trace, silent'],
    [['--audit-anchor='], '--audit-anchor wants a file or a URL'],
    [
      ['--data-dir=/srv/k', '--audit-anchor=/srv/k/anchor'],
      '--audit-anchor wants a file outside of the data directory',
    ],
    [
      ['--audit-anchor=https://u:p@example.com/'],
      '--audit-anchor wants a file, or an http or https URL without a user',
    ],
    [['--trace-ratio=1'], '--trace-ratio goes with --otlp-traces'],
    [['--otlp-traces=collector:4318'], '--otlp-traces wants an http or https URL without a user and a password'],
    [['--otlp-traces=http://collector:4318', '--trace-ratio=2'], "--trace-ratio wants a number from 0 to 1, not '2'"],
    [['--audit-on-failure=ignore'], "--audit-on-failure wants refuse or continue, not 'ignore'"],
    [['--audit-retention=0'], "--audit-retention wants a number of days from 1 to 36500, not '0'"],
    [['--audit-retention=90d'], "--audit-retention wants a number of days from 1 to 36500, not '90d'"],
    [['--trail-interval=5m'], "--trail-interval wants a number of seconds from 1 to 3600, not '5m'"],
    [['--audit-rotate-age=1w'], "--audit-rotate-age wants a time such as 90m, 12h or 1d, or 0 for never, not '1w'"],
    [['--audit-rotate-age=5'], '--audit-rotate-age wants a time such as'],
    [['--audit-rotate-size=1KiB'], '--audit-rotate-size wants bytes, at least 4KiB, such as 256MiB'],
    [['--audit-rotate-size=1MB'], "or 0 for never, not '1MB'"],
    [['--audit-rotate-size=-1'], '--audit-rotate-size wants bytes'],
    [['--audit-sign-interval=0'], "--audit-sign-interval wants a number of seconds from 1 to 3600, not '0'"],
    [['audit', 'verify', '--begins-after=x'], "--begins-after wants a number from 1 to 9007199254740991, not 'x'"],
    [['--log-level='], '--log-level wants one of'],
  ])('%j', (argv, message) => {
    expect(refusal(argv)).toContain(message);
    expect(refusal(argv)).not.toContain('\n');
  });

  test('options that npm start took for its own', () => {
    const kept = { npm_config_listen: 'true', npm_config_sandbox: 'true', npm_config_data_dir: 'd' };
    const message = 'with npm, options come after --: npm start -- --listen <host:port> --data-dir <dir> --sandbox';
    for (const argv of [[], ['127.0.0.1:9000']]) {
      expect(refusal(argv, { npm_lifecycle_event: 'start', ...kept })).toBe(message);
    }
    // Of npm itself, and of scripts that start the server by themselves.
    expect(commandOf([], { npm_lifecycle_event: 'start', npm_config_loglevel: 'silent' }).command).toBe('serve');
    expect(commandOf([], { npm_lifecycle_event: 'test', ...kept }).command).toBe('serve');
  });

  const addresses = [
    '',
    '8080',
    ':8080',
    '127.0.0.1',
    '127.0.0.1:',
    '127.0.0.1:65536',
    '127.0.0.1:-1',
    '::1:80',
    'a b:1',
  ];
  test.each([...addresses, '[::1]', '[::1:80', '127.0.0.1:80\n', 'host:1e3', '127.0.0.1:080808'])(
    '--listen %j',
    (text) => {
      expect(refusal([`--listen=${text}`])).toBe(`--listen wants host:port, such as 127.0.0.1:9000, not '${text}'`);
    },
  );

  test.each(['', '12345678901', '1234567890123', '12345678901x', '١٢٣٤٥٦٧٨٩٠١٢', '123456789012\n'])(
    '--account-id %j',
    (text) => {
      expect(refusal([`--account-id=${text}`])).toBe(`--account-id wants 12 digits, not '${text}'`);
    },
  );

  test.each(['', '0', '65', '-1', '1.5', '1e1', 'two', '0x2', ' 2'])('--workers %j', (text) => {
    expect(refusal([`--workers=${text}`])).toBe(`--workers wants 1 to 64, not '${text}'`);
  });
});

describe('--metrics-listen', () => {
  test('is nowhere unless it is given', () => {
    expect(configOf([]).metricsListen).toBeUndefined();
    expect(configOf(['--metrics-listen', '0.0.0.0:9464']).metricsListen).toEqual({ host: '0.0.0.0', port: 9464 });
    expect(configOf([], { KEYHOLD_METRICS_LISTEN: '[::1]:0' }).metricsListen).toEqual({ host: '::1', port: 0 });
  });

  test.each([
    ['9464', "--metrics-listen wants host:port, such as 127.0.0.1:9000, not '9464'"],
    ['127.0.0.1:8080', "--metrics-listen wants another port than --listen, not '127.0.0.1:8080'"],
  ])('refuses %s', (address, message) => {
    expect(refusal(['--metrics-listen', address])).toBe(message);
  });
});

describe('a listener that others can reach', () => {
  const elsewhere = ['0.0.0.0:1', '[::]:1', '192.0.2.1:1', '128.0.0.1:1', 'keyhold.example.com:1', '127.example.com:1'];

  test.each([...elsewhere, '127.0.0.1.example.com:1', '[::ffff:127.0.0.1]:1'])(
    '%s needs TLS or --insecure-http',
    (listen) => {
      expect(refusal(['--listen', listen])).toMatch(
        /^refusing to serve \S+ without TLS: give --tls-cert and --tls-key/,
      );
      expect(refusal(['--listen', listen], { KEYHOLD_INSECURE_HTTP: '0' })).toContain('without TLS');
      for (const allowed of [['--insecure-http'], ['--tls-cert', 'c', '--tls-key', 'k']]) {
        expect(configOf(['--listen', listen, ...allowed]).port).toBe(1);
      }
      expect(configOf(['--listen', listen], { KEYHOLD_INSECURE_HTTP: '1' }).port).toBe(1);
    },
  );

  test.each(elsewhere)('%s is never a sandbox', (listen) => {
    for (const allowed of [[], ['--insecure-http'], ['--tls-cert', 'c', '--tls-key', 'k']]) {
      expect(refusal(['--listen', listen, '--sandbox', ...allowed])).toContain('loopback addresses only');
    }
  });

  test('loopback is 127.0.0.0/8, ::1 and localhost', () => {
    for (const host of ['127.0.0.1', '127.255.0.9', '::1', 'localhost']) expect(isLoopback(host), host).toBe(true);
    expect(configOf(['--listen', '[::1]:1']).host).toBe('::1');
  });
});
