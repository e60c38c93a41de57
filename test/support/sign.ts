import { createHash, createHmac } from 'node:crypto';

/**
 * AWS Signature Version 4 for tests, both ways, from AWS's description alone: nothing here is shared with the server, so
 * that the two cannot be wrong alike. It is fast enough to sign a hundred thousand requests.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
 */

export interface AccessKey {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

/** A request as it goes over the wire. All text is one character per byte (Latin-1); a query is in its canonical form. */
export interface WireRequest {
  readonly method: string;
  readonly target: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: Buffer;
}

export interface SigningOptions {
  readonly region?: string;
  readonly service?: string;
  /** Default: now. */
  readonly at?: Date;
  /** What stands in the scope as the date, if not the day of `at`. */
  readonly scopeDate?: string;
}

export type Signer = (request: WireRequest, options?: SigningOptions) => WireRequest;

const signingKeys = new Map<string, Buffer>();

/** Signs requests: adds `X-Amz-Date` and `Authorization`, over all headers that the request has and the date. */
export function signerFor(accessKey: AccessKey): Signer {
  return (request, { region = 'us-east-1', service = 'kms', at = new Date(), scopeDate } = {}) => {
    const timestamp = isoBasic(at);
    const date = scopeDate ?? timestamp.slice(0, 8);
    const headers = [...request.headers, ['X-Amz-Date', timestamp] as const];
    const signedHeaders = headers.map(([name]) => name.toLowerCase()).sort();
    const scope = `${date}/${region}/${service}/aws4_request`;
    const stringToSign = `AWS4-HMAC-SHA256\n${timestamp}\n${scope}\n${sha256(canonical({ ...request, headers }, signedHeaders))}`;
    const key = signingKey(accessKey.secretAccessKey, date, region, service, 'aws4_request');
    const signature = createHmac('sha256', key).update(stringToSign, 'latin1').digest('hex');
    const authorization =
      `AWS4-HMAC-SHA256 Credential=${accessKey.accessKeyId}/${scope}, ` +
      `SignedHeaders=${signedHeaders.join(';')}, Signature=${signature}`;
    return { ...request, headers: [...headers, ['Authorization', authorization]] };
  };
}

/** Whether the request carries a valid signature of this access key over all that it asks, made within five minutes of `now`. */
export function signatureHolds(request: WireRequest, accessKey: AccessKey, now: Date): boolean {
  const one = (wanted: string): string | undefined => {
    const found = request.headers.filter(([name]) => name.toLowerCase() === wanted);
    return found.length === 1 ? found[0]?.[1] : undefined;
  };
  const authorization = one('authorization') ?? '';
  // The last of a name counts, as at AWS.
  const parameter = (name: string) =>
    authorization
      .split(/[ ,]+/)
      .findLast((part) => part.startsWith(`${name}=`))
      ?.slice(name.length + 1) ?? '';
  const [accessKeyId, date = '', region = '', service = '', terminator = '', ...more] =
    parameter('Credential').split('/');
  const timestamp = one('x-amz-date') ?? '';
  const age = Math.abs(now.getTime() - Date.parse(timestamp.replace(ISO_BASIC, '$1-$2-$3T$4:$5:$6Z')));
  const signedHeaders = parameter('SignedHeaders').split(';');
  if (accessKeyId !== accessKey.accessKeyId || more.length > 0 || service !== 'kms' || terminator !== 'aws4_request') {
    return false;
  }
  if (!authorization.startsWith('AWS4-HMAC-SHA256 ') || !(age <= 301_000) || date !== timestamp.slice(0, 8))
    return false;
  for (const name of ['host', 'x-amz-target']) {
    if (one(name) === undefined || !signedHeaders.includes(name)) return false;
  }
  const scope = `${date}/${region}/${service}/${terminator}`;
  const stringToSign = `AWS4-HMAC-SHA256\n${timestamp}\n${scope}\n${sha256(canonical(request, signedHeaders))}`;
  const key = signingKey(accessKey.secretAccessKey, date, region, service, terminator);
  return parameter('Signature') === createHmac('sha256', key).update(stringToSign, 'latin1').digest('hex');
}

const ISO_BASIC = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/;

/** `20261122T103015Z` */
export function isoBasic(at: Date): string {
  return `${at.toISOString().slice(0, 19).replaceAll('-', '').replaceAll(':', '')}Z`;
}

/** The canonical request of one to `/`, the only path that AWS JSON services have, without a query. */
function canonical(request: WireRequest, signedHeaders: readonly string[]): string {
  let lines = '';
  for (const name of signedHeaders) {
    const values = request.headers.filter(([header]) => header.toLowerCase() === name).map(([, value]) => tidy(value));
    if (values.length > 0) lines += `${name}:${values.join(',')}\n`;
  }
  const queryStart = request.target.indexOf('?');
  const path = queryStart < 0 ? request.target : request.target.slice(0, queryStart);
  const query = queryStart < 0 ? '' : request.target.slice(queryStart + 1);
  return `${request.method}\n${path}\n${query}\n${lines}\n${signedHeaders.join(';')}\n${sha256(request.body)}`;
}

function tidy(value: string): string {
  return value.replace(/[ \t]+/g, ' ').replace(/^ | $/g, '');
}

function sha256(data: string | Buffer): string {
  return createHash('sha256')
    .update(typeof data === 'string' ? Buffer.from(data, 'latin1') : data)
    .digest('hex');
}

function signingKey(secret: string, ...scope: readonly string[]): Buffer {
  const name = [secret, ...scope].join('/');
  let key = signingKeys.get(name);
  if (key === undefined) {
    key = Buffer.from(`AWS4${secret}`);
    for (const part of scope) key = createHmac('sha256', key).update(part, 'latin1').digest();
    if (signingKeys.size > 1000) signingKeys.clear();
    signingKeys.set(name, key);
  }
  return key;
}
