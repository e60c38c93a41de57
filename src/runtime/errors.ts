/**
 * Every refusal in Keyhold is a {@link KeyholdError} with a code from one closed set. `wire/error-response.ts` is the one
 * place that maps a code to what a client sees; the `cause` goes to the log and never leaves the server.
 *
 * The codes of AWS's own exceptions are the names of their shapes (botocore's `service-2.json` of each service, plus the
 * names every AWS JSON service answers with before an operation is reached). The others never reach a client as they are.
 */
export const awsErrorCodes = [
  // Common to all AWS services, raised before or around an operation.
  'AccessDeniedException',
  /** A session's credentials that are used after their time; each protocol has a name of its own for it. */
  'ExpiredSessionToken',
  'IncompleteSignatureException',
  'InvalidSignatureException',
  'MalformedQueryStringException',
  'MissingAuthenticationTokenException',
  'RequestEntityTooLargeException',
  'SerializationException',
  'ThrottlingException',
  'UnknownOperationException',
  'UnrecognizedClientException',
  'ValidationException',
  // AWS KMS.
  'AlreadyExistsException',
  'ConflictException',
  'CustomKeyStoreNotFoundException',
  'DisabledException',
  'DryRunOperationException',
  'ExpiredImportTokenException',
  'IncorrectKeyException',
  'IncorrectKeyMaterialException',
  'InvalidArnException',
  'InvalidCiphertextException',
  'InvalidGrantIdException',
  'InvalidGrantTokenException',
  'InvalidImportTokenException',
  'InvalidKeyUsageException',
  'InvalidMarkerException',
  'KMSInternalException',
  'KMSInvalidMacException',
  'KMSInvalidSignatureException',
  'KMSInvalidStateException',
  'KeyUnavailableException',
  'LimitExceededException',
  'MalformedPolicyDocumentException',
  'NotAuthorizedException',
  'NotFoundException',
  'TagException',
  'UnsupportedOperationException',
  // AWS IAM.
  'ConcurrentModificationException',
  'DeleteConflictException',
  'EntityAlreadyExistsException',
  'InvalidInputException',
  'InvalidUserTypeException',
  'NoSuchEntityException',
  'OpenIdIdpCommunicationErrorException',
  'PolicyEvaluationException',
  'PolicyNotAttachableException',
  'UnmodifiableEntityException',
  // AWS STS.
  'ExpiredTokenException',
  'IDPCommunicationErrorException',
  'IDPRejectedClaimException',
  'InvalidAuthorizationMessageException',
  'InvalidIdentityTokenException',
  'InvalidParameterValue',
  'PackedPolicyTooLargeException',
  // AWS CloudTrail: LookupEvents.
  'InvalidEventCategoryException',
  'InvalidLookupAttributesException',
  'InvalidMaxResultsException',
  'InvalidNextTokenException',
  // AWS CloudTrail: its trails.
  'CloudTrailARNInvalidException',
  'InsightNotEnabledException',
  'InvalidEventSelectorsException',
  'InvalidHomeRegionException',
  'InvalidParameterCombinationException',
  'InvalidParameterException',
  'InvalidS3BucketNameException',
  'InvalidS3PrefixException',
  'InvalidTagParameterException',
  'InvalidTimeRangeException',
  'InvalidTokenException',
  'InvalidTrailNameException',
  'MaximumNumberOfTrailsExceededException',
  'OrganizationsNotInUseException',
  'ResourceNotFoundException',
  'ResourceTypeNotSupportedException',
  'TagsLimitExceededException',
  'TrailAlreadyExistsException',
  'TrailNotFoundException',
  // Amazon CloudWatch.
  'InvalidFormatFault',
  'InvalidNextToken',
  'InvalidParameterValueException',
  'LimitExceededFault',
  'MissingRequiredParameterException',
  'ResourceNotFound',
] as const;

export const internalErrorCodes = [
  /** A sealed record, wrapped key or audit line does not authenticate: someone or something changed it. */
  'TamperedRecord',
  /** The root key does not open this data directory. */
  'WrongRootKey',
  /** The store cannot be opened, read or written. */
  'StoreUnavailable',
  /** A record was created or changed by someone else since it was read. */
  'StoreConflict',
  /** The audit trail cannot be written, so nothing may be answered. */
  'AuditUnavailable',
  /** A user's mistake at start: a bad option, a directory that is not ours, a port in use. Exit status 2. */
  'StartupRefused',
] as const;

export type AwsErrorCode = (typeof awsErrorCodes)[number];
export type ErrorCode = AwsErrorCode | (typeof internalErrorCodes)[number];

export class KeyholdError extends Error {
  readonly code: ErrorCode;

  /**
   * @param message what the caller may read; empty where AWS sends no message
   * @param cause what the log needs to know and the caller must not
   */
  constructor(code: ErrorCode, message = '', options: { cause?: unknown } = {}) {
    super(message, options);
    this.name = 'KeyholdError';
    this.code = code;
  }
}

/** Asserts what only a programmer's mistake can break. Users' mistakes are refused with a {@link KeyholdError}. */
export function invariant(condition: unknown, statement: string): asserts condition {
  if (!condition) throw new Error(`invariant broken: ${statement}`);
}
