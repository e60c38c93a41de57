import { type AwsErrorCode, type ErrorCode, KeyholdError } from '../runtime/errors.ts';
import { serialise } from './aws-json.ts';

/** What a client is told of a failure, in AWS JSON 1.1. */
export interface ErrorResponse {
  /** The HTTP status. */
  readonly status: number;
  /** The exception's name, which is also the value of the header `x-amzn-errortype`. */
  readonly type: AwsErrorCode;
  /** The body, of content type `application/x-amz-json-1.1`. */
  readonly body: string;
}

interface WireForm {
  readonly status: 400 | 413 | 500;
  /** Under which member the message travels; undefined where none does, whatever was thrown. */
  readonly messageMember?: 'message' | 'Message';
}

const usual: WireForm = { status: 400, messageMember: 'message' };
// The two that AWS's framework raises itself spell the member with a capital; its clients read both spellings.
const capital: WireForm = { status: 400, messageMember: 'Message' };
const fault: WireForm = { status: 500, messageMember: 'message' };

const wireForms = {
  AccessDeniedException: capital,
  IncompleteSignatureException: usual,
  InvalidSignatureException: usual,
  MissingAuthenticationTokenException: usual,
  RequestEntityTooLargeException: { status: 413, messageMember: 'message' },
  SerializationException: capital,
  UnknownOperationException: usual,
  UnrecognizedClientException: usual,
  ValidationException: usual,
  ThrottlingException: usual,
  AlreadyExistsException: usual,
  ConflictException: usual,
  CustomKeyStoreNotFoundException: usual,
  DisabledException: usual,
  DryRunOperationException: usual,
  ExpiredImportTokenException: usual,
  IncorrectKeyException: usual,
  IncorrectKeyMaterialException: usual,
  InvalidArnException: usual,
  // INVARIANT: all failures to decrypt look alike, so that none tells what was wrong with a ciphertext or its context.
  InvalidCiphertextException: { status: 400 },
  InvalidGrantIdException: usual,
  InvalidGrantTokenException: usual,
  InvalidImportTokenException: usual,
  InvalidKeyUsageException: usual,
  InvalidMarkerException: usual,
  KMSInternalException: fault,
  // Nor does AWS say anything of a signature or a MAC that is not right.
  KMSInvalidMacException: { status: 400 },
  KMSInvalidSignatureException: { status: 400 },
  KMSInvalidStateException: usual,
  KeyUnavailableException: fault,
  LimitExceededException: usual,
  MalformedPolicyDocumentException: usual,
  NotAuthorizedException: usual,
  NotFoundException: usual,
  TagException: usual,
  UnsupportedOperationException: usual,
  // These never reach a client as they are.
  TamperedRecord: 'internal',
  WrongRootKey: 'internal',
  StoreUnavailable: 'internal',
  StoreConflict: 'internal',
  AuditUnavailable: 'internal',
  StartupRefused: 'internal',
} satisfies Record<AwsErrorCode, WireForm> & Record<Exclude<ErrorCode, AwsErrorCode>, 'internal'>;

/**
 * INVARIANT: a fault of ours tells a client nothing but that there was one. Its cause is for the log.
 */
const internalFault: ErrorResponse = {
  status: fault.status,
  type: 'KMSInternalException',
  body: '{"__type":"KMSInternalException","message":"The request was rejected because of an internal error. Try again."}',
};

/** The one map from what the server throws to what a client sees. KMS sends bare names, without a namespace. */
export function errorResponse(error: unknown): ErrorResponse {
  if (!(error instanceof KeyholdError)) return internalFault;
  const { code, message } = error;
  if (!isAwsErrorCode(code)) return internalFault;
  const { status, messageMember }: WireForm = wireForms[code];
  const members: Record<string, string> = { __type: code };
  if (messageMember !== undefined && message !== '') members[messageMember] = message;
  return { status, type: code, body: serialise(members) };
}

function isAwsErrorCode(code: ErrorCode): code is AwsErrorCode {
  return wireForms[code] !== 'internal';
}
