import { MOST_AUDIT_SINKS, sinkKinds } from '../../config/audit-sink.ts';
import { type KeySpec, keySpecs } from '../../crypto/key-specs.ts';
import type { KeyRecord } from '../../keys/key.ts';
import type { KeyState } from '../../keys/lifecycle.ts';
import { type AwsErrorCode, awsErrorCodes } from '../../runtime/errors.ts';
import { cloudTrailOperations } from '../../services/cloudtrail/index.ts';
import { cloudWatchOperations } from '../../services/cloudwatch/index.ts';
import { iamOperations } from '../../services/iam/index.ts';
import { kmsOperations } from '../../services/kms/index.ts';
import type { AnyOperation, Refusal } from '../../services/perform.ts';
import { stsOperations } from '../../services/sts/index.ts';

/**
 * All that is counted, as families of series. The series of a family are numbered, and their labels follow from the number,
 * so that a figure is one cell of an array (`memory.ts`) until somebody asks for it (`exposition.ts`).
 *
 * INVARIANT: each label has its values from a closed set, none from a request. Accounts, the only ones that come as they
 * please, are `MOST_ACCOUNTS` at most.
 */
export interface Family {
  readonly name: string;
  readonly help: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  /** How many series there are. */
  readonly size: number;
  /** @param account the account that has a number, undefined for a number that none has yet */
  readonly labels: (series: number, account: (number: number) => string | undefined) => Labels | undefined;
  /** Shown even while it is zero: what alerts look at, for a series that begins with its first event has not risen by it. */
  readonly fromTheStart?: true;
  /** Upper bounds of a histogram's buckets, in seconds, but for the last, which has none. */
  readonly bounds?: readonly number[];
  /** What is shown of a figure that is not shown as it is; undefined, nothing. */
  readonly shown?: (value: number, nowMs: number) => number | undefined;
}

export type Labels = Readonly<Record<string, string>>;

/** Every service that the server has: a worker with another one does not start (`checkCounted`). */
const services: ReadonlyMap<string, ReadonlyMap<string, AnyOperation>> = new Map([
  ['kms', kmsOperations],
  ['iam', iamOperations],
  ['sts', stsOperations],
  ['cloudtrail', cloudTrailOperations],
  ['cloudwatch', cloudWatchOperations],
]);
/** Stands for every service, and every operation, that there is not. */
const UNKNOWN = 'unknown';
const serviceNames = [...services.keys(), UNKNOWN];

/** Requests by what they name: each operation, what is none of its service, and what is of no service. */
const requestRows: readonly { readonly service: string; readonly operation: string }[] = serviceNames.flatMap(
  (service) => [...(services.get(service)?.keys() ?? []), UNKNOWN].map((operation) => ({ service, operation })),
);
const rowsOfOperations: ReadonlyMap<AnyOperation, number> = new Map(
  requestRows.flatMap(({ service, operation }, row) => {
    const declared = services.get(service)?.get(operation);
    return declared === undefined ? [] : [[declared, row]];
  }),
);
const rowsOfTheUnknown: ReadonlyMap<string, number> = new Map(
  requestRows.flatMap(({ service, operation }, row) => (operation === UNKNOWN ? [[service, row]] : [])),
);

/** How a request ended: 0 for success, then the error codes in their order. */
const outcomes: readonly (AwsErrorCode | '')[] = ['', ...awsErrorCodes];
const outcomesOfErrors: ReadonlyMap<AwsErrorCode, number> = new Map(awsErrorCodes.map((code, at) => [code, at + 1]));

const resultClasses = ['success', 'client_error', 'throttled', 'denied', 'server_error'] as const;
type ResultClass = (typeof resultClasses)[number];

/** Of whom it is not known, or not to be believed, who they are. */
const authenticationErrors = [
  'ExpiredSessionToken',
  'ExpiredTokenException',
  'IDPRejectedClaimException',
  'IncompleteSignatureException',
  'InvalidIdentityTokenException',
  'InvalidSignatureException',
  'MissingAuthenticationTokenException',
  'UnrecognizedClientException',
] as const satisfies readonly AwsErrorCode[];

const resultsOfErrors: Partial<Record<AwsErrorCode, ResultClass>> = {
  AccessDeniedException: 'denied',
  ThrottlingException: 'throttled',
  KMSInternalException: 'server_error',
  KeyUnavailableException: 'server_error',
  ...Object.fromEntries(authenticationErrors.map((code) => [code, 'denied'])),
};
/** The class of each outcome, by its number. */
const resultsOfOutcomes: readonly number[] = outcomes.map((code) =>
  resultClasses.indexOf(code === '' ? 'success' : (resultsOfErrors[code] ?? 'client_error')),
);

/** Operations that take alike long: those that use a key, those that write, and the others. */
const operationClasses = ['cryptographic', 'change', 'read', UNKNOWN] as const;

function classOf(operation: AnyOperation | undefined): (typeof operationClasses)[number] {
  if (operation === undefined) return UNKNOWN;
  if (operation.effect === 'change') return 'change';
  const targets: readonly { readonly summary: { readonly usage?: string } }[] = Object.values(operation.targets);
  return targets.some(({ summary }) => summary.usage !== undefined) ? 'cryptographic' : 'read';
}

/** The class of the operation of each row. */
const classesOfRows: readonly number[] = requestRows.map(({ service, operation }) =>
  operationClasses.indexOf(classOf(services.get(service)?.get(operation))),
);
const servicesOfRows: readonly number[] = requestRows.map(({ service }) => serviceNames.indexOf(service));

/** Accounts that have series of their own; the requests of all others are counted together. */
export const MOST_ACCOUNTS = 1000;
const OTHER_ACCOUNTS = MOST_ACCOUNTS;
const NO_ACCOUNT = MOST_ACCOUNTS + 1;

/** `AccessDeniedException` that no decision came to has the reason `other`. */
const denyReasons = namesOf<Refusal['reason'] | 'other'>({
  'explicit-deny-in-resource-based-policy': true,
  'explicit-deny-in-identity-based-policy': true,
  'explicit-deny-in-permissions-boundary': true,
  'explicit-deny-in-session-policy': true,
  'no-resource-based-policy-allows': true,
  'no-identity-based-policy-allows': true,
  'no-permissions-boundary-allows': true,
  'no-session-policy-allows': true,
  'out-of-reach': true,
  other: true,
});
const grantAnswers = ['not-asked', 'none-allows'] as const;

export const cacheNames = ['keys', 'aliases', 'grants', 'credentials', 'sessions'] as const;
const looks = ['hit', 'miss'] as const;

const receiverKinds = ['webhook', 'sns', 'command', 'none'] as const;
export type ReceiverKind = Exclude<(typeof receiverKinds)[number], 'none'>;
const notificationOutcomes = ['delivered', 'failed', 'given_up', 'unknown'] as const;
export type NotificationOutcome = (typeof notificationOutcomes)[number];
export const trailFileKinds = ['log', 'digest'] as const;

const keyStates = namesOf<KeyState>({
  Enabled: true,
  Disabled: true,
  PendingDeletion: true,
  PendingReplicaDeletion: true,
  PendingImport: true,
  Unavailable: true,
  Creating: true,
  Updating: true,
});
const specNames = Object.keys(keySpecs) as KeySpec[];
const keyManagers: readonly KeyRecord['keyManager'][] = ['CUSTOMER', 'AWS'];

const sinkNumbers = Array.from({ length: MOST_AUDIT_SINKS }, (_, at) => String(at + 1));
const ofSinks = labelledTwice('sink', sinkNumbers, 'kind', sinkKinds);
/** Of counters that show the sinks there are from the start, by a first count that is none. */
const withoutTheFirst = (value: number): number | undefined => (value === 0 ? undefined : value - 1);

/** From a tenth of a millisecond, which is a symmetric operation, to the ten seconds of an RSA key on a busy machine. */
const REQUEST_SECONDS = [
  0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
];
const STEP_SECONDS = [0.0001, 0.0005, 0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 10];

export const families = {
  requests: {
    name: 'keyhold_requests_total',
    help: 'Requests answered, by operation, result and error code',
    type: 'counter',
    size: requestRows.length * outcomes.length,
    labels: (series) => {
      const outcome = series % outcomes.length;
      const row = requestRows[Math.floor(series / outcomes.length)];
      return {
        ...row,
        result: resultClasses[resultsOfOutcomes[outcome] as number] as string,
        error: outcomes[outcome] as string,
      };
    },
  },
  accountRequests: {
    name: 'keyhold_account_requests_total',
    help: `Requests answered, by the account of the caller: none if it was not authenticated, other beyond the first ${MOST_ACCOUNTS}`,
    type: 'counter',
    size: (MOST_ACCOUNTS + 2) * serviceNames.length * resultClasses.length,
    labels: (series, accountOf) => {
      const result = series % resultClasses.length;
      const service = Math.floor(series / resultClasses.length) % serviceNames.length;
      const number = Math.floor(series / (resultClasses.length * serviceNames.length));
      const account = number === OTHER_ACCOUNTS ? 'other' : number === NO_ACCOUNT ? 'none' : accountOf(number);
      if (account === undefined) return undefined;
      return { account, service: serviceNames[service] as string, result: resultClasses[result] as string };
    },
  },
  serverErrors: {
    name: 'keyhold_server_errors_total',
    help: 'Requests answered with a fault of the server, whose reason the log tells',
    type: 'counter',
    ...labelled('service', serviceNames),
    fromTheStart: true,
  },
  requestSeconds: {
    name: 'keyhold_request_duration_seconds',
    help: 'From the arrival of a whole request to its answer, audit record included',
    type: 'histogram',
    ...labelledTwice('service', serviceNames, 'class', operationClasses),
    bounds: REQUEST_SECONDS,
  },
  denials: {
    name: 'keyhold_authorization_denials_total',
    help: 'Requests that no policy and no grant allowed, or that one denied',
    type: 'counter',
    size: denyReasons.length * grantAnswers.length,
    labels: (series) => {
      const reason = denyReasons[Math.floor(series / grantAnswers.length)] as string;
      const grants = grantAnswers[series % grantAnswers.length] as string;
      // Grants are asked only about what policies neither allow nor deny.
      return grants === 'none-allows' && !reason.startsWith('no-') ? undefined : { reason, grants };
    },
    fromTheStart: true,
  },
  authenticationFailures: {
    name: 'keyhold_authentication_failures_total',
    help: 'Requests whose signature, access key or token was not accepted',
    type: 'counter',
    ...labelled('error', authenticationErrors),
    fromTheStart: true,
  },
  cacheLooks: {
    name: 'keyhold_cache_lookups_total',
    help: 'Looks into the caches of the workers',
    type: 'counter',
    ...labelledTwice('cache', cacheNames, 'result', looks),
    fromTheStart: true,
  },
  auditRecords: counter('keyhold_audit_records_total', 'Audit records written'),
  auditFailures: counter(
    'keyhold_audit_failures_total',
    'Audit records that could not be written: their requests failed, or went on without a record if configured so',
  ),
  auditSyncFailures: counter('keyhold_audit_sync_failures_total', 'Failures to sync an audit file to the disk'),
  auditQueue: gauge('keyhold_audit_queue_records', 'Audit records that wait to be written'),
  sinkRecords: {
    name: 'keyhold_audit_sink_records_total',
    help: 'Audit records that a sink has taken, those that were sent again included',
    type: 'counter',
    ...ofSinks,
    shown: withoutTheFirst,
  },
  sinkFailures: {
    name: 'keyhold_audit_sink_failures_total',
    help: 'Failed attempts to send audit records to a sink; they are sent again',
    type: 'counter',
    ...ofSinks,
    shown: withoutTheFirst,
  },
  sinkLosses: {
    name: 'keyhold_audit_sink_lost_records_total',
    help: 'Audit records that a sink will never have: it refuses them, or their file is gone or was changed',
    type: 'counter',
    ...ofSinks,
    shown: withoutTheFirst,
  },
  sinkQueue: {
    name: 'keyhold_audit_sink_queue_records',
    help: 'Audit records that wait to be sent to a sink',
    type: 'gauge',
    ...ofSinks,
  },
  sinkLag: {
    name: 'keyhold_audit_sink_lag_seconds',
    help: 'How far a sink is behind: since when it has not had all audit records',
    type: 'gauge',
    ...ofSinks,
    shown: (momentMs, nowMs) => (momentMs === 0 ? undefined : Math.max(0, (nowMs - momentMs) / 1000)),
  },
  auditSeconds: histogram(
    'keyhold_audit_write_duration_seconds',
    'From when a record was ready to when it was written, for the first of each write',
  ),
  storeSeconds: histogram(
    'keyhold_store_transaction_duration_seconds',
    'Transactions that may write, waiting for their turn included',
  ),
  storeFailures: counter('keyhold_store_failures_total', 'Transactions that the store could not do'),
  loopSeconds: histogram(
    'keyhold_event_loop_lag_seconds',
    'How late a timer of a worker was, ten times a second in each of them',
  ),
  notifications: {
    name: 'keyhold_notifications_total',
    help: 'Attempts to tell somebody of an alarm or an event that succeeded or failed, and what was given up or is for nobody',
    type: 'counter',
    ...labelledTwice('receiver', receiverKinds, 'outcome', notificationOutcomes),
    fromTheStart: true,
  },
  notificationsWaiting: gauge('keyhold_notifications_waiting', 'Notifications that are not delivered yet'),
  workers: gauge('keyhold_workers', 'Worker threads that there ought to be'),
  workersListening: gauge('keyhold_workers_listening', 'Worker threads that accept connections'),
  workerRestarts: counter('keyhold_worker_restarts_total', 'Starts of a worker in the place of one that died'),
  keys: {
    name: 'keyhold_keys',
    help: 'Keys, as of the last census',
    type: 'gauge',
    size: keyStates.length * specNames.length * keyManagers.length,
    labels: (series) => ({
      state: keyStates[Math.floor(series / (specNames.length * keyManagers.length))] as string,
      spec: specNames[Math.floor(series / keyManagers.length) % specNames.length] as string,
      manager: keyManagers[series % keyManagers.length] as string,
    }),
  },
  keysUnreadable: gauge('keyhold_keys_unreadable', 'Keys whose record is not authentic, as of the last census'),
  keysRotated: gauge('keyhold_keys_rotated_automatically', 'Keys with automatic rotation, as of the last census'),
  deletionsOverdue: gauge(
    'keyhold_key_deletions_overdue',
    'Keys that ought to be destroyed by now, as of the last census',
  ),
  rotationsOverdue: gauge(
    'keyhold_key_rotations_overdue',
    'Keys that ought to be rotated by now, as of the last census',
  ),
  nextDeletion: countdown(
    'keyhold_next_key_deletion_seconds',
    'Until the next key is destroyed; absent if none will be',
  ),
  nextRotation: countdown('keyhold_next_key_rotation_seconds', 'Until the next rotation; absent if there is none'),
  nextExpiration: countdown(
    'keyhold_next_material_expiration_seconds',
    'Until the first of all imported key material expires; absent if none does',
  ),
  censusAge: age('keyhold_key_census_age_seconds', 'Since the last census of keys; absent before the first'),
  trailFiles: {
    name: 'keyhold_trail_files_total',
    help: 'Log files and digest files of trails delivered',
    type: 'counter',
    ...labelled('file', trailFileKinds),
    fromTheStart: true,
  },
  trailFailures: {
    name: 'keyhold_trail_failures_total',
    help: 'Attempts to deliver files of a trail that failed',
    type: 'counter',
    ...labelled('file', trailFileKinds),
    fromTheStart: true,
  },
  trailsFailing: gauge('keyhold_trails_failing', 'Trails whose files cannot be delivered now'),
  trailDeliveryAge: age(
    'keyhold_trail_delivery_age_seconds',
    'Since a log file of any trail was delivered; absent before the first',
  ),
} as const satisfies Readonly<Record<string, Family>>;

export type FamilyName = keyof typeof families;

/** The row of a request. What is asked of a service that the table lacks is not counted wrongly: no worker has it. */
export function requestRow(service: string | undefined, operation: AnyOperation | undefined): number {
  const row = operation === undefined ? undefined : rowsOfOperations.get(operation);
  return row ?? rowsOfTheUnknown.get(service ?? UNKNOWN) ?? requestRows.length - 1;
}

export function isCounted(service: string, operation: AnyOperation): boolean {
  return services.has(service) && rowsOfOperations.has(operation);
}

/** @param error absent for a success */
export function outcomeOf(error: AwsErrorCode | undefined): number {
  return error === undefined ? 0 : (outcomesOfErrors.get(error) as number);
}

export const seriesOf = {
  request: (row: number, outcome: number) => row * outcomes.length + outcome,
  /** @param account its number; undefined for those that have none */
  accountRequest: (account: number | undefined | 'none', row: number, outcome: number) => {
    const number = account === 'none' ? NO_ACCOUNT : (account ?? OTHER_ACCOUNTS);
    const service = servicesOfRows[row] as number;
    return (number * serviceNames.length + service) * resultClasses.length + (resultsOfOutcomes[outcome] as number);
  },
  serverError: (row: number) => servicesOfRows[row] as number,
  requestSeconds: (row: number) =>
    (servicesOfRows[row] as number) * operationClasses.length + (classesOfRows[row] as number),
  denial: (refusal: Refusal | undefined) =>
    denyReasons.indexOf(refusal?.reason ?? 'other') * grantAnswers.length + (refusal?.grantsAsked === true ? 1 : 0),
  /** Undefined for errors of another kind. */
  authenticationFailure: (error: AwsErrorCode) => {
    const series = (authenticationErrors as readonly AwsErrorCode[]).indexOf(error);
    return series < 0 ? undefined : series;
  },
  cacheLook: (cache: (typeof cacheNames)[number], isHit: boolean) =>
    cacheNames.indexOf(cache) * looks.length + (isHit ? 0 : 1),
  notification: (receiver: ReceiverKind | 'none', outcome: NotificationOutcome) =>
    receiverKinds.indexOf(receiver) * notificationOutcomes.length + notificationOutcomes.indexOf(outcome),
  /** @param number from 0 */
  sink: (number: number, kind: (typeof sinkKinds)[number]) => number * sinkKinds.length + sinkKinds.indexOf(kind),
  key: ({ keySpec, keyManager }: KeyRecord, state: KeyState) =>
    (keyStates.indexOf(state) * specNames.length + specNames.indexOf(keySpec)) * keyManagers.length +
    keyManagers.indexOf(keyManager),
};

export function isServerError(outcome: number): boolean {
  return resultClasses[resultsOfOutcomes[outcome] as number] === 'server_error';
}

/** A list in which the compiler misses none. */
function namesOf<Name extends string>(names: Record<Name, true>): readonly Name[] {
  return Object.keys(names) as Name[];
}

function labelled(label: string, values: readonly string[]): Pick<Family, 'size' | 'labels'> {
  return { size: values.length, labels: (series) => ({ [label]: values[series] as string }) };
}

function labelledTwice(
  label: string,
  values: readonly string[],
  secondLabel: string,
  secondValues: readonly string[],
): Pick<Family, 'size' | 'labels'> {
  return {
    size: values.length * secondValues.length,
    labels: (series) => ({
      [label]: values[Math.floor(series / secondValues.length)] as string,
      [secondLabel]: secondValues[series % secondValues.length] as string,
    }),
  };
}

function counter(name: string, help: string): Family {
  return { name, help, type: 'counter', size: 1, labels: () => ({}), fromTheStart: true };
}

function gauge(name: string, help: string): Family {
  return { ...counter(name, help), type: 'gauge' };
}

function histogram(name: string, help: string): Family {
  return { ...counter(name, help), type: 'histogram', bounds: STEP_SECONDS };
}

/** Kept as the moment in milliseconds, 0 for none, and shown as the seconds since then. */
function age(name: string, help: string): Family {
  return {
    ...gauge(name, help),
    shown: (momentMs, nowMs) => (momentMs === 0 ? undefined : (nowMs - momentMs) / 1000),
  };
}

/** Kept as the moment in milliseconds, 0 for none, and shown as the seconds that are left. */
function countdown(name: string, help: string): Family {
  return {
    ...gauge(name, help),
    shown: (momentMs, nowMs) => (momentMs === 0 ? undefined : Math.max(0, (momentMs - nowMs) / 1000)),
  };
}
