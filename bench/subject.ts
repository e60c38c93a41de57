import type { KeySpec } from '../src/crypto/key-specs.ts';
import { invariant } from '../src/runtime/errors.ts';
import { driveLoad } from './driver.ts';
import type { RunningServer } from './servers.ts';
import type { Signer } from './sign.ts';
import type { Answer, KeyUnderTest, Workload } from './workload.ts';

/** A Keyhold server under test, and the keys it has. */
export interface Subject {
  readonly server: RunningServer;
  readonly sign: Signer;
  readonly keySets: ReadonlyMap<KeySpec, KeySet>;
}

/** All keys of one spec, in a random order. */
export interface KeySet {
  readonly keys: readonly KeyUnderTest[];
  /** The one that the next request is about: all of them take their turn. */
  next: number;
}

/** For answers that are all looked at. */
export const KEEP_ALL = { keepEvery: 1, timeLimitMs: 20_000 };

export function newSubject(
  server: RunningServer,
  sign: Signer,
  keyIds: ReadonlyMap<KeySpec, readonly string[]>,
): Subject {
  const keySets = new Map<KeySpec, KeySet>();
  for (const [keySpec, ids] of keyIds) {
    const keys = shuffled(ids).map((keyId, number): KeyUnderTest => ({ keyId, number, made: undefined }));
    keySets.set(keySpec, { keys, next: 0 });
  }
  return { server, sign, keySets };
}

export function keysOf(subject: Subject, keySpec: KeySpec): KeySet {
  const keySet = subject.keySets.get(keySpec);
  invariant(keySet !== undefined, 'the server was given keys of every spec that it is asked about');
  return keySet;
}

/** The keys whose turn it is. */
export function nextKeys(subject: Subject, keySpec: KeySpec, count: number): KeyUnderTest[] {
  const keySet = keysOf(subject, keySpec);
  const { keys, next: first } = keySet;
  keySet.next = (first + count) % keys.length;
  return Array.from({ length: count }, (_, offset) => keys[(first + offset) % keys.length] as KeyUnderTest);
}

/** A request about each of the keys. */
export function signAll(
  { sign }: Subject,
  { operation, input }: Pick<Workload, 'operation' | 'input'>,
  keys: readonly KeyUnderTest[],
): Buffer[] {
  const nowMs = Date.now();
  return keys.map((key) => sign(operation, JSON.stringify(input(key)), nowMs));
}

/** Sends one request that is not measured. */
export async function ask({ server, sign }: Subject, operation: string, input: object): Promise<Answer> {
  const request = sign(operation, JSON.stringify(input), Date.now());
  const { kept } = await driveLoad(server.port, [request], { connections: 1, ...KEEP_ALL });
  return JSON.parse(kept[0]?.body ?? '{}') as Answer;
}

/** In an order that has nothing to do with how the database keeps them (Fisher and Yates). */
function shuffled(keyIds: readonly string[]): string[] {
  const order = [...keyIds];
  for (let last = order.length - 1; last > 0; last--) {
    const other = Math.floor(Math.random() * (last + 1));
    [order[last], order[other]] = [order[other] as string, order[last] as string];
  }
  return order;
}
