import { isDeepStrictEqual } from 'node:util';
import type { Material, Model } from './model.ts';

/**
 * Compares answers with what the model expects, member by member. A {@link Material} stands for its id, which the model
 * learns when it first sees it, and a date may be off by as much as the system's clock is not the model's. AWS promises no
 * order for what it lists, but for rotations.
 */

/** Anything at all, so long as it is there. */
export const ANYTHING = Symbol('anything');

/** Stands for the id of a material, in what is expected of an answer. */
export interface MaterialId {
  readonly idOf: Material;
}

/** The first difference, as a sentence; undefined if there is none. */
export function difference(
  model: Model,
  expected: unknown,
  actual: unknown,
  toleranceMs: number,
  path = 'the answer',
): string | undefined {
  if (expected === ANYTHING) return actual === undefined ? `${path} is missing` : undefined;
  const differs = () => `${path} is ${shown(actual)}, not ${shown(expected)}`;
  if (expected instanceof Date) {
    const off = actual instanceof Date ? Math.abs(actual.getTime() - expected.getTime()) : Number.POSITIVE_INFINITY;
    return off <= toleranceMs ? undefined : differs();
  }
  if (expected instanceof Uint8Array) {
    return actual instanceof Uint8Array && Buffer.compare(expected, actual) === 0 ? undefined : differs();
  }
  if (typeof expected !== 'object' || expected === null) {
    return isDeepStrictEqual(expected, actual) ? undefined : differs();
  }
  if ('idOf' in expected) return learnMaterialId(model, (expected as MaterialId).idOf, actual, path);
  if (typeof actual !== 'object' || actual === null) return differs();
  if (Array.isArray(expected) && expected.length !== (actual as { length?: number }).length) return differs();
  const [wanted, got] = [inOrder(expected), inOrder(actual)];
  for (const name of new Set([...Object.keys(wanted), ...Object.keys(got)])) {
    const found = difference(model, wanted[name], got[name], toleranceMs, `${path}.${name}`);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Things of a list by their names, where they have one that the model knows beforehand; others stay as they are. */
function inOrder(list: object): Record<string, unknown> {
  const nameOf = (item: unknown): string => {
    const named = item as Readonly<Record<string, unknown>>;
    const name = named['GrantId'] ?? named['AliasName'] ?? named['TagKey'] ?? named['KeyArn'] ?? named['Region'];
    return String(name);
  };
  const items = Array.isArray(list) ? list.toSorted((a, b) => compareText(nameOf(a), nameOf(b))) : list;
  return items as Record<string, unknown>;
}

function compareText(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

function learnMaterialId(model: Model, material: Material, actual: unknown, path: string): string | undefined {
  if (
    material.id === undefined &&
    typeof actual === 'string' &&
    (material.external || !model.materialIds.has(actual))
  ) {
    material.id = actual;
    model.materialIds.add(actual);
  }
  return material.id === actual
    ? undefined
    : `${path} is ${shown(actual)}, not ${material.id ?? 'that of new material'}`;
}

export function shown(value: unknown): string {
  const text = JSON.stringify(value, (_, each) => {
    // Buffers have been made into objects before they come here.
    if (each?.type === 'Buffer') return `${each.data.length} bytes`;
    if (each instanceof Uint8Array) return `${each.length} bytes`;
    return typeof each === 'symbol' ? String(each) : each;
  });
  return text ?? String(value);
}
