import type { AwsErrorCode } from '../runtime/errors.ts';

/** How the Query protocol, and those protocols that took its place, tell of an exception. */
export interface QueryForm {
  readonly status: 400 | 403 | 404 | 409 | 413 | 429 | 500;
  /** As `Code` says it. */
  readonly name: string;
  /** AWS does not say more. */
  readonly silent?: true;
  /** AWS answers as where no service is known. */
  readonly ofNoService?: true;
  /** The exception's name where it is not the code: services call the same thing differently. */
  readonly shape?: string;
}

/** What a service calls differently from all others. */
export type QueryErrors = Partial<Record<AwsErrorCode, QueryForm>>;

export function queryFormOf(code: AwsErrorCode, own: QueryErrors): QueryForm {
  return own[code] ?? common[code] ?? usual(code);
}

/** Most codes are the name of the exception without its suffix. */
function usual(code: AwsErrorCode): QueryForm {
  return { status: 400, name: code.replace(/Exception$/, '') };
}

/** The others, with the names and statuses of botocore's service descriptions and of IAM's page "Common errors". */
const common: QueryErrors = {
  AccessDeniedException: { status: 403, name: 'AccessDenied' },
  InvalidSignatureException: { status: 403, name: 'SignatureDoesNotMatch' },
  MissingAuthenticationTokenException: { status: 403, name: 'MissingAuthenticationToken' },
  RequestEntityTooLargeException: { status: 413, name: 'RequestEntityTooLarge' },
  SerializationException: { status: 400, name: 'MalformedInput', silent: true },
  ThrottlingException: { status: 400, name: 'Throttling' },
  UnknownOperationException: { status: 400, name: 'InvalidAction', ofNoService: true },
  UnrecognizedClientException: { status: 403, name: 'InvalidClientTokenId' },
  ValidationException: { status: 400, name: 'ValidationError' },
  KMSInternalException: { status: 500, name: 'InternalFailure' },
  ConcurrentModificationException: { status: 409, name: 'ConcurrentModification' },
  DeleteConflictException: { status: 409, name: 'DeleteConflict' },
  EntityAlreadyExistsException: { status: 409, name: 'EntityAlreadyExists' },
  LimitExceededException: { status: 409, name: 'LimitExceeded' },
  NoSuchEntityException: { status: 404, name: 'NoSuchEntity' },
  PolicyEvaluationException: { status: 500, name: 'PolicyEvaluation' },
  // Of a token of an OpenID provider; botocore gives the code as it is.
  ExpiredTokenException: { status: 400, name: 'ExpiredTokenException' },
  ExpiredSessionToken: { status: 403, name: 'ExpiredToken', shape: 'ExpiredTokenException' },
  IDPRejectedClaimException: { status: 403, name: 'IDPRejectedClaim' },
  InvalidAuthorizationMessageException: { status: 400, name: 'InvalidAuthorizationMessageException' },
};
