import type { AnyOperation, Service } from '../services/perform.ts';
import { parseJsonBody } from '../wire/aws-json.ts';
import { findParameters, formAsJson, parseForm } from '../wire/aws-query.ts';
import { awsJson, awsQuery, type Protocol } from '../wire/protocol.ts';
import type { ShapeDescription } from '../wire/shape.ts';

/** What a request names, before anything is known of who sends it. */
export interface Call {
  readonly protocol: Protocol;
  readonly method: 'POST' | 'GET';
  readonly service?: Service | undefined;
  readonly operation?: AnyOperation | undefined;
  /** What is said where there is no such operation. */
  readonly unknown?: string;
  /** Reads the input as JSON, for the operation's declaration to judge. Throws what the protocol says of what is malformed. */
  readonly readInput: (shape: ShapeDescription) => unknown;
}

export interface CallRequest {
  readonly method: string;
  /** Path and query. */
  readonly target: string;
  readonly xAmzTarget: string;
  readonly contentType: string;
  readonly tooLarge: boolean;
  readonly body: Uint8Array;
}

/**
 * All services are reached on one port and one path. Those of AWS JSON are named by the first half of `X-Amz-Target`, those
 * of the Query protocol by `Version` in the form. A form may also be sent as the query of a GET request, as AWS's own
 * examples of STS do ("AssumeRoleWithWebIdentity", API reference) for whoever has nothing but a URL to ask with.
 *
 * @throws KeyholdError MalformedQueryStringException, which the caller writes in the protocol of {@link protocolOf}
 */
export function callFinder(services: readonly Service[]): (request: CallRequest) => Call {
  const byAddress: Addresses = new Map(
    services.flatMap((service) => service.spoken.map(({ address, protocol }) => [address, { service, protocol }])),
  );
  return (request) => {
    const form = formOf(request);
    return form === undefined ? jsonCall(request, byAddress) : queryCall(form, request, byAddress);
  };
}

type Addresses = ReadonlyMap<string, { readonly service: Service; readonly protocol: Protocol }>;

/** In which protocol a request is answered that names no service. */
export function protocolOf(request: CallRequest): Protocol {
  return formOf(request) === undefined ? awsJson : unknownQuery;
}

const unknownQuery = awsQuery();

function jsonCall({ xAmzTarget, body }: CallRequest, addresses: Addresses): Call {
  // Botocore's name of CloudTrail has full stops of its own.
  const dot = xAmzTarget.lastIndexOf('.');
  const { service, protocol = awsJson } = addresses.get(xAmzTarget.slice(0, Math.max(dot, 0))) ?? {};
  const operation = service?.operations.get(xAmzTarget.slice(dot + 1));
  return { protocol, method: 'POST', service, operation, readInput: () => parseJsonBody(body) };
}

const LONGEST_QUOTED_NAME = 128;
/** What AWS calls the version of a request that has none. */
const NO_VERSION = 'NO_VERSION_SPECIFIED';

/** A form as it was sent. */
interface SentForm {
  readonly method: 'POST' | 'GET';
  readonly bytes: Uint8Array;
}

function queryCall(sent: SentForm, { tooLarge }: CallRequest, addresses: Addresses): Call {
  const [action = '', version = NO_VERSION] = tooLarge ? [] : findParameters(sent.bytes, 'Action', 'Version');
  const { service, protocol = unknownQuery } = addresses.get(version) ?? {};
  const quote = (text: string) => text.slice(0, LONGEST_QUOTED_NAME);
  return {
    protocol,
    method: sent.method,
    service,
    operation: service?.operations.get(action),
    unknown: `Could not find operation ${quote(action)} for version ${quote(version)}`,
    readInput: (shape) => formAsJson(parseForm(sent.bytes), shape),
  };
}

function formOf({ method, target, xAmzTarget, contentType, body }: CallRequest): SentForm | undefined {
  if (xAmzTarget !== '') return undefined;
  if (method === 'GET') {
    return ACTION_IN_QUERY.test(target) ? { method, bytes: Buffer.from(target.slice(2), 'latin1') } : undefined;
  }
  return contentType.startsWith('application/x-www-form-urlencoded') ? { method: 'POST', bytes: body } : undefined;
}

/** Any other GET request is no call of an operation. */
const ACTION_IN_QUERY = /^\/\?(?:.*&)?Action=/;
