import type { AuditResource, DataResource } from '../audit/record.ts';
import type { GrantNaming, Policy } from '../authorization/index.ts';
import type { MaybePromise } from '../runtime/maybe-promise.ts';
import type { Transaction } from '../store/sealed-store.ts';
import type { Input, Structure } from '../wire/shapes.ts';
import type { Caller, Scope } from './caller.ts';

/**
 * An operation is declared once. From its declaration come input validation, lookup, authorization, usage and state checks,
 * DryRun, the transaction, the audit record and the coverage table (`perform.ts`, `audit-record.ts`); a handler repeats
 * none of it and so cannot forget it.
 *
 * `Request` and `Response` are the AWS SDK's own types. `Targets` are what the operation works on, by name, as the handler
 * gets them: resolved, authorized and checked. `Ports` are what the service's targets and handlers may reach. `Prepared` is
 * what a change makes ready before its transaction begins.
 */
export type Operation<Request extends object, Response, Targets, Ports, Prepared = undefined> =
  | (Declaration<Request, Response, Targets, Ports> & {
      readonly effect: 'read';
      readonly handle: (request: HandlerRequest<Input<Request>, Targets, Ports>) => Promise<Response> | Response;
    })
  | (Declaration<Request, Response, Targets, Ports> & {
      /** Runs in one transaction, from lookup to the end: what it throws undoes everything. */
      readonly effect: 'change';
      /**
       * Does what is slow, such as making an RSA key, before the transaction begins: while one runs, all other changes wait.
       * The caller has been authorized by then, and is again within the transaction.
       */
      readonly prepare?: (request: HandlerRequest<Input<Request>, Targets, Ports>) => Promise<Prepared>;
      readonly handle: (
        request: HandlerRequest<Input<Request>, Targets, Ports> & {
          readonly transaction: Transaction;
          readonly prepared: Prepared;
          /** Gets what the change brings about besides, which is recorded with it. */
          readonly consequences: Consequence[];
        },
      ) => Promise<Response>;
    });

interface Declaration<Request extends object, Response, Targets, Ports> {
  /** AWS's name: `GenerateDataKey`. */
  readonly name: string;
  /** Its handler refuses whatever is asked with UnsupportedOperationException: for now, only the way there is AWS's. */
  readonly notYet?: true;
  readonly input: Structure<Request>;
  /**
   * Of operations that callers do not sign: who is asking, by what the request carries, such as the token of an OpenID
   * provider. Throws, or rejects, where that is not to be believed.
   */
  readonly identify?: (input: Input<Request>, ports: Ports, request: Omit<Scope, 'caller'>) => Promise<Caller>;
  /** What no single member's constraint can say, checked before anything is looked up. */
  readonly validate?: (input: Input<Request>) => void;
  /** In the order in which AWS checks them. There is at least one, so that nothing goes without authorization. */
  readonly targets: { readonly [Name in keyof Targets]: Target<Input<Request>, Targets[Name], Ports> };
  readonly audit: AuditDeclaration<Request, Response, Targets>;
}

/** A request that has succeeded, by what its audit record says of it. */
export interface Success {
  readonly requestId: string;
  readonly eventId: string;
  readonly nowMs: number;
  /** What it was about. */
  readonly touched: readonly AuditResource[];
}

/** One request more of a quota on requests. */
export interface RequestCharge {
  /** AWS's name of it, without what all of them end in: `CreateKey`, `Cryptographic operations (RSA)`. */
  readonly quota: string;
  /** Absent where it is the Region that the request is about. */
  readonly region?: string;
}

export interface HandlerRequest<Input, Targets, Ports> {
  readonly input: Input;
  readonly targets: Targets;
  readonly scope: Scope;
  readonly ports: Ports;
}

/** What an audit record shows. Members not named are left out, so a new secret member is never shown by default. */
export interface AuditDeclaration<Request extends object, Response, Targets> {
  /** CloudTrail's `readOnly`: AWS counts cryptographic operations as read-only. */
  readonly readOnly: boolean;
  /** It is a data event of CloudTrail's, about a thing of this kind. All others are management events. */
  readonly dataOf?: DataResource['type'];
  readonly request: readonly (keyof Request & string)[];
  /** Of members that CloudTrail shows a part of: that part. */
  readonly parts?: { readonly [Name in keyof Request]?: (value: NonNullable<Request[Name]>) => unknown };
  /** What CloudTrail shows of members that a request left out, and to which AWS gives a value. */
  readonly implied?: { readonly [Name in keyof Request]?: string | boolean };
  /** What CloudTrail shows among the parameters though no member of the request says it, as it spells it. */
  readonly inferred?: (targets: Targets) => object;
  /** CloudTrail shows the response of operations that change something; null for the others. */
  readonly response?: (output: Response, targets: Targets) => object | null;
  /** What the operation has made, and the record lists among the resources. */
  readonly made?: (output: Response) => AuditResource;
  /** What neither request nor response shows: CloudTrail's `additionalEventData`. */
  readonly additional?: (success: AuditedSuccess<Request, Response, Targets>) => object | undefined;
}

/** A request that has succeeded, as its declaration looks at it to tell what its record shows. */
export interface AuditedSuccess<Request extends object, Response, Targets> {
  readonly input: Input<Request>;
  readonly output: Response;
  readonly targets: Targets;
}

/**
 * What happens because of a change, or by itself, and is an event of its own in CloudTrail. Like the change it is recorded
 * before the commit.
 */
export interface Consequence {
  /** AWS's name: `RotateKey`, `DeleteKey`, `SynchronizeMultiRegionKey`. */
  readonly eventName: string;
  readonly accountId: string;
  readonly region: string;
  readonly resources: readonly AuditResource[];
  /** Of an event that no API call stands for (`AwsServiceEvent`): CloudTrail's `serviceEventDetails`. */
  readonly details?: object;
  /** Of one that the caller is taken to have made through KMS: its parameters, as CloudTrail shows them. */
  readonly forCaller?: { readonly requestParameters: object; readonly responseElements: object | null };
}

/** One thing an operation works on, from its name in the input to the thing itself, authorized and checked. */
export interface Target<Input, Resolved, Ports> {
  /** The action that policies must allow: `kms:Encrypt`. */
  readonly permission: string;
  /** AWS lets everyone who has credentials do it, whatever policies say: GetCallerIdentity and its like. */
  readonly needsNoPermission?: true;
  /**
   * It is a list, of which each is authorized and checked by itself: `facts`, `condition`, `denial` and `check` get one of
   * them. There is at least one. See {@link eachOf}.
   */
  readonly isList?: true;
  /** Whether the request is about it at all; a target without this always is. */
  readonly applies?: (input: Input, scope: Scope) => boolean;
  /** Finds it. Throws, or rejects with, NotFoundException and its like; says nothing about who may use it. */
  readonly resolve: (input: Input, ports: Ports, scope: Scope) => MaybePromise<Resolved>;
  /** What the policy engine needs to know of it. */
  readonly facts: (resolved: Resolved, scope: Scope) => AuthorizationFacts;
  /** The values of the condition keys that this target knows; `key` is in lower case. */
  readonly condition: (key: string, request: ConditionRequest<Input, Resolved>) => readonly string[] | undefined;
  /** What a refused caller is told instead of the policy engine's own explanation. */
  readonly denial?: (resolved: Resolved, scope: Scope) => string | undefined;
  /**
   * Whether a grant allows what policies neither allow nor deny explicitly; only then it is asked, so that requests which
   * policies allow pay nothing for grants.
   */
  readonly grantAllows?: (request: GrantQuestion<Input, Resolved>, ports: Ports) => MaybePromise<boolean>;
  /** Usage, then state. Throws InvalidKeyUsageException, DisabledException, KMSInvalidStateException. */
  readonly check?: (resolved: Resolved, input: Input, scope: Scope) => void;
  readonly summary: TargetSummary;
}

/** Several things of one kind, such as the alarms that DeleteAlarms names: the caller must be allowed each of them. */
export function eachOf<Input, Resolved, Ports>(
  one: Omit<Target<Input, Resolved, Ports>, 'resolve' | 'grantAllows'>,
  resolve: (input: Input, ports: Ports, scope: Scope) => MaybePromise<readonly Resolved[]>,
): Target<Input, readonly Resolved[], Ports> {
  return { ...(one as unknown as Target<Input, readonly Resolved[], Ports>), resolve, isList: true };
}

/** The declaration of a target once more, as data that people read: the coverage table is made from it. */
export interface TargetSummary {
  /** What names it in the request; `account` if nothing does. */
  readonly namedBy: string;
  readonly crossAccount: boolean;
  /** Empty where no state matters. */
  readonly states: readonly string[];
  readonly usage?: string;
  /** AWS's names of the condition keys that it has besides the global ones. */
  readonly conditionKeys: readonly string[];
}

export interface ConditionRequest<Input, Resolved> {
  readonly input: Input;
  readonly resolved: Resolved;
  /** All targets of the operation, for conditions that compare them. */
  readonly all: Readonly<Record<string, unknown>>;
  readonly scope: Scope;
}

/**
 * Whether a grant counts that would allow the request and names the caller so: no policy denies, and those of the caller's own
 * policies that limit such a grant allow.
 */
export type GrantCounts = (naming: GrantNaming) => boolean;

export interface GrantQuestion<Input, Resolved> extends ConditionRequest<Input, Resolved> {
  readonly grantCounts: GrantCounts;
}

export interface AuthorizationFacts {
  readonly arn: string;
  /** What refusals call it, where that is not its ARN; empty where they name nothing. */
  readonly shownAs?: string;
  readonly accountId: string;
  /** Absent for what has no resource policy of its own: the account, an alias. */
  readonly resourcePolicy?: Policy;
  /** Refused whatever policies say: what does not exist, or an operation that nobody else can call. */
  readonly unreachable?: boolean;
  /** How the audit record lists it, if it does. */
  readonly audit?: AuditResource;
}
