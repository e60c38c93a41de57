import { resolve } from 'node:path';
import { KeyholdError } from '../runtime/errors.ts';

/** A further place that every audit record goes to. */
export type AuditSink = { readonly name: string } & (
  | { readonly kind: 'stdout' }
  | SyslogSink
  | {
      readonly kind: 'otlp';
      /** http or https. */
      readonly url: string;
      readonly caPath?: string;
      /** Of a file with header lines, which are sent with each request. */
      readonly headersPath?: string;
    }
);

export interface SyslogSink {
  readonly kind: 'syslog';
  readonly over: 'udp' | 'tcp' | 'tls';
  readonly host: string;
  readonly port: number;
  /** Of a file of certificates in PEM: the only authorities that the receiver's certificate may come from. */
  readonly caPath?: string;
}

export const sinkKinds = ['stdout', 'syslog', 'otlp'] as const satisfies readonly AuditSink['kind'][];

export const MOST_AUDIT_SINKS = 8;

/** The scheme, host and port, path, and options. */
const URL_OF_A_SINK =
  /^(?<scheme>syslog\+(?:udp|tcp|tls)|otlp\+https?):\/\/(?:\[(?<ipv6>[0-9a-fA-F:.]+)\]|(?<host>[A-Za-z0-9._-]+)):(?<port>\d{1,5})(?<path>\/[A-Za-z0-9._~/-]*)?(?:\?(?<options>[^#]*))?$/;
const FORMS = 'stdout, syslog+udp://, syslog+tcp://, syslog+tls://, otlp+http:// or otlp+https:// with host:port';
const USUAL_OTLP_PATH = '/v1/logs';

/** Throws StartupRefused. */
export function readAuditSinks(texts: readonly string[]): readonly AuditSink[] {
  const sinks = texts.map(readAuditSink);
  const twice = sinks.find(({ name }, at) => sinks.findIndex((each) => each.name === name) < at);
  if (twice !== undefined) throw refused(`has ${twice.name} twice`);
  if (sinks.length > MOST_AUDIT_SINKS) throw refused(`can be given ${MOST_AUDIT_SINKS} times at most`);
  return sinks;
}

function readAuditSink(text: string): AuditSink {
  if (text === 'stdout') return { kind: 'stdout', name: text };
  // Not repeated in the message, for it would be in some log then.
  if (text.includes('@')) throw refused('wants a URL without a user and a password; otlp+https has the option headers');
  const { scheme = '', ipv6, host = ipv6, port: digits, path = '/', options } = URL_OF_A_SINK.exec(text)?.groups ?? {};
  const port = Number(digits);
  if (host === undefined || !(port >= 1 && port <= 65535)) throw refused(`wants ${FORMS}, not '${text}'`);
  const address = `${ipv6 === undefined ? host : `[${ipv6}]`}:${port}`.toLowerCase();
  if (scheme.startsWith('syslog')) {
    if (path !== '/') throw refused(`wants no path behind ${scheme}://${address}`);
    const over = scheme.slice('syslog+'.length) as SyslogSink['over'];
    const { ca } = readOptions(options, over === 'tls' ? ['ca'] : [], scheme);
    return { kind: 'syslog', name: `${scheme}://${address}`, over, host, port, ...ca };
  }
  const protocol = scheme.slice('otlp+'.length);
  const { ca, headers } = readOptions(options, protocol === 'https' ? ['ca', 'headers'] : ['headers'], scheme);
  const url = `${protocol}://${address}${path === '/' ? USUAL_OTLP_PATH : path}`;
  return { kind: 'otlp', name: `otlp+${url}`, url, ...ca, ...headers };
}

/** Each names a file. */
function readOptions(
  text: string | undefined,
  allowed: readonly string[],
  scheme: string,
): { ca?: { caPath: string }; headers?: { headersPath: string } } {
  const given = new URLSearchParams(text ?? '');
  for (const [name, value] of given) {
    if (!allowed.includes(name)) throw refused(`knows no option '${name}' of ${scheme}`);
    if (value === '' || given.getAll(name).length > 1) throw refused(`wants one file as the option '${name}'`);
  }
  const [ca, headers] = [given.get('ca'), given.get('headers')];
  return {
    ...(ca === null ? {} : { ca: { caPath: resolve(ca) } }),
    ...(headers === null ? {} : { headers: { headersPath: resolve(headers) } }),
  };
}

function refused(what: string): KeyholdError {
  return new KeyholdError('StartupRefused', `--audit-sink ${what}`);
}
