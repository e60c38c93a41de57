import type { AuditIdentity, AuditRecord, AuditResource } from '../audit/record.ts';
import { isoSeconds } from '../runtime/iso-seconds.ts';
import type { ErrorResponse } from '../wire/failure.ts';
import type { AuditedSuccess, Consequence } from './operation.ts';
import type { AnyOperation, Service } from './perform.ts';

/** All that one request leaves behind for its audit record, filled in as far as the request came. */
export interface Attempt {
  readonly requestId: string;
  readonly eventId: string;
  readonly nowMs: number;
  readonly sourceIp: string;
  readonly userAgent: string;
  readonly host: string;
  readonly tls?: { readonly version: string; readonly cipher: string };
  service?: Pick<Service, 'eventSource'>;
  operation?: AnyOperation;
  identity?: AuditIdentity;
  region?: string;
  input?: object;
  output?: object | undefined;
  targets?: Readonly<Record<string, unknown>>;
  /** What the change brought about besides. */
  consequences?: readonly Consequence[];
  error?: { readonly code: string; readonly message: string };
  readonly touched: AuditResource[];
}

/**
 * The same request as it was refused: what the client is told, and no more, for a fault's cause may hold what no audit
 * record should. An event of its own, because a change whose commit failed has left a record already.
 */
export function refusedAttempt(attempt: Attempt, refusal: ErrorResponse, error: unknown, eventId: string): Attempt {
  const message = refusal.status < 500 && error instanceof Error ? error.message : '';
  return { ...attempt, eventId, error: { code: refusal.type, message } };
}

export const KMS_EVENT_SOURCE = 'kms.amazonaws.com';
const IAM_EVENT_SOURCE = 'iam.amazonaws.com';
/** Of what AWS has no service for. */
export const OWN_EVENT_SOURCE = 'keyhold.invalid';

const MOST_USER_AGENT_CHARACTERS = 1024;
const MOST_HOST_CHARACTERS = 256;
const MOST_ERROR_CHARACTERS = 1024;
/** Of `requestParameters`: CloudTrail's "maximum size of 100 KB". */
const MOST_REQUEST_CHARACTERS = 100 * 1024;

/** In whose trail an event is. One request is an event of each account that it concerns (`attempt-records.ts`). */
export interface Delivery {
  readonly eventId: string;
  /** The account; undefined where nobody is known to be concerned. */
  readonly recipient: string | undefined;
  /** Where there are several, the same in each. */
  readonly sharedEventId?: string;
}

/**
 * The record of one request in CloudTrail's format, as one line of JSON (`AuditRecord`).
 *
 * It is put together from pieces of JSON, for it is made for every request and most pieces are the same each time: what
 * never changes is written here, what seldom changes is remembered, and only the rest goes through `JSON.stringify`.
 */
export function auditRecordJson(attempt: Attempt, delivery: Delivery): string {
  const { operation, service, identity, error } = attempt;
  const { eventId, recipient, sharedEventId } = delivery;
  let json = '{"eventVersion":"1.11","userIdentity":';
  json += identity === undefined ? '{"type":"Unknown"}' : identityJson(identity, recipient);
  json += `,"eventTime":"${secondsOf(attempt.nowMs)}","eventSource":"${service?.eventSource ?? OWN_EVENT_SOURCE}"`;
  // Never the name that the caller wrote: an unknown operation has no name here.
  json += `,"eventName":"${operation?.name ?? 'UnknownOperation'}","awsRegion":${JSON.stringify(attempt.region ?? 'unknown')}`;
  json += `,"sourceIPAddress":"${attempt.sourceIp}","userAgent":${userAgentJson(attempt.userAgent)}`;
  if (error !== undefined) {
    json += `,"errorCode":"${errorCodeOf(error.code)}","errorMessage":${JSON.stringify(errorMessageOf(error.message))}`;
  }
  json += `,"requestParameters":${requestJson(operation, attempt)}`;
  json += `,"responseElements":${error === undefined ? responseJson(operation, attempt) : 'null'}`;
  const additional = attempt.targets && operation?.audit.additional?.(successOf(attempt));
  if (additional !== undefined) json += `,"additionalEventData":${JSON.stringify(additional)}`;
  json += `,"requestID":"${attempt.requestId}","eventID":"${eventId}"`;
  json += operation?.audit.readOnly === true ? ',"readOnly":true' : ',"readOnly":false';
  json += resourcesJson(attempt);
  const isData = operation?.audit.dataOf !== undefined;
  json += isData
    ? ',"eventType":"AwsApiCall","managementEvent":false'
    : ',"eventType":"AwsApiCall","managementEvent":true';
  if (recipient !== undefined) json += `,"recipientAccountId":"${recipient}"`;
  if (sharedEventId !== undefined) json += `,"sharedEventID":"${sharedEventId}"`;
  json += isData ? ',"eventCategory":"Data"' : ',"eventCategory":"Management"';
  if (attempt.tls !== undefined) json += `,"tlsDetails":${JSON.stringify(tlsDetails(attempt.tls, attempt.host))}`;
  return `${json}}`;
}

/** KMS's records name no resources with an empty list where a request has succeeded (ListAliases, GenerateRandom). */
function resourcesJson({ touched, operation, output, service, error }: Attempt): string {
  if (operation?.audit.dataOf !== undefined) return `,"resources":[{"type":"${operation.audit.dataOf}"}]`;
  const made = error === undefined && output && operation?.audit.made?.(output);
  const resources = made ? [...touched, made] : touched;
  if (resources.length > 0) return `,"resources":${JSON.stringify(resources)}`;
  return error === undefined && service?.eventSource === KMS_EVENT_SOURCE ? ',"resources":[]' : '';
}

/** Of an attempt that has its targets, and so has succeeded. */
function successOf({ input, output, targets }: Attempt): AuditedSuccess<object, object | undefined, object> {
  return { input: input as object, output, targets: targets as object };
}

/** Callers are kept by the credential cache, and with them what they look like here. */
const identities = new WeakMap<AuditIdentity, string>();

function identityJson(identity: AuditIdentity, recipient: string | undefined): string {
  if (identity.accountId !== recipient && identity.accountId !== undefined) return JSON.stringify(foreign(identity));
  let json = identities.get(identity);
  if (json === undefined) {
    json = JSON.stringify(identity);
    identities.set(identity, json);
  }
  return json;
}

/** As other accounts are shown a caller: which account's it is and its id there, and neither its name nor its session. */
function foreign({ principalId, accountId, invokedBy }: AuditIdentity): AuditIdentity {
  return {
    type: 'AWSAccount',
    ...(principalId === undefined ? {} : { principalId }),
    ...(accountId === undefined ? {} : { accountId }),
    ...(invokedBy === undefined ? {} : { invokedBy }),
  };
}

let lastUserAgent = '';
let lastUserAgentJson = '""';

/** A client sends the same one with every request. */
function userAgentJson(userAgent: string): string {
  if (userAgent !== lastUserAgent) {
    lastUserAgent = userAgent;
    lastUserAgentJson = JSON.stringify(userAgent.slice(0, MOST_USER_AGENT_CHARACTERS));
  }
  return lastUserAgentJson;
}

function tlsDetails(tls: { version: string; cipher: string }, host: string): NonNullable<AuditRecord['tlsDetails']> {
  return {
    tlsVersion: tls.version,
    cipherSuite: tls.cipher,
    clientProvidedHostHeader: host.slice(0, MOST_HOST_CHARACTERS),
  };
}

function requestJson(operation: AnyOperation | undefined, { input, targets, service }: Attempt): string {
  const asked = operation && input && shown(operation, input, dateStyleOf(service));
  const inferred = targets && operation?.audit.inferred?.(targets);
  const members = inferred === undefined ? asked : { ...asked, ...inferred };
  if (members === undefined) return 'null';
  const json = JSON.stringify(members);
  return json.length <= MOST_REQUEST_CHARACTERS ? json : JSON.stringify(withinLimit(members));
}

/**
 * The members that there is room for, and of each other one how long it was. One by one, lest a caller make a record silent
 * about whom a request was about by what else is in it.
 */
function withinLimit(members: object): object {
  let left = MOST_REQUEST_CHARACTERS;
  const kept = Object.entries(members).map(([name, value]) => {
    const { length } = JSON.stringify(value);
    if (length > left) return [name, { omitted: true, originalSize: length }];
    left -= length;
    return [name, value];
  });
  return Object.fromEntries(kept);
}

function responseJson(operation: AnyOperation | undefined, { output, targets, service }: Attempt): string {
  const isThere = output !== undefined || targets !== undefined;
  const response = isThere && operation?.audit.response?.(output, targets);
  if (typeof response !== 'object' || response === null) return 'null';
  return JSON.stringify(lowerNames(response, '', dateStyleOf(service)));
}

/** CloudTrail spells the codes of refusals that every service shares without their suffix. */
function errorCodeOf(code: string): string {
  return code === 'AccessDeniedException' ? 'AccessDenied' : code;
}

/**
 * The first line, and no more than CloudTrail keeps. Behind it, AWS repeats a request whose signature does not match, with
 * all its signed headers: that is for the caller, not for the log.
 */
function errorMessageOf(message: string): string {
  const end = message.indexOf('\n');
  return message.slice(0, end < 0 ? MOST_ERROR_CHARACTERS : Math.min(end, MOST_ERROR_CHARACTERS));
}

/** Undefined where none of what may be shown is there: CloudTrail then writes null. */
function shown(operation: AnyOperation, input: object, dateStyle: DateStyle): object | undefined {
  const { request, implied, parts } = operation.audit;
  let members: Record<string, unknown> | undefined;
  for (const name of request as string[]) {
    const value = (input as Record<string, unknown>)[name] ?? implied?.[name];
    if (value === undefined) continue;
    members ??= {};
    members[lowerFirst(name)] = lowerNames(parts?.[name]?.(value) ?? value, name, dateStyle);
  }
  return members;
}

/** CloudTrail writes member names in lower camel case; the names of an encryption context are data and stay. */
export function lowerNames(value: unknown, name: string, dateStyle: DateStyle = cloudTrailDate): unknown {
  if (typeof value !== 'object' || value === null || isContext(name)) return value;
  if (value instanceof Date) return dateStyle(value);
  if (Array.isArray(value)) return value.map((item) => lowerNames(item, '', dateStyle));
  // A blob has no business in an audit record, whatever a declaration says.
  if (value instanceof Uint8Array) return undefined;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, member]) => member !== undefined)
      .map(([key, member]) => [lowerFirst(key), lowerNames(member, key, dateStyle)]),
  );
}

/** `SourceEncryptionContext`, `EncryptionContextSubset`. */
function isContext(name: string): boolean {
  return name.endsWith('EncryptionContext') || name.startsWith('EncryptionContext');
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

type DateStyle = (date: Date) => string;

/** Services write dates as their own libraries do: IAM's records have no comma behind the year, those of KMS and STS do. */
function dateStyleOf(service: Attempt['service']): DateStyle {
  return service?.eventSource === IAM_EVENT_SOURCE ? iamDate : cloudTrailDate;
}

/** `Nov 22, 2026 9:05:07 AM` */
function iamDate(date: Date): string {
  return cloudTrailDate(date).replace(/(\d{4}),/, '$1');
}

/** As in AWS's published records: `Nov 22, 2026, 9:05:07 AM`. */
function cloudTrailDate(date: Date): string {
  const hour = date.getUTCHours();
  const time = [hour % 12 || 12, two(date.getUTCMinutes()), two(date.getUTCSeconds())].join(':');
  const half = hour < 12 ? 'AM' : 'PM';
  return `${MONTHS[date.getUTCMonth()]} ${date.getUTCDate()}, ${date.getUTCFullYear()}, ${time} ${half}`;
}

function two(number: number): string {
  return String(number).padStart(2, '0');
}

/** `KeyId` → `keyId`, `AWSAccountId` → `aWSAccountId`: CloudTrail really writes the latter so. */
function lowerFirst(name: string): string {
  return name.charAt(0).toLowerCase() + name.slice(1);
}

let lastSecond = Number.NaN;
let lastSecondText = '';

/** ISO 8601 with whole seconds. Most requests share their second with the one before. */
export function secondsOf(nowMs: number): string {
  const second = Math.floor(nowMs / 1000);
  if (second !== lastSecond) {
    lastSecond = second;
    lastSecondText = isoSeconds(second * 1000);
  }
  return lastSecondText;
}
