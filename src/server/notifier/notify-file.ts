import { accessSync, constants, readFileSync, statSync } from 'node:fs';
import { dirname, isAbsolute, resolve } from 'node:path';
import { isLoopback } from '../../config/config.ts';
import { KeyholdError } from '../../runtime/errors.ts';
import {
  type Entry,
  judged,
  mapping,
  member,
  needed,
  optional,
  type Read,
  readYaml,
  refusedAt,
  several,
} from '../../services/yaml-entries.ts';
import { boolean, integer, string } from '../../wire/shapes.ts';

/**
 * Who is told of what: the file of `--notify` (`docs/notifications.md`).
 *
 * INVARIANT: only this file says what is a URL or a command. What a caller of the API sends is looked up here, by ARN, and
 * leads nowhere else.
 */
export interface NotifyTargets {
  /** By the ARN that alarms name. */
  readonly actions: ReadonlyMap<string, Receiver>;
  readonly events: readonly EventTarget[];
}

export const NO_TARGETS: NotifyTargets = { actions: new Map(), events: [] };

/** Somebody who gets events, all of them or some. */
export interface EventTarget {
  /** By which it is known from one start to the next. */
  readonly name: string;
  /** Absent: of all. */
  readonly detailTypes?: readonly string[];
  readonly accounts?: readonly string[];
  readonly receiver: Receiver;
}

export type Receiver =
  | {
      readonly kind: 'webhook';
      readonly url: string;
      readonly timeoutSeconds: number;
      /** Each signs. There are several while the receiver changes from one to the next. */
      readonly keys: readonly Uint8Array[];
    }
  | { readonly kind: 'sns'; readonly url: string; readonly timeoutSeconds: number; readonly topicArn: string }
  | { readonly kind: 'command'; readonly argv: readonly [string, ...string[]]; readonly timeoutSeconds: number };

export interface NotifyFile {
  readonly targets: NotifyTargets;
  /** Files of secrets that others than their owner may read. */
  readonly openToOthers: readonly string[];
}

/** Reads and judges the file, and those of secrets that it names. Throws StartupRefused. */
export function readNotifyFile(path: string): NotifyFile {
  const text = readText(path, 'the file of --notify');
  const openToOthers: string[] = [];
  const targets = readYaml(path, text, targetsIn(dirname(path), openToOthers));
  return { targets, openToOthers };
}

const arn = string({
  max: 1024,
  pattern: { printed: 'arn:[!-~]+', matches: /^arn:[!-~]+$/ },
});
const name = string({ max: 64, pattern: { printed: '[A-Za-z0-9_.-]+', matches: /^[A-Za-z0-9_.-]+$/ } });
const accountId = string({ pattern: { printed: '\\d{12}', matches: /^\d{12}$/ } });
const seconds = (max: number) => optional(member(integer({ min: 1, max })));

const USUAL_HTTP_SECONDS = 10;
const MOST_HTTP_SECONDS = 60;
const USUAL_COMMAND_SECONDS = 30;
const MOST_COMMAND_SECONDS = 600;
const MOST_TARGETS = 100;

const http = {
  url: needed(judged(member(string({ max: 2048 })), checkUrl)),
  insecureHttp: optional(member(boolean())),
  timeoutSeconds: seconds(MOST_HTTP_SECONDS),
};

function targetsIn(directory: string, openToOthers: string[]): Read<NotifyTargets> {
  const receivers = {
    webhook: optional(mapping({ ...http, secretFile: needed(member(string({ min: 1 }))) })),
    sns: optional(mapping({ ...http, topicArn: optional(member(arn)) })),
    command: several(member(string({ min: 1 }))),
    timeoutSeconds: seconds(MOST_COMMAND_SECONDS),
  };
  const action = mapping({ arn: needed(member(arn)), ...receivers });
  const event = mapping({
    name: needed(member(name)),
    detailTypes: several(member(string({ min: 1 }))),
    accounts: several(member(accountId)),
    ...receivers,
  });
  const file = mapping({
    actions: several(action, (each) => each.arn),
    events: several(event, (each) => each.name),
  });

  /** @param topicArn what receivers that expect SNS are told that it comes from */
  function receiverOf(
    { webhook, sns, command, timeoutSeconds, at }: Omit<ReturnType<typeof action>, 'arn'>,
    topicArn: string | undefined,
  ): Receiver {
    const given = [webhook !== undefined, sns !== undefined, command.length > 0].filter(Boolean).length;
    if (given !== 1) throw refusedAt(at, 'must have one of webhook, sns and command');
    if (timeoutSeconds !== undefined && command.length === 0) {
      throw refusedAt(at, 'timeoutSeconds is of a command here; of a webhook or sns it stands with their url');
    }
    if (webhook !== undefined) {
      checkSecure(webhook);
      return { kind: 'webhook', ...reached(webhook), keys: readKeys(webhook.secretFile, webhook.at) };
    }
    if (sns !== undefined) {
      checkSecure(sns);
      const topic = sns.topicArn ?? topicArn;
      if (topic === undefined) throw refusedAt(sns.at, 'topicArn is missing');
      return { kind: 'sns', ...reached(sns), topicArn: topic };
    }
    const [program = '', ...more] = command;
    checkProgram(program, at);
    return { kind: 'command', argv: [program, ...more], timeoutSeconds: timeoutSeconds ?? USUAL_COMMAND_SECONDS };
  }

  /** One secret in each line, as Standard Webhooks writes them. */
  function readKeys(secretFile: string, at: Entry): Uint8Array[] {
    const path = resolve(directory, secretFile);
    let text: string;
    try {
      text = readFileSync(path, 'utf8');
      if ((statSync(path).mode & 0o077) !== 0) openToOthers.push(path);
    } catch (cause) {
      throw refusedAt(at, `cannot read the file of its secret: ${(cause as Error).message}`, cause);
    }
    const lines = text.split('\n').filter((line) => line.trim() !== '');
    const keys = lines.map((line) => keyOf(line.trim()));
    if (keys.length === 0 || keys.length > MOST_KEYS || keys.includes(undefined)) {
      throw refusedAt(
        at,
        `${path} must have 1 to ${MOST_KEYS} lines of whsec_ and ${LEAST_KEY_BYTES} to ${MOST_KEY_BYTES} bytes in base64`,
      );
    }
    return keys as Uint8Array[];
  }

  return (entry) => {
    const { actions, events, at } = file(entry);
    if (actions.length + events.length > MOST_TARGETS) throw refusedAt(at, `has more than ${MOST_TARGETS} targets`);
    return {
      actions: new Map(actions.map((each) => [each.arn, receiverOf(each, each.arn)])),
      events: events.map((each) => ({
        name: each.name,
        ...(each.detailTypes.length === 0 ? {} : { detailTypes: each.detailTypes }),
        ...(each.accounts.length === 0 ? {} : { accounts: each.accounts }),
        receiver: receiverOf(each, undefined),
      })),
    };
  };
}

const MOST_KEYS = 4;
/** What Standard Webhooks allows ("Symmetric Signatures"). */
const LEAST_KEY_BYTES = 24;
const MOST_KEY_BYTES = 64;

function keyOf(line: string): Uint8Array | undefined {
  const [, base64] = /^whsec_([A-Za-z0-9+/]+={0,2})$/.exec(line) ?? [];
  if (base64 === undefined) return undefined;
  const key = Buffer.from(base64, 'base64');
  return key.toString('base64') === base64 && key.length >= LEAST_KEY_BYTES && key.length <= MOST_KEY_BYTES
    ? new Uint8Array(key)
    : undefined;
}

function reached({ url, timeoutSeconds = USUAL_HTTP_SECONDS }: { url: string; timeoutSeconds: number | undefined }) {
  return { url, timeoutSeconds };
}

function checkUrl(text: string): void {
  const url = URL.parse(text);
  if (url === null || !['https:', 'http:'].includes(url.protocol) || url.username !== '' || url.password !== '') {
    throw new KeyholdError('ValidationException', 'must be an https or http URL without a user and a password');
  }
}

/** What alarms tell is of the inside of a deployment, and is not to be read on the way. */
function checkSecure({ url, insecureHttp, at }: { url: string; insecureHttp: boolean | undefined; at: Entry }): void {
  const { protocol, hostname } = new URL(url);
  if (protocol === 'https:' || insecureHttp === true || isLoopback(hostname.replace(/^\[|\]$/g, ''))) return;
  throw refusedAt(at, 'must be an https URL, or of this machine, or have insecureHttp: true');
}

function checkProgram(program: string, at: Entry): void {
  if (!isAbsolute(program)) throw refusedAt(at, 'the command must begin with an absolute path');
  try {
    accessSync(program, constants.X_OK);
  } catch (cause) {
    throw refusedAt(at, `the command ${program} cannot be run: ${(cause as Error).message}`, cause);
  }
}

function readText(path: string, what: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw new KeyholdError('StartupRefused', `cannot read ${what} ${path}: ${(cause as Error).message}`, { cause });
  }
}
