import { invariant } from '../runtime/errors.ts';
import { readString } from './scalar-shapes.ts';
import {
  type Constraint,
  check,
  type Limits,
  lengthConstraints,
  type Shape,
  type ShapeDescription,
  serializationException,
  wrongType,
} from './shape.ts';
import { refuseViolations, reportNull, type Violations } from './violations.ts';

export interface ListLimits extends Limits {
  /** AWS names this constraint, too, among those that it says of an element. */
  readonly nullNamed?: true;
}

/** A list of `min` to `max` elements. */
export function list<T>(element: Shape<T>, limits: ListLimits = {}): Shape<T[]> {
  const { min, max, nullNamed } = limits;
  const constraints: Constraint<T[]>[] = [
    ...lengthConstraints<T[]>(limits, (value, least, most) => value.length >= least && value.length <= most),
    ...within<T, T[]>('Member', element, (value, holds) => value.every(holds), nullNamed),
  ];
  return {
    description: {
      type: 'list',
      ...(min === undefined ? {} : { min }),
      ...(max === undefined ? {} : { max }),
      member: element.description,
    },
    read: (json) => {
      if (Array.isArray(json)) return json.map((item) => (item === null ? (null as T) : element.read(item)));
      throw wrongType(json, () => 'Expected list or null');
    },
    constraints,
    print: (value) => printAll(value, (item) => (item === null ? 'null' : element.print(item)), '[', ']'),
    ...withinElements(element),
  };
}

/**
 * A map from the caller's own strings to values.
 *
 * INVARIANT: the keys are the caller's, so the result is read by its own keys only (`Object.keys`, `Object.hasOwn`, a
 * spread): `__proto__` and `constructor` are keys like any other, which JSON.parse makes properties of the object's own.
 * Of a key sent twice, the last one counts, as in AWS.
 */
export function map<V>(key: Shape<string>, value: Shape<V>, limits: Limits = {}): Shape<Record<string, V>> {
  const { min, max } = limits;
  const constraints: Constraint<Record<string, V>>[] = [
    ...lengthConstraints<Record<string, V>>(limits, (entries, least, most) => {
      const { length } = Object.keys(entries);
      return length >= least && length <= most;
    }),
    ...within<string, Record<string, V>>('Map keys', key, (entries, holds) => Object.keys(entries).every(holds)).slice(
      1,
    ),
    ...within<V, Record<string, V>>('Map value', value, (entries, holds) => Object.values(entries).every(holds)),
  ];
  return {
    description: {
      type: 'map',
      ...(min === undefined ? {} : { min }),
      ...(max === undefined ? {} : { max }),
      key: key.description,
      value: value.description,
    },
    read: (json) => {
      if (typeof json !== 'object' || Array.isArray(json)) throw wrongType(json, () => 'Expected map or null');
      const source = json as Record<string, unknown>;
      const entries: [string, V][] = [];
      let unchanged = true;
      for (const name of Object.keys(source)) {
        const item = source[name];
        const read = item === null ? (null as V) : value.read(item);
        if (read !== item) unchanged = false;
        entries.push([readString(name), read]);
      }
      // Maps of strings, which most are, go through as they were parsed: a copy costs more than all the rest.
      return unchanged ? (source as Record<string, V>) : Object.fromEntries(entries);
    },
    constraints,
    print: (entries) =>
      printAll(
        Object.entries(entries),
        ([name, item]) => {
          const shown = item === null ? 'null' : value.print(item);
          return shown === undefined ? undefined : `${name}=${shown}`;
        },
        '{',
        '}',
      ),
  };
}

/** Marks a structure's member as one that the caller must send. */
export function required<T>(shape: Shape<T>): RequiredMember<T> {
  return { requiredShape: shape };
}

export interface RequiredMember<T> {
  readonly requiredShape: Shape<T>;
}

/**
 * What a declaration must say of the SDK's type `T`: each member, required where the SDK requires it, and a shape that
 * yields exactly the member's type.
 */
export type Members<T> = {
  readonly [K in keyof T]-?: IsOptional<T, K> extends true
    ? Shape<NonNullable<T[K]>>
    : RequiredMember<NonNullable<T[K]>>;
};

/**
 * What a parsed input is: the SDK's type, but its required members are there. (The SDK's own types allow them to be
 * undefined, because it sends what it is given and lets the service judge.)
 */
export type Input<T> = T extends string | number | boolean | Uint8Array | Date
  ? T
  : T extends (infer E)[]
    ? Input<E>[]
    : { [K in keyof T]: IsOptional<T, K> extends true ? Input<T[K]> : Input<NonNullable<T[K]>> };

type IsOptional<T, K extends keyof T> = Partial<Pick<T, K>> extends Pick<T, K> ? true : false;

export interface Structure<T> extends Shape<T> {
  /**
   * Reads and judges a whole input.
   *
   * @param json what {@link parseJsonBody} gave
   * @throws KeyholdError SerializationException at the first value of a wrong type, ValidationException naming all
   *   constraints that are broken
   */
  readonly parse: (json: unknown) => Input<T>;
}

interface Member {
  readonly name: string;
  readonly shape: Shape<unknown>;
  readonly required: boolean;
  /** Messages do not show its value. */
  readonly hidden: boolean;
  /** The name as error messages spell it. */
  readonly printedName: string;
}

/**
 * A structure with AWS's type `T`, for instance `structure<EncryptRequest>({ KeyId: required(string(…)), … })`.
 * Members that are not declared are ignored, and a null member counts as absent, both as AWS does. Broken constraints
 * are listed in the order of declaration: AWS's own order differs from service to service and is not documented.
 */
export function structure<T extends object>(declaration: Members<T>): Structure<T> {
  const members = Object.entries(declaration as Record<string, Shape<unknown> | RequiredMember<unknown>>).map(compile);

  function read(json: unknown): T {
    if (typeof json !== 'object' || Array.isArray(json)) throw wrongType(json, () => 'Expected null');
    const source = json as Record<string, unknown>;
    const value: Record<string, unknown> = {};
    for (const { name, shape } of members) {
      const item = source[name];
      if (item !== undefined && item !== null) value[name] = shape.read(item);
    }
    return value as T;
  }

  function checkWithin(value: T, path: string, violations: Violations): void {
    for (const member of members) {
      const item = (value as Record<string, unknown>)[member.name];
      if (item !== undefined) check(member.shape, item, join(path, member.printedName), violations);
      else if (member.required) reportNull(violations, member.hidden, join(path, member.printedName));
    }
  }

  function parse(json: unknown): Input<T> {
    // AWS gives no reason when the whole body is null or a scalar.
    if (json === null || (typeof json !== 'object' && !Array.isArray(json))) throw serializationException('');
    const value = read(json);
    const violations: Violations = [];
    checkWithin(value, '', violations);
    refuseViolations(violations);
    return value as Input<T>;
  }

  return { description: describe(members), read, constraints: [], print: () => undefined, checkWithin, parse };
}

function compile([name, declared]: [string, Shape<unknown> | RequiredMember<unknown>]): Member {
  // INVARIANT: reading a declared name of a JSON object never finds something inherited.
  invariant(!(name in Object.prototype), `${name} is not the name of a member`);
  const isRequired = 'requiredShape' in declared;
  const shape = isRequired ? declared.requiredShape : declared;
  const printedName = name.charAt(0).toLowerCase() + name.slice(1);
  const { sensitive, unquoted } = shape.description;
  return { name, shape, required: isRequired, hidden: sensitive === true || unquoted === true, printedName };
}

function describe(members: readonly Member[]): ShapeDescription {
  return {
    type: 'structure',
    members: Object.fromEntries(members.map(({ name, shape }) => [name, shape.description])),
    required: members.filter((member) => member.required).map(({ name }) => name),
  };
}

const NOT_NULL = 'Member must not be null';

/** AWS reports the constraints of elements, keys and values at the path of the list or map that holds them, all in one. */
function within<E, T>(
  whose: 'Member' | 'Map keys' | 'Map value',
  element: Shape<E>,
  every: (value: T, holds: (item: E) => boolean) => boolean,
  nullNamed = false,
): Constraint<T>[] {
  const constraints: Constraint<T>[] = [
    { text: `${whose} must satisfy constraint: [${NOT_NULL}]`, holds: (value) => every(value, isPresent) },
  ];
  if (element.constraints.length > 0) {
    const meetsAll = (item: E) => item === null || element.constraints.every(({ holds }) => holds(item));
    const texts = element.constraints.map(({ text }) => text);
    if (nullNamed) texts.push(NOT_NULL);
    constraints.push({
      text: `${whose} must satisfy constraint: [${texts.join(', ')}]`,
      holds: (value) => every(value, meetsAll),
    });
  }
  return constraints;
}

function isPresent(item: unknown): boolean {
  return item !== null;
}

/** Structures in a list have paths of their own, counted from 1: `tags.1.member.tagKey`. */
function withinElements<T>(element: Shape<T>): Pick<Shape<T[]>, 'checkWithin'> {
  const { checkWithin } = element;
  if (checkWithin === undefined) return {};
  return {
    checkWithin: (value, path, violations) => {
      value.forEach((item, index) => {
        if (item !== null) checkWithin(item, `${path}.${index + 1}.member`, violations);
      });
    },
  };
}

/** Prints as Java prints collections; a collection of what must not be shown is not shown. */
function printAll<E>(items: readonly E[], print: (item: E) => string | undefined, open: string, close: string) {
  const texts = items.map(print);
  return texts.includes(undefined) ? undefined : `${open}${texts.join(', ')}${close}`;
}

function join(path: string, name: string): string {
  return path === '' ? name : `${path}.${name}`;
}
