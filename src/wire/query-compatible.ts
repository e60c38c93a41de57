import type { AwsErrorCode } from '../runtime/errors.ts';
import { serialise } from './aws-json.ts';
import { writeCbor } from './cbor.ts';
import { type ErrorResponse, failureOf } from './failure.ts';
import type { Protocol } from './protocol.ts';
import { type QueryErrors, queryFormOf } from './query-errors.ts';

/**
 * The protocols of services that once spoke only Query, such as CloudWatch. Their clients know exceptions by the old codes,
 * which therefore stand in a header: `x-amzn-query-error: InvalidParameterValue;Sender` ("awsQueryCompatible trait", Smithy
 * documentation). Statuses are the old ones, too.
 */
interface QueryCompatibleService {
  /** Of the service's own exceptions: `com.amazonaws.cloudwatch`. */
  readonly shapes: string;
  readonly errors: QueryErrors;
  /** The members of its outputs that are doubles: see {@link writeCbor}. */
  readonly doubles?: ReadonlySet<string>;
}

const NO_SERVICE: QueryCompatibleService = { shapes: 'com.amazon.coral.service', errors: {} };

export function awsJson10(service: QueryCompatibleService): Protocol {
  return {
    kind: 'json',
    contentType: 'application/x-amz-json-1.0',
    errorTypeHeader: false,
    writeOutput: (_, output) => (output === undefined ? '' : serialise(output)),
    writeError: (error) => compatibleError(error, service, serialise),
  };
}

/** Smithy RPC v2 CBOR ("Smithy RPC v2 CBOR protocol", Smithy documentation). */
export function rpcV2Cbor(service: QueryCompatibleService = NO_SERVICE): Protocol {
  return {
    kind: 'cbor',
    contentType: 'application/cbor',
    errorTypeHeader: false,
    mark: ['smithy-protocol', 'rpc-v2-cbor'],
    // What has no output has no body.
    writeOutput: (_, output) => (output === undefined ? '' : writeCbor(output, service.doubles)),
    writeError: (error) => compatibleError(error, service, (members) => writeCbor(members)),
  };
}

function compatibleError(
  error: unknown,
  { shapes, errors }: QueryCompatibleService,
  write: (members: object) => string | Uint8Array,
): ErrorResponse {
  const { code, message } = failureOf(error);
  const { status, name, shape = code } = queryFormOf(code, errors);
  const members: Record<string, string> = { __type: `${namespaces[code] ?? shapes}#${shape}` };
  if (message !== '') members[capital.has(code) ? 'Message' : 'message'] = message;
  const queryError = `${name};${status >= 500 ? 'Receiver' : 'Sender'}`;
  return { status, type: code, body: write(members), queryError };
}

const FRAMEWORK = 'com.amazon.coral.service';

/** Of exceptions that are not the service's own but AWS's framework's. */
const namespaces: Partial<Record<AwsErrorCode, string>> = {
  AccessDeniedException: FRAMEWORK,
  ExpiredSessionToken: FRAMEWORK,
  IncompleteSignatureException: FRAMEWORK,
  InvalidSignatureException: FRAMEWORK,
  MissingAuthenticationTokenException: FRAMEWORK,
  RequestEntityTooLargeException: FRAMEWORK,
  SerializationException: FRAMEWORK,
  ThrottlingException: FRAMEWORK,
  UnknownOperationException: FRAMEWORK,
  UnrecognizedClientException: FRAMEWORK,
  ValidationException: 'com.amazon.coral.validate',
};

/** They spell the member so; clients read both spellings. */
const capital: ReadonlySet<AwsErrorCode> = new Set([
  'AccessDeniedException',
  'SerializationException',
  'KMSInternalException',
]);
