import type { AnyOperation, Service } from '../services/perform.ts';
import { parseJsonBody } from '../wire/aws-json.ts';
import { type Form, formAsJson, parameter, parseForm } from '../wire/aws-query.ts';
import { awsJson, awsQuery, type Protocol } from '../wire/protocol.ts';
import type { ShapeDescription } from '../wire/shape.ts';

/** What a request names, before anything is known of who sends it. */
export interface Call {
  readonly protocol: Protocol;
  readonly service?: Service | undefined;
  readonly operation?: AnyOperation | undefined;
  /** What is said where there is no such operation. */
  readonly unknown?: string;
  /** The input as JSON, for the operation's declaration to judge. */
  readonly readInput: (shape: ShapeDescription) => unknown;
}

export interface CallRequest {
  readonly xAmzTarget: string;
  readonly contentType: string;
  readonly tooLarge: boolean;
  readonly body: Uint8Array;
}

/**
 * All services are reached on one port and one path. Those of AWS JSON are named by the first half of `X-Amz-Target`, those
 * of the Query protocol by `Version` in the form.
 *
 * @throws KeyholdError MalformedQueryStringException, which the caller writes in the protocol of {@link protocolOf}
 */
export function callFinder(services: readonly Service[]): (request: CallRequest) => Call {
  const byAddress = new Map(services.map((service) => [service.address, service]));
  return (request) => (isForm(request) ? queryCall(request, byAddress) : jsonCall(request, byAddress));
}

/** In which protocol a request is answered that names no service. */
export function protocolOf(request: CallRequest): Protocol {
  return isForm(request) ? unknownQuery : awsJson;
}

const unknownQuery = awsQuery();

function jsonCall({ xAmzTarget, body }: CallRequest, services: ReadonlyMap<string, Service>): Call {
  const dot = xAmzTarget.indexOf('.');
  const service = services.get(xAmzTarget.slice(0, Math.max(dot, 0)));
  const operation = service?.operations.get(xAmzTarget.slice(dot + 1));
  return { protocol: awsJson, service, operation, readInput: () => parseJsonBody(body) };
}

const LONGEST_QUOTED_NAME = 128;

function queryCall({ tooLarge, body }: CallRequest, services: ReadonlyMap<string, Service>): Call {
  const form: Form = tooLarge ? { children: new Map() } : parseForm(body);
  const action = parameter(form, 'Action') ?? '';
  const version = parameter(form, 'Version') ?? '';
  const service = services.get(version);
  const quote = (text: string) => text.slice(0, LONGEST_QUOTED_NAME);
  return {
    protocol: service?.protocol ?? unknownQuery,
    service,
    operation: service?.operations.get(action),
    unknown: `Could not find operation ${quote(action)} for version ${quote(version)}`,
    readInput: (shape) => formAsJson(form, shape),
  };
}

function isForm({ xAmzTarget, contentType }: CallRequest): boolean {
  return xAmzTarget === '' && contentType.startsWith('application/x-www-form-urlencoded');
}
