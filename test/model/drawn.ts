import fc from 'fast-check';
import {
  type Alias,
  aliasArnOf,
  arnOf,
  type Blob,
  type Caller,
  type Context,
  DAY_MS,
  type Family,
  type GrantOperation,
  HOUR_MS,
  isPrimary,
  type Key,
  livingKeys,
  type Model,
  policyNames,
  type Region,
  regions,
  type Usage,
} from './model.ts';
import type { Request } from './system.ts';

/** What requests are made of: values from small sets, so that sequences come back to them, and numbers that pick things. */

export const number = fc.nat();
export const region: fc.Arbitrary<Region> = fc.constantFrom(...regions);

export const kinds = fc.oneof(
  { weight: 4, arbitrary: fc.constant({}) },
  { weight: 4, arbitrary: fc.constant({ MultiRegion: true }) },
  { weight: 2, arbitrary: fc.constant({ KeySpec: 'ECC_NIST_P256', KeyUsage: 'SIGN_VERIFY' }) },
  { weight: 1, arbitrary: fc.constant({ KeySpec: 'ECC_NIST_P256', KeyUsage: 'SIGN_VERIFY', MultiRegion: true }) },
  { weight: 1, arbitrary: fc.constant({ KeySpec: 'HMAC_256', KeyUsage: 'GENERATE_VERIFY_MAC' }) },
  { weight: 2, arbitrary: fc.constant({ Origin: 'EXTERNAL' }) },
  { weight: 3, arbitrary: fc.constant({ Origin: 'EXTERNAL', MultiRegion: true }) },
);

export const TAG_KEYS = ['team', 'stage', 'cost center'];
export const tags = fc.uniqueArray(
  fc.record({ TagKey: fc.constantFrom(...TAG_KEYS), TagValue: fc.constantFrom('', 'one', 'two') }),
  { selector: ({ TagKey }) => TagKey, minLength: 0, maxLength: 2 },
);
export const description = fc.constantFrom('', 'a key', 'another');
export const policy = fc.constantFrom(...policyNames);
export const aliasName = fc.constantFrom('alias/a', 'alias/b', 'alias/team/c');

/** Of one object each, so that the model knows a message again by its identity. */
export const PLAINTEXTS = ['attack at dawn', 'retreat at ten', 'x'.repeat(4096)].map((each) => Buffer.from(each));
export const plaintext = fc.constantFrom(...PLAINTEXTS);

const CONTEXTS: readonly Context[] = [{}, { a: '1' }, { a: '2' }, { a: '1', b: '2' }, { b: '2', a: '1', c: '' }];
export const context = fc.constantFrom(...CONTEXTS);
/** Instead of a ciphertext's own context. */
export const another = fc.option(context, { freq: 2 });

export const operations = fc.subarray<GrantOperation>(
  ['Encrypt', 'Decrypt', 'GenerateDataKey', 'ReEncryptFrom', 'ReEncryptTo', 'DescribeKey', 'RetireGrant'],
  { minLength: 1 },
);
export const constraints = fc.option(
  fc.oneof(
    context.map((EncryptionContextEquals) => ({ EncryptionContextEquals })),
    fc.constantFrom(...CONTEXTS.slice(1)).map((EncryptionContextSubset) => ({ EncryptionContextSubset })),
  ),
  { freq: 2 },
);
export const grantName = fc.option(fc.constantFrom('first', 'second'));

/** Where a ciphertext is taken: mostly where there is a key for it. */
export const place = fc.oneof({ weight: 4, arbitrary: fc.nat() }, { weight: 1, arbitrary: region });
export const naming = fc.constantFrom('nothing', 'its key', 'its key', 'any key');

/** Few, so that the same is imported again. */
export const bytes = fc.constantFrom('1', '2', '3').map((each) => each.repeat(32));
export const importType = fc.option(fc.constantFrom('NEW_KEY_MATERIAL', 'EXISTING_KEY_MATERIAL'), { freq: 3 });
export const validity = fc.option(fc.constantFrom(HOUR_MS, 10 * DAY_MS), { freq: 2 });

export function owner(where: Region, operation: string, input: Request['input']): Request {
  return { by: 'owner', region: where, operation, input };
}

export function pick<T>(from: readonly T[], at: number): T | undefined {
  return from[at % Math.max(from.length, 1)];
}

/** Mostly one that is there, and for which it makes sense. */
export function keyAt(model: Model, at: number, suits: (key: Key) => boolean = () => true): Key | undefined {
  const living = livingKeys(model);
  const suited = at % 4 === 0 ? living : living.filter(suits);
  return pick(at % 16 === 0 ? model.keys : suited.length === 0 ? living : suited, at >> 4);
}

export const isFor = (usage: Usage) => (key: Key) => key.family.usage === usage;
export const isOf = (origin: Family['origin']) => (key: Key) =>
  key.family.origin === origin && key.family.spec === 'SYMMETRIC_DEFAULT';
export const isScheduledForDeletion = (key: Key) => key.deletion !== undefined;
export const isDisabled = (key: Key) => !key.enabled;
export const rotates = (key: Key) => key.family.rotation !== undefined;
export const isReplica = (key: Key) => key.family.multiRegion && !isPrimary(key);
export const hasReplicas = (key: Key) => isPrimary(key) && key.family.members.length > 1;

/** Mostly one that was there; whether it still is does not matter. */
export function aliasAt(model: Model, at: number): Alias | undefined {
  return at % 8 === 0 ? undefined : pick([...model.aliases.values()], at >> 3);
}

export function nameOf(model: Model, key: Key, form: number): string {
  return form % 2 === 0 ? key.family.id : arnOf(model, key);
}

/** By its id, its ARN, an alias or the alias's ARN; another account's key has no other names than ARNs. */
export function referenceTo(model: Model, key: Key, by: Caller, form: number): string {
  const alias = [...model.aliases.values()].find(({ key: target }) => target === key);
  const arns = [arnOf(model, key), ...(alias === undefined ? [] : [aliasArnOf(model, alias)])];
  const names = [key.family.id, ...(alias === undefined ? [] : [alias.name])];
  return pick(by === 'guest' ? arns : [...arns, ...names], form >> 1) as string;
}

export function placeOf(model: Model, { family }: Blob, where: Region | number): Region {
  if (typeof where !== 'number') return where;
  const homes = model.keys.filter((key) => key.family === family);
  return (pick(homes, where) as Key).region;
}

export function keyFor(model: Model, { family }: Blob, where: Region, how: string, at: number): Key | undefined {
  if (how === 'nothing') return undefined;
  const here = model.keys.filter((key) => key.region === where);
  return how === 'its key' ? here.find((key) => key.family === family) : pick(here, at);
}

export function named(member: string, key: Key | undefined, by: Caller, model: Model, form: number): object {
  return key === undefined ? {} : { [member]: referenceTo(model, key, by, form) };
}
