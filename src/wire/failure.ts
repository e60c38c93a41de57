import { type AwsErrorCode, awsErrorCodes, type ErrorCode, KeyholdError } from '../runtime/errors.ts';

/** What a client is told of a failure, in its protocol. */
export interface ErrorResponse {
  /** The HTTP status. */
  readonly status: number;
  /** The exception's name, which in AWS JSON 1.1 is also the value of the header `x-amzn-errortype`. */
  readonly type: AwsErrorCode;
  readonly body: string | Uint8Array;
  /** Of services that once spoke only the Query protocol: `<its code>;Sender`, the value of `x-amzn-query-error`. */
  readonly queryError?: string;
}

/** A failure before it is written in a protocol. */
export interface Failure {
  readonly code: AwsErrorCode;
  /** Empty where nothing is said. */
  readonly message: string;
}

/**
 * INVARIANT: a fault of ours tells a client nothing but that there was one. Its cause is for the log.
 */
const internalFault: Failure = {
  code: 'KMSInternalException',
  message: 'The request was rejected because of an internal error. Try again.',
};

const known: ReadonlySet<ErrorCode> = new Set(awsErrorCodes);

/** The one way from what the server throws to what a client may see of it, whatever its protocol. */
export function failureOf(error: unknown): Failure {
  if (!(error instanceof KeyholdError) || !known.has(error.code)) return internalFault;
  return { code: error.code as AwsErrorCode, message: error.message };
}
