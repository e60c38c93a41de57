import { difference, shown } from './compare.ts';
import {
  arnOf,
  type Context,
  isGone,
  type Key,
  type Model,
  principalOf,
  Refusal,
  type Region,
  regions,
} from './model.ts';
import { predictions } from './predictions.ts';
import type { Answer, Outcome, Request, System } from './system.ts';

/** How often each operation has been answered in which way. */
export const tally = new Map<string, number>();

/** Asks the system and the model the same, and throws unless they answer the same. */
export async function attempt(model: Model, system: System, request: Request): Promise<Outcome> {
  model.nowMs = system.now();
  const outcome = await system.call(request);
  const predicted = predict(model, request, 'answer' in outcome ? outcome.answer : {});
  const complaint = disagreement(model, predicted, outcome, system.toleranceMs);
  const way = `${request.operation} ${'answer' in outcome ? 'succeeds' : outcome.refusal}`;
  tally.set(way, (tally.get(way) ?? 0) + 1);
  if (complaint !== undefined) throw new Error(`${spell(request)}: ${complaint}`);
  return outcome;
}

function predict(model: Model, request: Request, answer: Answer): Outcome {
  const prediction = predictions[request.operation];
  if (prediction === undefined) throw new Error(`the model knows no ${request.operation}`);
  try {
    return { answer: prediction(model, request, answer) };
  } catch (error) {
    if (error instanceof Refusal) return { refusal: error.name };
    throw error;
  }
}

function disagreement(model: Model, predicted: Outcome, outcome: Outcome, toleranceMs: number): string | undefined {
  if ('answer' in predicted && 'answer' in outcome) {
    return difference(model, predicted.answer, outcome.answer, toleranceMs);
  }
  const text = (of: Outcome) => ('answer' in of ? 'an answer' : of.refusal);
  return text(predicted) === text(outcome)
    ? undefined
    : `the system gives ${text(outcome)}, the model ${text(predicted)}`;
}

export function spell({ by, region, operation, input }: Request): string {
  return `${operation}(${shown(input)}) by ${by} in ${region}`;
}

/** Reads a key's state back. */
export async function describe(model: Model, system: System, key: Key): Promise<void> {
  await ask(model, system, key, 'DescribeKey');
}

/** Reads a key back in every way there is. */
export async function readBack(model: Model, system: System, key: Key): Promise<void> {
  await describe(model, system, key);
  if (isGone(model, key)) return;
  await ask(model, system, key, 'GetKeyRotationStatus');
  await ask(model, system, key, 'ListKeyRotations', { IncludeKeyMaterial: 'ALL_KEY_MATERIAL' });
  for (const operation of ['ListAliases', 'ListGrants', 'ListResourceTags', 'GetKeyPolicy']) {
    await ask(model, system, key, operation);
  }
}

/** Tries what others than the owner may do with a key. */
export async function probe(model: Model, system: System, key: Key): Promise<void> {
  const { region } = key;
  const KeyId = arnOf(model, key);
  for (const by of system.others) {
    await attempt(model, system, { by, region, operation: 'DescribeKey', input: { KeyId } });
    for (const EncryptionContext of PROBES) {
      const input = { KeyId, EncryptionContext, Plaintext: PROBE, DryRun: true };
      await attempt(model, system, { by, region, operation: 'Encrypt', input });
    }
  }
}

const PROBE = Buffer.from('probe');
const PROBES: readonly Context[] = [{ a: '1' }, { a: '1', b: '2' }];

/** Asks where an alias leads, if anywhere. */
export async function followAlias(model: Model, system: System, region: Region, KeyId: string): Promise<void> {
  await attempt(model, system, { by: 'owner', region, operation: 'DescribeKey', input: { KeyId } });
}

async function ask(model: Model, system: System, key: Key, operation: string, more: object = {}): Promise<void> {
  const input = { KeyId: arnOf(model, key), ...more };
  await attempt(model, system, { by: 'owner', region: key.region, operation, input });
}

/** Reads everything back. */
export async function readBackAll(model: Model, system: System): Promise<void> {
  for (const key of model.keys) await readBack(model, system, key);
  for (const { region, name } of model.knownAliases.values()) await followAlias(model, system, region, name);
  for (const region of regions) {
    await attempt(model, system, { by: 'owner', region, operation: 'ListKeys', input: {} });
    await attempt(model, system, { by: 'owner', region, operation: 'ListAliases', input: {} });
    await attempt(model, system, retirableBy(model, 'guest', region));
  }
}

function retirableBy(model: Model, by: 'guest', region: Region): Request {
  return { by, region, operation: 'ListRetirableGrants', input: { RetiringPrincipal: principalOf(model, by) } };
}
