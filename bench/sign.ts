import { createHmac, hash } from 'node:crypto';
import { SigningSecret } from '../src/wire/sigv4/signing-key.ts';
import { formatIsoBasic } from '../src/wire/sigv4/timestamp.ts';

/** Whose requests are signed, and for which server. */
export interface SignerOptions {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly region: string;
  /** The `Host` header, which is signed. */
  readonly host: string;
}

/** Makes whole requests, head and body, as bytes that a socket can take. */
export type Signer = (operation: string, body: string, nowMs: number) => Buffer;

/** Headers and their order are those of botocore, which the AWS CLI and boto3 send; it signs four of them. */
const SIGNED_HEADERS = 'content-type;host;x-amz-date;x-amz-target';
const CONTENT_TYPE = 'application/x-amz-json-1.1';
const USER_AGENT =
  'Botocore/1.43.11 ua/2.1 os/linux md/arch#x86_64 lang/python#3.11.7 md/pyimpl#CPython m/D,b,N,e,Z cfg/retry-mode#legacy';
const INVOCATION_ID = '3b2d6a0e-52a4-4b52-9b0c-5d1f8f5d3c11';

/**
 * Signs with AWS Signature Version 4, fast enough to sign a round of requests between two rounds. What the server verifies
 * it verifies for real; this shares only the derivation of the signing key with it.
 */
export function requestSigner({ accessKeyId, secretAccessKey, region, host }: SignerOptions): Signer {
  const secret = new SigningSecret(secretAccessKey);
  let day = '';
  let scope = '';
  let key = createSigningKey('');

  function createSigningKey(date: string) {
    return secret.deriveSigningKey({ accessKeyId, date, region, service: 'kms', terminator: 'aws4_request' });
  }

  return (operation, body, nowMs) => {
    const time = formatIsoBasic(nowMs);
    if (!time.startsWith(day) || day === '') {
      day = time.slice(0, 8);
      scope = `${day}/${region}/kms/aws4_request`;
      key = createSigningKey(day);
    }
    const target = `TrentService.${operation}`;
    const canonical =
      `POST\n/\n\ncontent-type:${CONTENT_TYPE}\nhost:${host}\nx-amz-date:${time}\nx-amz-target:${target}\n\n` +
      `${SIGNED_HEADERS}\n${hash('sha256', body, 'hex')}`;
    const stringToSign = `AWS4-HMAC-SHA256\n${time}\n${scope}\n${hash('sha256', canonical, 'hex')}`;
    const signature = createHmac('sha256', key).update(stringToSign).digest('hex');
    return Buffer.from(
      `POST / HTTP/1.1\r\nHost: ${host}\r\nAccept-Encoding: identity\r\nX-Amz-Target: ${target}\r\n` +
        `Content-Type: ${CONTENT_TYPE}\r\nUser-Agent: ${USER_AGENT}\r\nX-Amz-Date: ${time}\r\n` +
        `Authorization: AWS4-HMAC-SHA256 Credential=${accessKeyId}/${scope}, SignedHeaders=${SIGNED_HEADERS}, Signature=${signature}\r\n` +
        `amz-sdk-invocation-id: ${INVOCATION_ID}\r\namz-sdk-request: attempt=1\r\n` +
        `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
    );
  };
}
