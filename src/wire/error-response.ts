import type { AwsErrorCode } from '../runtime/errors.ts';
import { serialise } from './aws-json.ts';
import { type ErrorResponse, failureOf } from './failure.ts';

interface WireForm {
  readonly status: 400 | 413 | 500;
  /** Under which member the message travels; undefined where none does, whatever was thrown. */
  readonly messageMember?: 'message' | 'Message';
  /** The exception's name, where it is not the code. */
  readonly type?: AwsErrorCode;
}

const usual: WireForm = { status: 400, messageMember: 'message' };
// The two that AWS's framework raises itself spell the member with a capital; its clients read both spellings.
const capital: WireForm = { status: 400, messageMember: 'Message' };
const fault: WireForm = { status: 500, messageMember: 'message' };

/** Of those codes that are not sent in the usual form. */
const wireForms: Partial<Record<AwsErrorCode, WireForm>> = {
  AccessDeniedException: capital,
  ExpiredSessionToken: { ...usual, type: 'ExpiredTokenException' },
  RequestEntityTooLargeException: { status: 413, messageMember: 'message' },
  SerializationException: capital,
  // INVARIANT: all failures to decrypt look alike, so that none tells what was wrong with a ciphertext or its context.
  InvalidCiphertextException: { status: 400 },
  KMSInternalException: fault,
  // Nor does AWS say anything of a signature or a MAC that is not right.
  KMSInvalidMacException: { status: 400 },
  KMSInvalidSignatureException: { status: 400 },
  KeyUnavailableException: fault,
};

/** What a client of AWS JSON 1.1 is told of a failure. KMS sends bare names, without a namespace. */
export function errorResponse(error: unknown): ErrorResponse & { readonly body: string } {
  const { code, message } = failureOf(error);
  const { status, messageMember, type = code } = wireForms[code] ?? usual;
  const members: Record<string, string> = { __type: type };
  if (messageMember !== undefined && message !== '') members[messageMember] = message;
  return { status, type, body: serialise(members) };
}
