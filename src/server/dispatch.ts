import type { Logger } from 'pino';
import type { AuditTrail } from '../audit/audit-trail.ts';
import { type Clock, monotonicMs } from '../runtime/clock.ts';
import { type AwsErrorCode, KeyholdError } from '../runtime/errors.ts';
import type { Random } from '../runtime/random.ts';
import { recordAttempt } from '../services/attempt-records.ts';
import { type Attempt, refusedAttempt } from '../services/audit-record.ts';
import type { Caller, Scope } from '../services/caller.ts';
import { type AnyOperation, perform, type Service } from '../services/perform.ts';
import type { ErrorResponse } from '../wire/failure.ts';
import type { Protocol } from '../wire/protocol.ts';
import type { SignedRequest } from '../wire/sigv4/signed-request.ts';
import { readTraceParent } from '../wire/traceparent.ts';
import type { Authenticator } from './authenticate.ts';
import { type Call, callFinder, protocolOf } from './find-call.ts';
import type { Answered } from './metrics/worker-metrics.ts';
import type { Throttle } from './request-limiter.ts';
import type { Tracing } from './tracing.ts';

/** A request as the listener hands it over: its bytes, and what the connection says of it. */
export interface ServerRequest extends SignedRequest {
  readonly xAmzTarget: string;
  /** Read only where there is no `X-Amz-Target`. */
  readonly contentType: string;
  /** The body was longer than any may be, and is not in `body`. */
  readonly tooLarge: boolean;
  readonly userAgent: string;
  /** The header of W3C Trace Context; empty where there is none. */
  readonly traceParent: string;
  readonly host: string;
  readonly sourceIp: string;
  readonly tls?: { readonly version: string; readonly cipher: string };
}

export interface ServerResponse {
  readonly status: number;
  readonly body: string | Uint8Array;
  readonly requestId: string;
  /** Empty where there is none. */
  readonly contentType: string;
  /** The exception's name, for `x-amzn-errortype`. */
  readonly errorType?: string;
  /** Others, as names and values in turn. */
  readonly headers?: readonly string[];
}

export interface DispatchDependencies {
  readonly services: readonly Service[];
  readonly authenticate: Authenticator;
  /**
   * Told of each signed request whose signature holds, also where it is then refused: AWS counts that as a use of the access
   * key. It is quick, and does not throw.
   */
  readonly authenticated?: (caller: Caller, service: string, region: string, nowMs: number) => void;
  /** Absent where requests are not limited. */
  readonly throttle?: Throttle;
  /** Absent where nobody collects spans. */
  readonly tracing?: Tracing;
  /** Told of each request when its answer is ready. It is quick, and does not throw. */
  readonly answered?: (request: Answered) => void;
  readonly audit: AuditTrail;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

/** What logs name a request by besides its own id. */
interface Traced {
  readonly traceId?: string;
}

/** AWS's global endpoint of STS, where requests without a signature go, is in this one. */
const REGION_OF_UNSIGNED_REQUESTS = 'us-east-1';

/**
 * A request's way: operation → authentication → validation → quotas → `perform` → audit → answer. No result is answered,
 * no change commits and no refusal is explained before its audit record has been written; where it cannot be, the answer is
 * that of an internal fault.
 */
export function dispatcher(dependencies: DispatchDependencies): (request: ServerRequest) => Promise<ServerResponse> {
  const { audit, clock, random, log, throttle } = dependencies;
  const findCall = callFinder(dependencies.services);
  const tellsRequests = log.isLevelEnabled('debug');

  /** Does what is asked and gives the body of the answer, once the audit record is written. */
  async function answer(call: Call, request: ServerRequest, attempt: Attempt): Promise<string | Uint8Array> {
    const { protocol, service, operation } = call;
    if (service !== undefined) attempt.service = service;
    if (operation !== undefined) attempt.operation = operation;
    if (request.method !== call.method || service === undefined || operation === undefined) {
      throw new KeyholdError('UnknownOperationException', call.unknown);
    }
    if (request.tooLarge) throw new KeyholdError('RequestEntityTooLargeException', 'The request is too large.');
    const { scope, input } = await authenticateAndRead(service, operation, call, request, attempt);
    // AWS turns away what "might otherwise be valid" ("Throttling AWS KMS requests", developer guide). Whether that is before
    // it looks at policies is not documented; here it is before anything that costs, also for who is then not allowed. What
    // is turned away leaves a record like any other refusal.
    throttle?.(service, operation, input, scope);
    let body: string | Uint8Array = '';
    await perform(service, operation, input, scope, attempt.touched, (output, targets, consequences) => {
      attempt.output = output;
      attempt.targets = targets;
      attempt.consequences = consequences;
      body = protocol.writeOutput(operation.name, output, attempt.requestId);
      return recordAttempt(attempt, audit, random);
    });
    service.succeeded?.(operation, attempt);
    return body;
  }

  /** Who is asking for what. The input of a signed request is not looked at before its signature. */
  async function authenticateAndRead(
    service: Service,
    operation: AnyOperation,
    call: Call,
    request: ServerRequest,
    attempt: Attempt,
  ): Promise<{ scope: Scope; input: object }> {
    const facts = {
      nowMs: attempt.nowMs,
      sourceIp: request.sourceIp,
      secureTransport: request.tls !== undefined,
      userAgent: request.userAgent,
    };
    if (operation.identify !== undefined) {
      const input = readInput(operation, call, attempt);
      const unsigned = { ...facts, region: REGION_OF_UNSIGNED_REQUESTS };
      attempt.region = unsigned.region;
      const caller: Caller = await operation.identify(input, service.ports(), unsigned);
      attempt.identity = caller.auditIdentity;
      return { scope: { ...unsigned, caller }, input };
    }
    const { name, signingName = name } = service;
    const { caller, region } = await dependencies.authenticate(request, signingName, attempt.nowMs);
    attempt.identity = caller.auditIdentity;
    attempt.region = region;
    dependencies.authenticated?.(caller, signingName, region, attempt.nowMs);
    return { scope: { ...facts, caller, region }, input: readInput(operation, call, attempt) };
  }

  function readInput(operation: AnyOperation, call: Call, attempt: Attempt): object {
    const input = operation.input.parse(call.readInput(operation.input.description)) as object;
    attempt.input = input;
    operation.validate?.(input);
    return input;
  }

  async function recordRefusal(error: unknown, attempt: Attempt & Traced, protocol: Protocol): Promise<ErrorResponse> {
    const refused = refusal(error, attempt, protocol);
    try {
      await recordAttempt(refusedAttempt(attempt, refused, error, random.uuid()), audit, random);
      return refused;
    } catch (unrecorded) {
      return refusal(unrecorded, attempt, protocol);
    }
  }

  function refusal(error: unknown, attempt: Attempt & Traced, protocol: Protocol): ErrorResponse {
    const response = protocol.writeError(error, attempt.requestId);
    if (response.status >= 500) {
      const { requestId, operation, traceId } = attempt;
      log.error({ err: error, requestId, traceId, operation: operation?.name }, 'request failed');
    }
    return response;
  }

  return async (request) => {
    const startMs = monotonicMs();
    const parent = readTraceParent(request.traceParent);
    const finishSpan = dependencies.tracing?.begin(parent);
    const attempt: Attempt & Traced = {
      requestId: random.uuid(),
      eventId: random.uuid(),
      nowMs: clock.now(),
      sourceIp: request.sourceIp,
      userAgent: request.userAgent,
      host: request.host,
      touched: [],
      ...(request.tls === undefined ? undefined : { tls: request.tls }),
      ...(parent === undefined ? undefined : { traceId: parent.traceId }),
    };
    const { requestId } = attempt;
    let protocol = protocolOf(request);
    let call: Call | undefined;
    const tell = (status: number, code?: AwsErrorCode, error?: unknown) => {
      const seconds = (monotonicMs() - startMs) / 1000;
      const [service, operation] = [call?.service?.name, call?.operation];
      dependencies.answered?.({ service, operation, accountId: attempt.identity?.accountId, code, error, seconds });
      finishSpan?.({ service, operation: operation?.name, requestId, status, code });
      if (!tellsRequests) return;
      const { traceId } = attempt;
      log.debug({ requestId, traceId, service, operation: operation?.name, status, code, seconds }, 'request');
    };
    try {
      call = findCall(request);
      protocol = call.protocol;
      const body = await answer(call, request, attempt);
      tell(200);
      const { contentType, mark } = protocol;
      if (mark === undefined) return { status: 200, body, requestId, contentType };
      // What has no body has no type of it, in those protocols that say so.
      return { status: 200, body, requestId, contentType: body.length === 0 ? '' : contentType, headers: mark };
    } catch (error) {
      const refused = await recordRefusal(error, attempt, protocol);
      const { status, type, body } = refused;
      tell(status, type, error);
      const { contentType, errorTypeHeader } = protocol;
      const headers = [...(protocol.mark ?? [])];
      if (refused.queryError !== undefined) headers.push('x-amzn-query-error', refused.queryError);
      return { status, body, requestId, contentType, headers, ...(errorTypeHeader ? { errorType: type } : undefined) };
    }
  };
}
