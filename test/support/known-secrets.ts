import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { KMSClient } from '@aws-sdk/client-kms';

/**
 * The secrets that a test file's clients have sent and got: plaintexts, data keys, key material, secret access keys, session
 * tokens. When a server is cleaned up, its audit directory is searched for all of them.
 *
 * Records are JSON, and a secret in one is a string or a part of one. So the text is cut into runs of the characters that
 * base64, base64url and hex consist of, and each run is looked up: that costs one pass, however many secrets there are. That
 * no encoding and no piece of a secret gets out is for `secrets.test.ts` to find, with fewer of them.
 */
const known = new Map<string, string>();

/** Shorter ones turn up by chance, and in names. */
const LEAST_BYTES = 16;
/** Of the members of requests and answers, wherever they stand. */
const SECRET_MEMBERS = new Set([
  ...['Plaintext', 'PrivateKeyPlaintext', 'SharedSecret', 'EncryptedKeyMaterial', 'ImportToken'],
  ...['SecretAccessKey', 'SessionToken', 'WebIdentityToken', 'GrantToken', 'GrantTokens'],
]);

export function noteSecret(what: string, secret: string | Uint8Array): void {
  if (secret.length < LEAST_BYTES) return;
  if (typeof secret === 'string') {
    known.set(longestRun(secret), what);
    return;
  }
  const bytes = Buffer.from(secret);
  for (const encoding of ['base64', 'base64url', 'hex'] as const) known.set(bytes.toString(encoding), what);
}

/** Which of the secrets that are known so far are in the records of a data directory. */
export function secretsInRecords(dataDir: string): string[] {
  const found = new Set<string>();
  for (const name of auditFiles(dataDir)) {
    const text = readFileSync(join(dataDir, 'audit', name), 'latin1');
    for (const [run] of text.matchAll(RUN)) {
      const what = known.get(run) ?? known.get(run.replace(/=+$/, ''));
      if (what !== undefined) found.add(`${what}: in audit/${name}`);
    }
  }
  return [...found];
}

function auditFiles(dataDir: string): string[] {
  try {
    return readdirSync(join(dataDir, 'audit')).filter((name) => name.endsWith('.jsonl'));
  } catch {
    // The test has removed the directory, or the server was never started.
    return [];
  }
}

/** At least as long as the shortest secret's base64. */
const RUN = /[A-Za-z0-9+/_-]{16,}={0,2}/g;

/** Of a token with dots, such as a JSON Web Token: its longest part. */
function longestRun(text: string): string {
  const runs = text.match(RUN) ?? [text];
  return runs.reduce((longest, each) => (each.length > longest.length ? each : longest), '').replace(/=+$/, '');
}

/**
 * Has all clients of the AWS SDK, wherever a test makes them, note the secrets in what they send and get: they share the class
 * that this one extends.
 */
export function noteSecretsOfClients(oneOfThem: typeof KMSClient): void {
  const { prototype } = Object.getPrototypeOf(oneOfThem) as { prototype: { send: Send } };
  const { send } = prototype;
  prototype.send = async function (this: unknown, command, ...more) {
    noteMembers(command.input, '');
    const answer = await send.call(this, command, ...more);
    noteMembers(answer, '');
    return answer;
  };
}

type Send = (command: { readonly input: object }, ...more: unknown[]) => Promise<object>;

function noteMembers(value: unknown, name: string): void {
  if (typeof value === 'string' || value instanceof Uint8Array) {
    if (SECRET_MEMBERS.has(name)) noteSecret(name, value);
  } else if (Array.isArray(value)) {
    for (const each of value) noteMembers(each, name);
  } else if (typeof value === 'object' && value !== null) {
    for (const [member, each] of Object.entries(value)) noteMembers(each, member);
  }
}
