import { parseJsonBody, serialise } from '../wire/aws-json.ts';
import type { ShapeDescription } from '../wire/shapes.ts';
import type { AnyOperation } from './perform.ts';

/** Inputs of operations, made from their declarations: for tests of all the operations there are. */

/** What members are given by their names, wherever they stand. Those that are given undefined are left out. */
export type SampleValues = Readonly<Record<string, unknown>>;

export interface Sample {
  readonly title: string;
  /** Validated, as handlers get it. */
  readonly input: object;
}

/**
 * An input with the required members alone, and one with all of them.
 *
 * @param values of members of all operations
 * @param ofOperation of members of this one, which it has in either input
 * @throws Error where these make no valid input, so that no operation goes without
 */
export function sampleInputs(
  { name, input, validate }: AnyOperation,
  values: SampleValues,
  ofOperation: SampleValues = {},
): Sample[] {
  const description: ShapeDescription = input.description;
  const all = Object.keys(description.members ?? {});
  const required = all.filter((member) => description.required?.includes(member) || ofOperation[member] !== undefined);
  const samples = [
    { title: `${name} with required members`, members: required },
    { title: `${name} with all members`, members: all },
  ];
  return samples.map(({ title, members }) => {
    const sample = sampleStructure(description, members, { ...values, ...ofOperation });
    try {
      const parsed: object = input.parse(parseJsonBody(Buffer.from(serialise(sample), 'utf8')));
      validate?.(parsed);
      return { title, input: parsed };
    } catch (error) {
      throw new Error(`${title} is no valid input: give its members values`, { cause: error });
    }
  });
}

function sampleStructure({ members = {} }: ShapeDescription, wanted: readonly string[], values: SampleValues): object {
  return Object.fromEntries(
    wanted.flatMap((name) => {
      const value = sampleMember(name, members[name] as ShapeDescription, values);
      return value === undefined ? [] : [[name, value]];
    }),
  );
}

function sampleMember(name: string, description: ShapeDescription, values: SampleValues): unknown {
  if (!Object.hasOwn(values, name)) return sampleValue(description, values);
  const { enum: allowed } = description;
  const value = values[name];
  // Members of the same name have other values to choose from in other operations.
  return value === undefined || allowed === undefined || allowed.includes(String(value)) ? value : allowed[0];
}

function sampleValue(description: ShapeDescription, values: SampleValues): unknown {
  const { type, min = 0, max = Number.POSITIVE_INFINITY } = description;
  switch (type) {
    case 'string':
      return description.enum?.[0] ?? 'sample'.padEnd(min, 'x').slice(0, max);
    case 'blob':
      return Buffer.alloc(Math.max(min, 1), 0x5a);
    case 'integer':
    case 'long':
    case 'double':
      return Math.max(min, 1);
    case 'boolean':
      return true;
    case 'timestamp':
      return new Date(0);
    case 'list':
      return [sampleValue(description.member as ShapeDescription, values)];
    case 'map':
      return { sample: sampleValue(description.value as ShapeDescription, values) };
    case 'structure':
      return sampleStructure(description, Object.keys(description.members ?? {}), values);
  }
}
