import { serialise } from './aws-json.ts';
import { errorResponse } from './error-response.ts';
import { type ErrorResponse, failureOf } from './failure.ts';
import { type QueryErrors, queryFormOf } from './query-errors.ts';
import { queryAnswer, queryError, type WriteMoment } from './query-xml.ts';

/** How a service's answers are written. */
export interface Protocol {
  /** Which requests it answers: what names a service in one kind names none in another. */
  readonly kind: 'json' | 'query' | 'cbor';
  readonly contentType: string;
  /** Of AWS JSON 1.1: a header repeats the exception's name. */
  readonly errorTypeHeader: boolean;
  /** A header that every answer has, and its value. */
  readonly mark?: readonly [name: string, value: string];
  writeOutput(operation: string, output: object | undefined, requestId: string): string | Uint8Array;
  /** @param error whatever was thrown */
  writeError(error: unknown, requestId: string): ErrorResponse;
}

export const awsJson: Protocol = {
  kind: 'json',
  contentType: 'application/x-amz-json-1.1',
  errorTypeHeader: true,
  writeOutput: (_, output) => (output === undefined ? '' : serialise(output)),
  writeError: (error) => errorResponse(error),
};

/** Where no service is known, AWS answers in this namespace. */
const NO_SERVICE = 'http://webservices.amazon.com/AWSFault/2005-15-09';

export interface QueryService {
  readonly namespace?: string;
  readonly errors?: QueryErrors;
  /** Default: to the second. */
  readonly moment?: WriteMoment;
}

/** AWS's Query protocol: forms in, XML out. */
export function awsQuery({ namespace = NO_SERVICE, errors = {}, moment }: QueryService = {}): Protocol {
  return {
    kind: 'query',
    contentType: 'text/xml',
    errorTypeHeader: false,
    writeOutput: (operation, output, requestId) => queryAnswer(namespace, operation, output, requestId, moment),
    writeError: (error, requestId) => {
      const { code, message } = failureOf(error);
      const { status, name, silent, ofNoService } = queryFormOf(code, errors);
      const fault = {
        Type: status >= 500 ? ('Receiver' as const) : ('Sender' as const),
        Code: name,
        Message: silent ? undefined : message,
      };
      return { status, type: code, body: queryError(ofNoService ? NO_SERVICE : namespace, fault, requestId) };
    },
  };
}
