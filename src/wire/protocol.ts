import type { AwsErrorCode } from '../runtime/errors.ts';
import { serialise } from './aws-json.ts';
import { errorResponse } from './error-response.ts';
import { type ErrorResponse, failureOf } from './failure.ts';
import { queryAnswer, queryError } from './query-xml.ts';

/** How a service's answers are written. */
export interface Protocol {
  readonly contentType: string;
  /** Of AWS JSON 1.1: a header repeats the exception's name. */
  readonly errorTypeHeader: boolean;
  writeOutput(operation: string, output: object | undefined, requestId: string): string;
  /** @param error whatever was thrown */
  writeError(error: unknown, requestId: string): ErrorResponse;
}

export const awsJson: Protocol = {
  contentType: 'application/x-amz-json-1.1',
  errorTypeHeader: true,
  writeOutput: (_, output) => (output === undefined ? '' : serialise(output)),
  writeError: (error) => errorResponse(error),
};

/** Where no service is known, AWS answers in this namespace. */
const NO_SERVICE = 'http://webservices.amazon.com/AWSFault/2005-15-09';

/** AWS's Query protocol: forms in, XML out. */
export function awsQuery(namespace: string = NO_SERVICE): Protocol {
  return {
    contentType: 'text/xml',
    errorTypeHeader: false,
    writeOutput: (operation, output, requestId) => queryAnswer(namespace, operation, output, requestId),
    writeError: (error, requestId) => {
      const { code, message } = failureOf(error);
      const { status, name, silent, ofNoService } = queryForms[code] ?? usual(code);
      const fault = {
        Type: status >= 500 ? ('Receiver' as const) : ('Sender' as const),
        Code: name,
        Message: silent ? undefined : message,
      };
      return { status, type: code, body: queryError(ofNoService ? NO_SERVICE : namespace, fault, requestId) };
    },
  };
}

interface QueryForm {
  readonly status: 400 | 403 | 404 | 409 | 413 | 500;
  /** As `Code` says it. */
  readonly name: string;
  /** AWS does not say more. */
  readonly silent?: true;
  /** AWS answers as where no service is known. */
  readonly ofNoService?: true;
}

/** Most codes are the name of the exception without its suffix. */
function usual(code: AwsErrorCode): QueryForm {
  return { status: 400, name: code.replace(/Exception$/, '') };
}

/** The others, with the names and statuses of botocore's service descriptions and of IAM's page "Common errors". */
const queryForms: Partial<Record<AwsErrorCode, QueryForm>> = {
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
  ExpiredSessionToken: { status: 403, name: 'ExpiredToken' },
  IDPRejectedClaimException: { status: 403, name: 'IDPRejectedClaim' },
  InvalidAuthorizationMessageException: { status: 400, name: 'InvalidAuthorizationMessageException' },
};
