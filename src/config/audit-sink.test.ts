import { resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type AuditSink, readAuditSinks } from './audit-sink.ts';
import { type Command, readCommand } from './config.ts';

function sinksOf(argv: readonly string[], environment: NodeJS.ProcessEnv = {}): readonly AuditSink[] {
  const command: Command = readCommand(argv, environment, 0);
  if (command.command !== 'serve') throw new Error(`asks for ${command.command}`);
  return command.config.auditSinks;
}

describe('a sink is', () => {
  test.each<[string, AuditSink]>([
    ['stdout', { kind: 'stdout', name: 'stdout' }],
    ['syslog+udp://logs:514', { kind: 'syslog', name: 'syslog+udp://logs:514', over: 'udp', host: 'logs', port: 514 }],
    [
      'syslog+tcp://[::1]:601/',
      { kind: 'syslog', name: 'syslog+tcp://[::1]:601', over: 'tcp', host: '::1', port: 601 },
    ],
    [
      'syslog+tls://logs.example.com:6514?ca=ca.pem',
      {
        kind: 'syslog',
        name: 'syslog+tls://logs.example.com:6514',
        over: 'tls',
        host: 'logs.example.com',
        port: 6514,
        caPath: resolve('ca.pem'),
      },
    ],
    [
      'otlp+http://127.0.0.1:4318',
      {
        kind: 'otlp',
        name: 'otlp+http://127.0.0.1:4318/v1/logs',
        url: 'http://127.0.0.1:4318/v1/logs',
      },
    ],
    [
      'otlp+https://collector:443/otlp/v1/logs?headers=/run/headers&ca=%2Fetc%2Fa%20b.pem',
      {
        kind: 'otlp',
        name: 'otlp+https://collector:443/otlp/v1/logs',
        url: 'https://collector:443/otlp/v1/logs',
        caPath: '/etc/a b.pem',
        headersPath: '/run/headers',
      },
    ],
  ])('%s', (text, sink) => {
    expect(readAuditSinks([text])).toEqual([sink]);
  });
});

test('the option is repeated on the command line, and its variable has commas', () => {
  const [a, b] = ['syslog+udp://a:514', 'otlp+http://b:4318'];
  const both = readAuditSinks([a, b]);
  expect(sinksOf(['--audit-sink', a, '--audit-sink', b])).toEqual(both);
  expect(sinksOf([], { KEYHOLD_AUDIT_SINK: `${a},${b}` })).toEqual(both);
  expect(sinksOf(['--audit-sink', 'stdout'], { KEYHOLD_AUDIT_SINK: a })).toEqual(readAuditSinks(['stdout']));
  expect(sinksOf([], { KEYHOLD_AUDIT_SINK: '' })).toEqual([]);
});

describe('refused is', () => {
  const forms = 'stdout, syslog+udp://, syslog+tcp://, syslog+tls://, otlp+http:// or otlp+https:// with host:port';

  test.each([
    ['', `wants ${forms}, not ''`],
    ['stderr', `wants ${forms}, not 'stderr'`],
    ['syslog://host:514', `wants ${forms}, not 'syslog://host:514'`],
    ['syslog+tcp://host', `wants ${forms}, not 'syslog+tcp://host'`],
    ['syslog+tcp://host:0', `wants ${forms}, not 'syslog+tcp://host:0'`],
    ['syslog+tcp://host:65536', `wants ${forms}, not 'syslog+tcp://host:65536'`],
    ['syslog+tcp://ho st:514', `wants ${forms}, not 'syslog+tcp://ho st:514'`],
    ['otlp+http://host:4318/#x', `wants ${forms}, not 'otlp+http://host:4318/#x'`],
    ['syslog+tcp://host:514/path', 'wants no path behind syslog+tcp://host:514'],
    ['syslog+tcp://host:514?ca=x', "knows no option 'ca' of syslog+tcp"],
    ['otlp+http://host:4318?ca=x', "knows no option 'ca' of otlp+http"],
    ['syslog+tls://host:514?headers=x', "knows no option 'headers' of syslog+tls"],
    ['syslog+tls://host:514?ca=', "wants one file as the option 'ca'"],
    ['syslog+tls://host:514?ca=a&ca=b', "wants one file as the option 'ca'"],
  ])("'%s'", (text, message) => {
    expect(() => readAuditSinks([text])).toThrow(`--audit-sink ${message}`);
  });

  test('a URL with credentials, which the message does not repeat', () => {
    const text = 'otlp+https://user:s3cret@host:4318';
    expect(() => readAuditSinks([text])).toThrow('--audit-sink wants a URL without a user and a password');
    expect(() => readAuditSinks([text])).not.toThrow(/s3cret/);
  });

  test('the same sink twice, whatever its options, and a ninth', () => {
    expect(() => readAuditSinks(['syslog+tls://HOST:1?ca=a', 'syslog+tls://host:1'])).toThrow(
      '--audit-sink has syslog+tls://host:1 twice',
    );
    const many = Array.from({ length: 9 }, (_, at) => `syslog+udp://h:${at + 1}`);
    expect(readAuditSinks(many.slice(1))).toHaveLength(8);
    expect(() => readAuditSinks(many)).toThrow('--audit-sink can be given 8 times at most');
  });
});
