/** A request as it arrived, untouched: a signature is over what the caller sent, so nothing may be tidied before it is checked. */
export interface SignedRequest {
  readonly method: string;
  /** The request target exactly as received: path and query, still percent-encoded, one character per byte (Latin-1). */
  readonly target: string;
  /** Node's `req.rawHeaders`: name, value, name, value …, in the order, case and number received, one character per byte. */
  readonly rawHeaders: readonly string[];
  readonly body: Uint8Array;
}

/** What a signing key is good for: the five parts of `Credential=AKID…/20261122/eu-central-1/kms/aws4_request`. */
export interface CredentialScope {
  readonly accessKeyId: string;
  /** `YYYYMMDD` */
  readonly date: string;
  readonly region: string;
  readonly service: string;
  readonly terminator: string;
}

/** What a request says of its own signature. Nothing here is proven until `verifySignature` returns. */
export interface ParsedSignature {
  readonly scope: CredentialScope;
  /** The scope as it was sent; it names a signing key. */
  readonly credential: string;
  /** The header names that `SignedHeaders` lists, in its order. */
  readonly signedHeaders: readonly string[];
  /** The same as it was sent, with semicolons between. */
  readonly signedHeadersText: string;
  /** Hexadecimal, if the caller is well behaved. */
  readonly signature: string;
  /** When the caller signed, in milliseconds since the Unix epoch. */
  readonly timestamp: number;
  /** The same as `YYYYMMDDTHHMMSSZ`. */
  readonly timestampText: string;
  /** `X-Amz-Security-Token`, which temporary credentials of STS carry. */
  readonly sessionToken: string | undefined;
  /** The names of the request's headers in lower case, in the order of `rawHeaders`. */
  readonly headerNames: readonly string[];
}
