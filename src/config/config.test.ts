import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { KeyholdError } from '../runtime/errors.ts';
import { type Config, helpText, isLoopback, readCommand } from './config.ts';

function configOf(argv: readonly string[], environment: NodeJS.ProcessEnv = {}): Config {
  const command = readCommand(argv, environment);
  if (command.command !== 'serve') throw new Error(`asks for ${command.command}`);
  return command.config;
}

/** The line that a refused start prints. */
function refusal(argv: readonly string[], environment: NodeJS.ProcessEnv = {}): string {
  try {
    readCommand(argv, environment);
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
    requestQuotas: resolve('quotas.json'),
    logLevel: 'debug',
    sandbox: false,
  };
  const values = {
    listen: '[::]:9000',
    'data-dir': '/srv/keyhold',
    'account-id': '111122223333',
    workers: '3',
    'tls-cert': 'cert.pem',
    'tls-key': '/etc/key.pem',
    'request-quotas': 'quotas.json',
    'log-level': 'debug',
  };
  const variableOf = (name: string) => `KEYHOLD_${name.toUpperCase().replaceAll('-', '_')}`;
  const argv = Object.entries(values).flatMap(([name, value]) => [`--${name}`, value]);
  const environment = Object.fromEntries(Object.entries(values).map(([name, value]) => [variableOf(name), value]));
  expect(configOf(argv)).toEqual(expected);
  expect(configOf([], environment)).toEqual(expected);
  for (const name of Object.keys(values)) expect(helpText()).toContain(`[${variableOf(name)}]`);
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
  expect(readCommand(['--help', '--workers', '0'], {})).toEqual({ command: 'help' });
  expect(readCommand(['--version'], { KEYHOLD_LISTEN: 'x' })).toEqual({ command: 'version' });
});

describe('refused', () => {
  test.each([
    [['--colour'], "Unknown option '--colour'. See --help."],
    [['-x'], "Unknown option '-x'. See --help."],
    [['--no-sandbox'], "Unknown option '--no-sandbox'"],
    [['serve'], "Unexpected argument 'serve'"],
    [['--', 'serve'], "Unexpected argument 'serve'"],
    [['--workers'], "Option '--workers <value>' argument missing"],
    [['--workers', '--sandbox'], "Option '--workers' argument is ambiguous"],
    [['--sandbox=yes'], "Option '--sandbox' does not take an argument"],
    [['--data-dir='], '--data-dir wants a directory'],
    [['--tls-cert=', '--tls-key=k.pem'], '--tls-cert wants a file'],
    [['--tls-cert=c.pem', '--tls-key='], '--tls-key wants a file'],
    [['--tls-cert', 'c.pem'], '--tls-cert and --tls-key are given together or not at all'],
    [['--tls-key', 'k.pem'], '--tls-cert and --tls-key are given together or not at all'],
    [['--request-quotas='], '--request-quotas wants a file, or aws'],
    [['--log-level', 'INFO'], '--log-level wants one of fatal, error, warn, info, debug, trace, silent'],
    [['--log-level='], '--log-level wants one of'],
  ])('%j', (argv, message) => {
    expect(refusal(argv)).toContain(message);
    expect(refusal(argv)).not.toContain('\n');
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
      expect(refusal([`--listen=${text}`])).toBe(`--listen wants host:port, not '${text}'`);
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
