import type { AuditResource } from '../audit/record.ts';
import {
  type ConditionContext,
  type DenyReason,
  decide,
  decideByGrant,
  denialMessage,
  type GrantNaming,
  leavesRoomForGrants,
} from '../authorization/index.ts';
import { invariant, KeyholdError } from '../runtime/errors.ts';
import type { MaybePromise } from '../runtime/maybe-promise.ts';
import type { Store, Transaction } from '../store/sealed-store.ts';
import type { Protocol } from '../wire/protocol.ts';
import type { Scope } from './caller.ts';
import { globalCondition } from './global-conditions.ts';
import type {
  AuthorizationFacts,
  ConditionRequest,
  Consequence,
  HandlerRequest,
  Operation,
  RequestCharge,
  Success,
  Target,
} from './operation.ts';
import { policiesOf } from './policies-of.ts';

/** An operation of any service, with its types forgotten: what tables of operations hold. */
// biome-ignore lint/suspicious/noExplicitAny: the types are the declaration's own; here every one of them must fit
export type AnyOperation = Operation<any, any, any, any, any>;

/** One protocol of a service. */
export interface Spoken {
  readonly protocol: Protocol;
  /**
   * What names the service in a request: `X-Amz-Target` up to its last full stop, `Version` in the Query protocol, or the
   * path's second step in Smithy RPC v2 CBOR.
   */
  readonly address: string;
}

/** A service as the dispatcher knows it. */
export interface Service {
  /** As in permissions and, but for `signingName`, in credential scopes: `kms`. */
  readonly name: string;
  /** As in credential scopes, where that is another name: `monitoring` of CloudWatch. */
  readonly signingName?: string;
  /** The protocols that it speaks, each with what names the service there. */
  readonly spoken: readonly Spoken[];
  /** As CloudTrail names it: `kms.amazonaws.com`. */
  readonly eventSource: string;
  readonly operations: ReadonlyMap<string, AnyOperation>;
  /** What targets and handlers may reach; in a change, all of it through the transaction. */
  readonly ports: (transaction?: Transaction) => unknown;
  readonly store: Store;
  /** Told of each request that has succeeded and been recorded. It is quick, and does not throw. */
  readonly succeeded?: (operation: AnyOperation, success: Success) => void;
  /** What a validated request counts against, where requests are limited; a service without this is not limited. */
  readonly requestCharges?: (operation: string, input: object) => readonly RequestCharge[];
}

const NONE: readonly Consequence[] = [];

/**
 * Performs one operation on validated input: finds what it works on, authorizes the caller for each of them, checks their
 * usage and state, and only then calls the handler. This is the one place where authorization happens.
 *
 * @param touched gets the resources that were found, for the audit record, also when the request is then refused
 * @param record writes the audit record of what has been done. For a change it is called before the commit, and undoes the
 *   change if it fails: a change may have a record and yet not have happened, if the commit then fails (a second record
 *   says so), but none happens without a record. Its consequences are recorded with it.
 */
export async function perform(
  service: Service,
  operation: AnyOperation,
  input: object,
  scope: Scope,
  touched: AuditResource[],
  record: (
    output: object | undefined,
    targets: Readonly<Record<string, unknown>>,
    consequences: readonly Consequence[],
  ) => Promise<void>,
): Promise<void> {
  if (operation.effect === 'read') {
    const ports = service.ports();
    const targets = await resolveAndAuthorize(operation, input, scope, ports, touched);
    const output = await operation.handle({ input, targets, scope, ports });
    refuseDryRun(input);
    await record(output, targets, NONE);
    return;
  }
  const prepared = operation.prepare && (await prepare(service, operation.prepare, operation, input, scope, touched));
  await service.store.transact(async (transaction) => {
    const ports = service.ports(transaction);
    const targets = await resolveAndAuthorize(operation, input, scope, ports, touched);
    const consequences: Consequence[] = [];
    const output = await operation.handle({ input, targets, scope, ports, transaction, prepared, consequences });
    refuseDryRun(input);
    await record(output, targets, consequences);
  });
}

/**
 * For those alone who may: nobody else shall make the server work hard. What it finds is `touched` if it is refused, and
 * otherwise found again within the transaction.
 */
async function prepare(
  service: Service,
  work: (request: HandlerRequest<object, Record<string, unknown>, unknown>) => Promise<unknown>,
  operation: AnyOperation,
  input: object,
  scope: Scope,
  touched: AuditResource[],
): Promise<unknown> {
  const ports = service.ports();
  const targets = await resolveAndAuthorize(operation, input, scope, ports, touched);
  const prepared = await work({ input, targets, scope, ports });
  touched.length = 0;
  return prepared;
}

async function resolveAndAuthorize(
  operation: AnyOperation,
  input: object,
  scope: Scope,
  ports: unknown,
  touched: AuditResource[],
): Promise<Record<string, unknown>> {
  const declared = operation.targets as Readonly<Record<string, Target<object, unknown, unknown>>>;
  const resolved: Record<string, unknown> = {};
  const names = Object.keys(declared).filter((name) => declared[name]?.applies?.(input, scope) ?? true);
  invariant(names.length > 0, 'an operation declares what it works on, or nothing would authorize it');
  for (const name of names) {
    const found = declared[name]?.resolve(input, ports, scope);
    resolved[name] = found instanceof Promise ? await found : found;
  }
  for (const name of names) {
    const target = declared[name] as Target<object, unknown, unknown>;
    if (target.needsNoPermission === true) continue;
    for (const thing of thingsOf(target, resolved[name])) {
      // Not awaited where policies decide, as they do nearly always: a promise would cost as much as the decision.
      const byGrant = authorize(target, { input, resolved: thing, all: resolved, scope }, ports, touched);
      if (byGrant !== undefined) await byGrant;
    }
  }
  for (const name of names) {
    const target = declared[name] as Target<object, unknown, unknown>;
    if (target.check === undefined) continue;
    for (const thing of thingsOf(target, resolved[name])) target.check(thing, input, scope);
  }
  return resolved;
}

/** What is authorized and checked by itself: what the target found, or each of it. */
export function thingsOf(
  { isList }: Pick<Target<never, never, never>, 'isList'>,
  resolved: unknown,
): readonly unknown[] {
  if (isList !== true) return [resolved];
  const things = resolved as readonly unknown[];
  invariant(
    things.length > 0,
    'a target that is a list has at least one thing, or nothing would authorize the request',
  );
  return things;
}

/** Why authorization refused a request: for who counts refusals, not for the caller. */
export interface Refusal {
  /** `out-of-reach` for what policies allow and yet nobody can do: what does not exist, or is a service's alone. */
  readonly reason: DenyReason | 'out-of-reach';
  /** Whether a grant could have allowed it, and none did. */
  readonly grantsAsked: boolean;
}

/** The reason of an AccessDeniedException; undefined if it was not a decision on policies that came to it. */
export function refusalOf({ cause }: KeyholdError): Refusal | undefined {
  return typeof cause === 'object' && cause !== null && 'grantsAsked' in cause ? (cause as Refusal) : undefined;
}

/** Throws, or rejects with, AccessDeniedException. Gives a promise only where it takes a grant to allow the request. */
function authorize(
  target: Target<object, unknown, unknown>,
  about: ConditionRequest<object, unknown>,
  ports: unknown,
  touched: AuditResource[],
): Promise<void> | undefined {
  const { resolved, scope } = about;
  const { caller } = scope;
  const facts: AuthorizationFacts = target.facts(resolved, scope);
  if (facts.audit !== undefined) touched.push(facts.audit);
  const request = {
    principal: caller.principal,
    action: target.permission,
    resource: facts.arn,
    context: conditionContext(target, about, facts),
  };
  const policies = policiesOf(caller, facts.accountId, facts.resourcePolicy);
  const decision = decide(request, policies);
  if (decision.allowed && facts.unreachable !== true) return undefined;
  const shown = { ...request, resource: facts.shownAs ?? facts.arn };
  const message =
    target.denial?.(resolved, scope) ?? (decision.allowed ? undefined : denialMessage(shown, decision)) ?? '';
  // INVARIANT: no grant overrides an explicit deny, or reaches what does not exist.
  const grantable = !decision.allowed && leavesRoomForGrants(decision) && facts.unreachable !== true;
  const grantAllows = grantable ? target.grantAllows : undefined;
  const cause: Refusal = {
    reason: decision.allowed ? 'out-of-reach' : decision.reason,
    grantsAsked: grantAllows !== undefined,
  };
  const refusal = new KeyholdError('AccessDeniedException', message, { cause });
  if (grantAllows === undefined) throw refusal;
  const grantCounts = (naming: GrantNaming) => decideByGrant(request, policies, naming).allowed;
  return allowByGrant(grantAllows({ ...about, grantCounts }, ports), refusal);
}

async function allowByGrant(allowed: MaybePromise<boolean>, refusal: KeyholdError): Promise<void> {
  if (!(await allowed)) throw refusal;
}

function conditionContext(
  target: Target<object, unknown, unknown>,
  about: ConditionRequest<object, unknown>,
  { accountId }: AuthorizationFacts,
): ConditionContext {
  return {
    get: (key) =>
      target.condition(key, about) ?? (key === 'aws:resourceaccount' ? [accountId] : globalCondition(key, about.scope)),
  };
}

/** AWS answers a dry run that would have succeeded with an exception; in a change, throwing it undoes the change. */
function refuseDryRun(input: object): void {
  if ((input as { DryRun?: boolean }).DryRun === true) {
    throw new KeyholdError(
      'DryRunOperationException',
      'The request would have succeeded, but the DryRun option is set.',
    );
  }
}
