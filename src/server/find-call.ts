import { KeyholdError } from '../runtime/errors.ts';
import type { AnyOperation, Service } from '../services/perform.ts';
import { parseJsonBody } from '../wire/aws-json.ts';
import { findParameters, formAsJson, parseForm } from '../wire/aws-query.ts';
import { readCbor } from '../wire/cbor.ts';
import { awsJson, awsQuery, type Protocol } from '../wire/protocol.ts';
import { rpcV2Cbor } from '../wire/query-compatible.ts';
import type { ShapeDescription } from '../wire/shape.ts';
import { decodedBody } from './content-encoding.ts';
import { headerValue } from './header-value.ts';

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
  readonly rawHeaders: readonly string[];
  readonly xAmzTarget: string;
  readonly contentType: string;
  readonly tooLarge: boolean;
  readonly body: Uint8Array;
}

/**
 * All services are reached on one port. Those of AWS JSON are named by the first half of `X-Amz-Target`, those of the Query
 * protocol by `Version` in the form, those of Smithy RPC v2 CBOR by the path, which no other protocol has. A form may also be
 * sent as the query of a GET request, as AWS's own examples of STS do ("AssumeRoleWithWebIdentity", API reference) for whoever
 * has nothing but a URL to ask with.
 *
 * @throws KeyholdError SerializationException, MalformedQueryStringException, which the caller writes in the protocol of
 *   {@link protocolOf}
 */
export function callFinder(services: readonly Service[]): (request: CallRequest) => Call {
  const addresses: Record<Protocol['kind'], Map<string, Addressed>> = {
    json: new Map(),
    query: new Map(),
    cbor: new Map(),
  };
  for (const service of services) {
    for (const { address, protocol } of service.spoken) addresses[protocol.kind].set(address, { service, protocol });
  }
  return (request) => {
    if (request.target !== '/') {
      const path = rpcPathOf(request);
      if (path !== undefined) return rpcCall(path, request, addresses.cbor);
    }
    const form = formOf(request);
    return form === undefined ? jsonCall(request, addresses.json) : queryCall(form, request, addresses.query);
  };
}

interface Addressed {
  readonly service: Service;
  readonly protocol: Protocol;
}

type Addresses = ReadonlyMap<string, Addressed>;

/** In which protocol a request is answered that names no service. */
export function protocolOf(request: CallRequest): Protocol {
  if (request.target !== '/' && rpcPathOf(request) !== undefined) return unknownRpc;
  return formOf(request) === undefined ? awsJson : unknownQuery;
}

const unknownQuery = awsQuery();
const unknownRpc = rpcV2Cbor();

function jsonCall(request: CallRequest, addresses: Addresses): Call {
  const { xAmzTarget, body } = request;
  // Botocore's name of CloudTrail has full stops of its own.
  const dot = xAmzTarget.lastIndexOf('.');
  const { service, protocol = awsJson } = addresses.get(xAmzTarget.slice(0, Math.max(dot, 0))) ?? {};
  const operation = service?.operations.get(xAmzTarget.slice(dot + 1));
  // Those who speak only AWS JSON 1.1 have no operation whose clients compress.
  const bytes = () => (protocol === awsJson ? body : decodedBody(request));
  return { protocol, method: 'POST', service, operation, readInput: () => parseJsonBody(bytes()) };
}

interface RpcPath {
  readonly service: string;
  readonly operation: string;
}

const RPC_PATH = /^\/service\/([A-Za-z0-9_.]{1,256})\/operation\/([A-Za-z0-9_]{1,256})$/;

/** @returns undefined where the request does not say that it is of Smithy RPC v2 CBOR, by path and header */
function rpcPathOf({ target, rawHeaders }: CallRequest): RpcPath | undefined {
  const [, service, operation] = RPC_PATH.exec(target) ?? [];
  if (service === undefined || operation === undefined) return undefined;
  return headerValue(rawHeaders, 'smithy-protocol') === 'rpc-v2-cbor' ? { service, operation } : undefined;
}

function rpcCall(path: RpcPath, request: CallRequest, addresses: Addresses): Call {
  const { rawHeaders, body } = request;
  // Another reader might take such a request for one of AWS JSON; the specification has it refused for that.
  if (rawHeaders.some((name, at) => at % 2 === 0 && TARGET_HEADERS.has(name.toLowerCase()))) {
    throw new KeyholdError('SerializationException', 'A request of this protocol has no X-Amz-Target header');
  }
  const { service, protocol = unknownRpc } = addresses.get(path.service) ?? {};
  return {
    protocol,
    method: 'POST',
    service,
    operation: service?.operations.get(path.operation),
    readInput: (shape) => {
      if (body.length > 0 && headerValue(rawHeaders, 'content-type') !== protocol.contentType) {
        throw new KeyholdError('SerializationException', `The content type must be ${protocol.contentType}`);
      }
      return readCbor(decodedBody(request), shape);
    },
  };
}

const TARGET_HEADERS: ReadonlySet<string> = new Set(['x-amz-target', 'x-amzn-target']);

const LONGEST_QUOTED_NAME = 128;
/** What AWS calls the version of a request that has none. */
const NO_VERSION = 'NO_VERSION_SPECIFIED';

const NOTHING = new Uint8Array(0);

/** A form as it was sent. */
interface SentForm {
  readonly method: 'POST' | 'GET';
  readonly bytes: () => Uint8Array;
}

function queryCall(sent: SentForm, { tooLarge }: CallRequest, addresses: Addresses): Call {
  const bytes = tooLarge ? NOTHING : sent.bytes();
  const [action = '', version = NO_VERSION] = findParameters(bytes, 'Action', 'Version');
  const { service, protocol = unknownQuery } = addresses.get(version) ?? {};
  const quote = (text: string) => text.slice(0, LONGEST_QUOTED_NAME);
  return {
    protocol,
    method: sent.method,
    service,
    operation: service?.operations.get(action),
    unknown: `Could not find operation ${quote(action)} for version ${quote(version)}`,
    readInput: (shape) => formAsJson(parseForm(bytes), shape),
  };
}

function formOf(request: CallRequest): SentForm | undefined {
  const { method, target, xAmzTarget, contentType } = request;
  if (xAmzTarget !== '') return undefined;
  if (method === 'GET') {
    return ACTION_IN_QUERY.test(target) ? { method, bytes: () => Buffer.from(target.slice(2), 'latin1') } : undefined;
  }
  if (!contentType.startsWith('application/x-www-form-urlencoded')) return undefined;
  return { method: 'POST', bytes: () => decodedBody(request) };
}

/** Any other GET request is no call of an operation. */
const ACTION_IN_QUERY = /^\/\?(?:.*&)?Action=/;
