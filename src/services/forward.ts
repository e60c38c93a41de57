import type { AuditTrail } from '../audit/audit-trail.ts';
import { invariant } from '../runtime/errors.ts';
import type { Random } from '../runtime/random.ts';
import { parseJsonBody, serialise } from '../wire/aws-json.ts';
import { errorResponse } from '../wire/error-response.ts';
import { recordAttempt } from './attempt-records.ts';
import { type Attempt, refusedAttempt } from './audit-record.ts';
import type { Scope } from './caller.ts';
import type { Operation } from './operation.ts';
import { perform, type Service } from './perform.ts';
import { servicePrincipal } from './service-names.ts';

/**
 * How a service of this server asks another on behalf of its caller: what AWS calls a forward access session. The request
 * takes the way that requests from outside take after authentication: validation, lookup, authorization of the *caller*,
 * usage, state, handler, audit. What it knows besides is the service it comes through, which policies read as
 * `kms:ViaService` and `aws:CalledVia`, and CloudTrail shows as `invokedBy`.
 *
 * So does S3 encrypt an object under SSE-KMS: having authorized `s3:PutObject`, it names the key, which is the one of the
 * request or `serviceKeys.managed('alias/aws/s3', …)`, and asks for a data key in the name of whoever puts the object:
 *
 *     const { Plaintext, CiphertextBlob } = await forward(generateDataKey, { KeyId, KeySpec: 'AES_256', EncryptionContext }, scope, 's3');
 *
 * INVARIANT: not within a transaction, for the operation may need one of its own, which would wait for the first for ever.
 *
 * @param scope the caller's request to the service
 * @param viaService the service as `kms:ViaService` knows it; `ec2` for EBS
 * @throws whatever a caller would be refused with; it is recorded, and the service's to translate
 */
export type Forward = <Request extends object, Response, Targets, Ports, Prepared>(
  operation: Operation<Request, Response, Targets, Ports, Prepared>,
  request: Request,
  scope: Scope,
  viaService: string,
) => Promise<Response>;

/** @param service the one that is asked */
export function forwarder(service: Service, audit: AuditTrail, random: Random): Forward {
  return async <Request extends object, Response, Targets, Ports, Prepared>(
    operation: Operation<Request, Response, Targets, Ports, Prepared>,
    request: Request,
    scope: Scope,
    viaService: string,
  ) => {
    invariant(service.operations.get(operation.name) === operation, 'the operation is one of the service');
    const principal = servicePrincipal(viaService);
    const attempt: Attempt = {
      requestId: random.uuid(),
      eventId: random.uuid(),
      nowMs: scope.nowMs,
      sourceIp: principal,
      userAgent: principal,
      host: '',
      service,
      operation,
      identity: { ...scope.caller.auditIdentity, invokedBy: principal },
      region: scope.region,
      touched: [],
    };
    try {
      // Through JSON, as what comes from outside is: a service passes on what its own caller wrote, such as a key's id.
      const input = operation.input.parse(parseJsonBody(Buffer.from(serialise(request), 'utf8')));
      attempt.input = input;
      operation.validate?.(input);
      const forwarded = { ...scope, userAgent: principal, viaService };
      await perform(service, operation, input, forwarded, attempt.touched, (output, targets, consequences) => {
        attempt.output = output;
        attempt.targets = targets;
        attempt.consequences = consequences;
        return recordAttempt(attempt, audit, random);
      });
      service.succeeded?.(operation, attempt);
      return attempt.output as Response;
    } catch (error) {
      await recordAttempt(refusedAttempt(attempt, errorResponse(error), error, random.uuid()), audit, random);
      throw error;
    }
  };
}
