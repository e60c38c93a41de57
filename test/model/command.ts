import fc from 'fast-check';
import { attempt, describe, followAlias, probe, readBack, readBackAll, spell } from './attempt.ts';
import { comingMoments, DAY_MS, HOUR_MS, isGone, type Key, keyNamed, livingAlias, type Model, sweep } from './model.ts';
import type { Request, System } from './system.ts';

/**
 * A step of a sequence. It was drawn without knowing the model; what its numbers mean is decided when its turn comes, so that
 * a sequence stays meaningful when fast-check leaves out some of it.
 */
export type Command = fc.AsyncCommand<Model, System>;

/** @param run does it, and gives what it was, for who reads of a failure */
function command(
  run: (model: Model, system: System, tell: (what: string) => void) => Promise<void>,
  applies: (model: Model) => boolean = () => true,
): Command {
  let told = 'not run';
  const tell = (what: string) => {
    told = what;
  };
  return {
    check: applies,
    async run(model, system) {
      model.nowMs = system.now();
      model.commands++;
      await run(model, system, tell);
    },
    toString: () => told,
  };
}

/** Requests, if there is anything to ask about; then the keys they were about are looked at, whatever came of it. */
export function ask<P>(
  params: fc.Arbitrary<P>,
  ...plans: readonly ((model: Model, params: P) => Request | undefined)[]
): fc.Arbitrary<Command> {
  return params.map((drawn) =>
    command(
      async (model, system, tell) => {
        system.tick();
        model.nowMs = system.now();
        const asked: string[] = [];
        for (const plan of plans) {
          const request = plan(model, drawn);
          if (request === undefined) break;
          tell(asked.concat(spell(request)).join(', then '));
          asked.push(spell(request));
          if (!(await askOne(model, system, request))) break;
        }
        await settle(model, system);
      },
      (model) => plans[0]?.(model, drawn) !== undefined,
    ),
  );
}

/** These leave keys as they are. */
const cryptographic = new Set(['Encrypt', 'Decrypt', 'ReEncrypt', 'GenerateDataKey', 'Sign', 'Verify']);

/** These change what others than the owner may do. */
const permissions = new Set(['PutKeyPolicy', 'CreateGrant', 'RevokeGrant', 'RetireGrant']);

/** Says whether it succeeded. */
async function askOne(model: Model, system: System, request: Request): Promise<boolean> {
  const before = namedKeys(model, request);
  const succeeded = 'answer' in (await attempt(model, system, request));
  const named = new Set([...before, ...namedKeys(model, request)]);
  const changed = succeeded && !cryptographic.has(request.operation);
  for (const key of named) {
    if (changed) await readBack(model, system, key);
    if (permissions.has(request.operation)) await probe(model, system, key);
    for (const related of key.family.members) await describe(model, system, related);
  }
  const { AliasName } = request.input;
  if (AliasName !== undefined) await followAlias(model, system, request.region, AliasName as string);
  return succeeded;
}

/** The keys that a request names. */
function namedKeys(model: Model, { region, input }: Request): Key[] {
  const references = ['KeyId', 'TargetKeyId', 'DestinationKeyId'].map((member) => input[member]);
  const found = references.map((each) => (typeof each === 'string' ? keyNamed(model, region, each) : undefined));
  const alias = livingAlias(model, region, (input['AliasName'] ?? '') as string);
  const grant = model.grants.find(({ token }) => token === input['GrantToken']);
  return [...found, alias?.key, grant?.key]
    .flatMap((key) => key?.family.members ?? [])
    .filter((key) => !isGone(model, key));
}

/** By some time, or to the next moment at which something is due, or to some before it. */
export const advance: fc.Arbitrary<Command> = fc
  .oneof(
    fc.constantFrom(1, HOUR_MS / 2, 6 * DAY_MS, 7 * DAY_MS, 30 * DAY_MS, 45 * DAY_MS).map((ms) => () => ms),
    fc.constantFrom(-HOUR_MS / 6, -1, 0).map((offMs) => (model: Model) => Math.max(0, untilNext(model) + offMs)),
  )
  .chain((distance) => fc.boolean().map((swept) => ({ distance, swept })))
  .map(({ distance, swept }) =>
    command(async (model, system, tell) => {
      const ms = distance(model);
      tell(`move the clock ${ms} ms${swept ? ' and sweep' : ''}`);
      await system.advance(ms);
      await settle(model, system);
      for (const key of model.keys) await describe(model, system, key);
      if (swept) await letBeDone(model, system);
    }),
  );

function untilNext(model: Model): number {
  return (comingMoments(model)[0] ?? model.nowMs) - model.nowMs;
}

export const letDueWorkBeDone: fc.Arbitrary<Command> = fc.constant(undefined).map(() =>
  command(async (model, system, tell) => {
    tell('sweep');
    await letBeDone(model, system);
  }),
);

async function letBeDone(model: Model, system: System): Promise<void> {
  await system.sweep?.();
  if (system.sweep === undefined) await settle(model, system);
  else if (sweep(model)) await readBackAll(model, system);
  else for (const key of model.keys) await describe(model, system, key);
}

export const restart: fc.Arbitrary<Command> = fc.boolean().map((orderly) =>
  command(async (model, system, tell) => {
    tell(`restart ${orderly ? 'in good order' : 'after a crash'}`);
    await system.restart(orderly);
    await settle(model, system);
    await readBackAll(model, system);
  }),
);

const PATIENCE_MS = 10_000;

/** A system that does what is due by itself does it soon. */
async function settle(model: Model, system: System): Promise<void> {
  model.nowMs = system.now();
  if (system.sweep !== undefined || !sweep(model)) return;
  const deadline = Date.now() + PATIENCE_MS;
  for (;;) {
    try {
      await readBackAll(model, system);
      return;
    } catch (error) {
      if (Date.now() > deadline) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}
