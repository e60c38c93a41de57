import type { Logger } from 'pino';
import type { AuditTrail } from '../audit/audit-trail.ts';
import type { Clock } from '../runtime/clock.ts';
import { KeyholdError } from '../runtime/errors.ts';
import type { Random } from '../runtime/random.ts';
import { type Attempt, auditRecordJson, refusedAttempt } from '../services/audit-record.ts';
import type { Scope } from '../services/caller.ts';
import { perform, type Service } from '../services/perform.ts';
import { parseJsonBody, serialise } from '../wire/aws-json.ts';
import { type ErrorResponse, errorResponse } from '../wire/error-response.ts';
import type { SignedRequest } from '../wire/sigv4/signed-request.ts';
import type { Authenticator } from './authenticate.ts';
import type { Throttle } from './request-limiter.ts';

/** A request as the listener hands it over: its bytes, and what the connection says of it. */
export interface ServerRequest extends SignedRequest {
  readonly xAmzTarget: string;
  /** The body was longer than any may be, and is not in `body`. */
  readonly tooLarge: boolean;
  readonly userAgent: string;
  readonly host: string;
  readonly sourceIp: string;
  readonly tls?: { readonly version: string; readonly cipher: string };
}

export interface ServerResponse {
  readonly status: number;
  readonly body: string;
  readonly requestId: string;
  /** The exception's name, for `x-amzn-errortype`. */
  readonly errorType?: string;
}

export interface DispatchDependencies {
  readonly services: readonly Service[];
  readonly authenticate: Authenticator;
  /** Absent where requests are not limited. */
  readonly throttle?: Throttle;
  readonly audit: AuditTrail;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

/**
 * A request's way: operation → authentication → validation → quotas → `perform` → audit → answer. No result is answered,
 * no change commits and no refusal is explained before its audit record has been written; where it cannot be, the answer is
 * that of an internal fault.
 */
export function dispatcher(dependencies: DispatchDependencies): (request: ServerRequest) => Promise<ServerResponse> {
  const { audit, clock, random, log, throttle } = dependencies;
  const services = new Map(dependencies.services.map((service) => [service.targetPrefix, service]));

  /** Does what is asked and gives the body of the answer, once the audit record is written. */
  async function answer(request: ServerRequest, attempt: Attempt): Promise<string> {
    const { service, operation } = find(request, attempt);
    if (request.tooLarge) throw new KeyholdError('RequestEntityTooLargeException', 'The request is too large.');
    const { caller, region } = await dependencies.authenticate(request, service.name, attempt.nowMs);
    attempt.identity = caller.auditIdentity;
    attempt.region = region;
    const scope: Scope = {
      caller,
      region,
      nowMs: attempt.nowMs,
      sourceIp: request.sourceIp,
      secureTransport: request.tls !== undefined,
      userAgent: request.userAgent,
    };
    const input = operation.input.parse(parseJsonBody(request.body)) as object;
    attempt.input = input;
    operation.validate?.(input);
    // AWS turns away what "might otherwise be valid" ("Throttling AWS KMS requests", developer guide). Whether that is before
    // it looks at policies is not documented; here it is before anything that costs, also for who is then not allowed. What
    // is turned away leaves a record like any other refusal.
    throttle?.(service, operation, input, scope);
    let body = '';
    await perform(service, operation, input, scope, attempt.touched, (output, targets) => {
      attempt.output = output;
      attempt.targets = targets;
      if (output !== undefined) body = serialise(output);
      return audit.append(auditRecordJson(attempt));
    });
    service.succeeded?.(operation, attempt);
    return body;
  }

  function find(request: ServerRequest, attempt: Attempt) {
    const dot = request.xAmzTarget.indexOf('.');
    const service = services.get(request.xAmzTarget.slice(0, Math.max(dot, 0)));
    const operation = service?.operations.get(request.xAmzTarget.slice(dot + 1));
    if (service !== undefined) attempt.service = service;
    if (operation !== undefined) attempt.operation = operation;
    if (request.method !== 'POST' || service === undefined || operation === undefined) {
      throw new KeyholdError('UnknownOperationException');
    }
    return { service, operation };
  }

  async function recordRefusal(error: unknown, attempt: Attempt): Promise<ErrorResponse> {
    const refused = refusal(error, attempt);
    try {
      await audit.append(auditRecordJson(refusedAttempt(attempt, refused, error, random.uuid())));
      return refused;
    } catch (unrecorded) {
      return refusal(unrecorded, attempt);
    }
  }

  function refusal(error: unknown, attempt: Attempt): ErrorResponse {
    const response = errorResponse(error);
    if (response.status >= 500) {
      log.error({ err: error, requestId: attempt.requestId, operation: attempt.operation?.name }, 'request failed');
    }
    return response;
  }

  return async (request) => {
    const attempt: Attempt = {
      requestId: random.uuid(),
      eventId: random.uuid(),
      nowMs: clock.now(),
      sourceIp: request.sourceIp,
      userAgent: request.userAgent,
      host: request.host,
      touched: [],
      ...(request.tls === undefined ? undefined : { tls: request.tls }),
    };
    const { requestId } = attempt;
    try {
      return { status: 200, body: await answer(request, attempt), requestId };
    } catch (error) {
      const { status, type, body } = await recordRefusal(error, attempt);
      return { status, body, requestId, errorType: type };
    }
  };
}
