import { createHash, createHmac } from 'node:crypto';
import { SignatureV4 } from '@smithy/signature-v4';
import type { Checksum, SourceData } from '@smithy/types';
import { expect } from 'vitest';
import { type ErrorCode, KeyholdError } from '../../runtime/errors.ts';
import type { SignedRequest } from './signed-request.ts';

/** The access key of AWS's published examples. */
export const exampleAccessKeyId = 'AKIDEXAMPLE';
export const exampleSecretAccessKey = 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY';

export const signingTime = Date.UTC(2026, 10, 22, 10, 15, 0);

export interface UnsignedRequest {
  readonly method?: string;
  /** As on the wire, percent-encoded. */
  readonly path?: string;
  /** Decoded. */
  readonly query?: Record<string, string | string[]>;
  readonly headers?: Record<string, string>;
  readonly body?: Uint8Array;
  readonly sessionToken?: string;
  /** Default: the example's. */
  readonly accessKey?: { readonly accessKeyId: string; readonly secretAccessKey: string };
  /** Default: `kms`. */
  readonly service?: string;
}

const exampleAccessKey = { accessKeyId: exampleAccessKeyId, secretAccessKey: exampleSecretAccessKey };

/** Signs with the AWS SDK's own signer, at {@link signingTime} in `eu-central-1`. */
export async function signWithSdk(request: UnsignedRequest): Promise<SignedRequest> {
  const { method = 'POST', path = '/', query = {}, headers = {}, body = new Uint8Array() } = request;
  const signer = new SignatureV4({
    service: request.service ?? 'kms',
    region: 'eu-central-1',
    sha256: Sha256,
    credentials: {
      ...(request.accessKey ?? exampleAccessKey),
      ...(request.sessionToken === undefined ? {} : { sessionToken: request.sessionToken }),
    },
  });
  const signed = await signer.sign(
    {
      method,
      protocol: 'https:',
      hostname: 'kms.example.com',
      path,
      query,
      headers: { Host: 'kms.example.com', ...headers },
      body,
    },
    { signingDate: new Date(signingTime) },
  );
  return { method, target: path + wireQuery(query), rawHeaders: Object.entries(signed.headers).flat(), body };
}

/** The request that most tests start from: GenerateDataKey, as a client would send it. */
export function generateDataKeyRequest(more: Partial<UnsignedRequest> = {}): Promise<SignedRequest> {
  return signWithSdk({
    headers: { 'Content-Type': 'application/x-amz-json-1.1', 'X-Amz-Target': 'TrentService.GenerateDataKey' },
    body: Buffer.from('{"KeyId":"alias/orders","NumberOfBytes":32}'),
    ...more,
  });
}

/** The same request with each value of a header replaced by what `change` makes of it. */
export function withHeader(request: SignedRequest, name: string, change: (value: string) => string): SignedRequest {
  const rawHeaders = request.rawHeaders.map((text, index) =>
    index % 2 === 1 && request.rawHeaders[index - 1]?.toLowerCase() === name ? change(text) : text,
  );
  expect(rawHeaders, `the request has a header ${name} to change`).not.toEqual(request.rawHeaders);
  return { ...request, rawHeaders };
}

export function withoutHeader(request: SignedRequest, name: string): SignedRequest {
  const kept = request.rawHeaders.filter((_, index) => request.rawHeaders[index - (index % 2)]?.toLowerCase() !== name);
  expect(kept.length, `the request has one header ${name} to remove`).toBe(request.rawHeaders.length - 2);
  return { ...request, rawHeaders: kept };
}

export function withMoreHeaders(request: SignedRequest, ...more: string[]): SignedRequest {
  return { ...request, rawHeaders: [...request.rawHeaders, ...more] };
}

/** The KeyholdError that `act` throws; fails the test where it throws none, another error, or another code. */
export function refusal(code: ErrorCode, act: () => unknown): KeyholdError {
  try {
    act();
  } catch (error) {
    expect(error).toBeInstanceOf(KeyholdError);
    const refused = error as KeyholdError;
    expect(refused.code).toBe(code);
    return refused;
  }
  throw new Error(`expected ${code}, but nothing was thrown`);
}

function wireQuery(query: Record<string, string | string[]>): string {
  const parts = Object.entries(query).flatMap(([name, values]) =>
    [values].flat().map((value) => `${encodeStrictly(name)}=${encodeStrictly(value)}`),
  );
  return parts.length === 0 ? '' : `?${parts.join('&')}`;
}

/** As the SDK puts names and values on the wire. */
function encodeStrictly(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

class Sha256 implements Checksum {
  readonly #digest;

  constructor(secret?: SourceData) {
    this.#digest = secret === undefined ? createHash('sha256') : createHmac('sha256', toBytes(secret));
  }

  update(data: Uint8Array): void {
    this.#digest.update(toBytes(data));
  }

  async digest(): Promise<Uint8Array> {
    return this.#digest.digest();
  }

  reset(): void {
    throw new Error('the signer makes a new one for each hash');
  }
}

function toBytes(data: SourceData): Uint8Array {
  if (typeof data === 'string') return Buffer.from(data);
  return ArrayBuffer.isView(data)
    ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
    : new Uint8Array(data);
}
