import { createHmac, hash, timingSafeEqual } from 'node:crypto';
import { KeyholdError } from '../../runtime/errors.ts';
import { canonicalRequest } from './canonical-request.ts';
import type { ParsedSignature, SignedRequest } from './signed-request.ts';
import type { SigningKeyCache, SigningSecret } from './signing-key.ts';
import { formatIsoBasic } from './timestamp.ts';

const ALLOWED_SKEW_MINUTES = 5;

/** What the server knows that a signature must agree with. */
export interface SignatureExpectation {
  /** The service's name in credential scopes, such as `kms`. */
  readonly service: string;
  /** Milliseconds since the Unix epoch. */
  readonly now: number;
}

/**
 * Returns if the request was signed, as a whole and within the last five minutes, by the holder of the credential's
 * secret; throws otherwise.
 *
 * @param parsed what `parseSignature` read from this very request
 * @param credential the one that belongs to `parsed.scope.accessKeyId`; whether `parsed.sessionToken` belongs to it too
 *   is for the caller to see
 * @throws InvalidSignatureException
 */
export function verifySignature(
  request: SignedRequest,
  parsed: ParsedSignature,
  credential: { readonly secretAccessKey: SigningSecret },
  options: SignatureExpectation & { readonly signingKeys: SigningKeyCache },
): void {
  checkSignatureClaims(parsed, options);

  // A signer that did not sort the names gets a mismatch whose text shows how they should have been.
  const sorted = isStrictlyAscending(parsed.signedHeaders);
  const canonical = sorted
    ? canonicalRequest(request, parsed.headerNames, parsed.signedHeaders, parsed.signedHeadersText)
    : canonicalRequest(request, parsed.headerNames, canonicalNames(parsed.signedHeaders));
  const stringToSign = buildStringToSign(parsed, canonical);

  const { signingKeys } = options;
  const secret = credential.secretAccessKey;
  const cachedKey = signingKeys.find(parsed, secret);
  const key = cachedKey ?? secret.deriveSigningKey(parsed.scope);
  // As text, because Node makes a string of a digest a third faster than a buffer.
  const expected = createHmac('sha256', key).update(stringToSign, 'latin1').digest('hex');

  if (!equalSignatures(parsed.signature, expected) || !sorted) throw mismatch(canonical, stringToSign);
  if (cachedKey === undefined) signingKeys.remember(parsed, secret, key);
}

/**
 * Refuses what can be refused without knowing the secret: the time, the scope, and headers that had to be signed.
 * `verifySignature` does this itself. To answer in AWS's order, where an expired request of an unknown access key is
 * expired, and to spare the look-up, it may also be called before the credential is looked up.
 *
 * @throws InvalidSignatureException
 */
export function checkSignatureClaims(parsed: ParsedSignature, expectation: SignatureExpectation): void {
  checkSkew(parsed, expectation.now);
  checkSignedHeaders(parsed);
  checkScope(parsed, expectation.service);
}

function checkSkew(parsed: ParsedSignature, now: number): void {
  const skew = ALLOWED_SKEW_MINUTES * 60_000;
  // Timestamps have whole seconds, and so has the message.
  const nowInSeconds = now - (now % 1000);
  if (parsed.timestamp < nowInSeconds - skew) {
    const earliest = formatIsoBasic(nowInSeconds - skew);
    throw invalid(
      `Signature expired: ${parsed.timestampText} is now earlier than ${earliest} (${formatIsoBasic(now)} - ${ALLOWED_SKEW_MINUTES} min.)`,
    );
  }
  if (parsed.timestamp > nowInSeconds + skew) {
    const latest = formatIsoBasic(nowInSeconds + skew);
    throw invalid(
      `Signature not yet current: ${parsed.timestampText} is still later than ${latest} (${formatIsoBasic(now)} + ${ALLOWED_SKEW_MINUTES} min.)`,
    );
  }
}

/**
 * AWS's documentation wants the host and every `x-amz-*` header signed. Of the latter, the two that decide what is asked
 * and as whom are held to it; some AWS services let a session token be added after signing, but AWS's SDKs sign it.
 * `X-Amz-Date` is signed in any case, as part of the string to sign. Others have no effect and are let through unsigned,
 * as AWS does, because proxies add some (CloudFront: `X-Amz-Cf-Id`).
 */
function checkSignedHeaders({ signedHeaders, headerNames, sessionToken }: ParsedSignature): void {
  if (!signedHeaders.includes('host') && !signedHeaders.includes(':authority')) {
    throw notSigned("'Host' or ':authority'");
  }
  if (!signedHeaders.includes('x-amz-target') && headerNames.includes('x-amz-target'))
    throw notSigned("'X-Amz-Target'");
  if (sessionToken !== undefined && !signedHeaders.includes('x-amz-security-token')) {
    throw notSigned("'X-Amz-Security-Token'");
  }
}

function checkScope({ scope, timestampText }: ParsedSignature, expectedService: string): void {
  const { date, region, service, terminator } = scope;
  let message = '';
  if (!isRegionName(region)) message += 'Credential should be scoped to a valid region. ';
  if (service !== expectedService) message += `Credential should be scoped to correct service: '${expectedService}'. `;
  if (terminator !== 'aws4_request') {
    message += `Credential should be scoped with a valid terminator: 'aws4_request', not '${terminator}'. `;
  }
  const expectedDate = timestampText.slice(0, 8);
  if (date !== expectedDate) {
    message += `Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '${date}' != '${expectedDate}', from '${timestampText}'.`;
  }
  if (message !== '') throw invalid(message);
}

/** Lower-case letters, digits and hyphens, a letter first, at most 32. Which Regions there are is not decided here. */
export function isRegionName(region: string): boolean {
  const first = region.charCodeAt(0);
  if (region.length > 32 || !(first >= 0x61 && first <= 0x7a)) return false;
  for (let index = 1; index < region.length; index++) {
    const code = region.charCodeAt(index);
    if (!((code >= 0x61 && code <= 0x7a) || (code >= 0x30 && code <= 0x39) || code === 0x2d)) return false;
  }
  return true;
}

function isStrictlyAscending(names: readonly string[]): boolean {
  for (let index = 1; index < names.length; index++) {
    if ((names[index] as string) <= (names[index - 1] as string)) return false;
  }
  return true;
}

function canonicalNames(names: readonly string[]): string[] {
  return [...new Set(names.map((name) => name.toLowerCase()))].sort();
}

/** https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html, step 2 */
function buildStringToSign(parsed: ParsedSignature, canonical: string): string {
  const scope = parsed.credential.slice(parsed.scope.accessKeyId.length + 1);
  // Headers come as one character per byte and are hashed as the bytes that came. Where all are ASCII, their UTF-8 is the
  // same, and OpenSSL can have it without a copy.
  const isAscii = Buffer.byteLength(canonical, 'utf8') === canonical.length;
  const digest = hash('sha256', isAscii ? canonical : Buffer.from(canonical, 'latin1'), 'hex');
  return `AWS4-HMAC-SHA256\n${parsed.timestampText}\n${scope}\n${digest}`;
}

/** Compares in constant time. Only 64 hexadecimal digits in lower case equal anything. */
function equalSignatures(received: string, expected: string): boolean {
  if (received.length !== expected.length) return false;
  // UTF-8, in which no other character becomes the byte of a digit, as one above U+00FF would in Latin-1; and fresh
  // buffers, in which nothing of an earlier signature is left where a character takes more bytes than there are.
  const receivedBytes = Buffer.from(received, 'utf8');
  const expectedBytes = Buffer.from(expected, 'utf8');
  return receivedBytes.length === expectedBytes.length && timingSafeEqual(receivedBytes, expectedBytes);
}

/**
 * AWS's own words. Both texts are made of what the caller sent and of hashes of it; the expected signature is not among
 * them.
 */
function mismatch(canonical: string, stringToSign: string): KeyholdError {
  return invalid(
    'The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and ' +
      'signing method. Consult the service documentation for details.\n\nThe Canonical String for this request should ' +
      `have been\n'${canonical}'\n\nThe String-to-Sign should have been\n'${stringToSign}'\n`,
  );
}

function notSigned(header: string): KeyholdError {
  return invalid(`${header} must be a 'SignedHeader' in the AWS Authorization.`);
}

function invalid(message: string): KeyholdError {
  return new KeyholdError('InvalidSignatureException', message);
}
