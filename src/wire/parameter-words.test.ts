import { expect, test } from 'vitest';
import { inParameterWords } from './parameter-words.ts';
import { enumeration, integer, list, required, string, structure } from './shapes.ts';

interface Inner {
  Name?: string | undefined;
}
interface Sample {
  Namespace: string | undefined;
  Kind?: 'a' | 'b';
  Count?: number;
  Items?: Inner[];
}

const declared = structure<Sample>({
  Namespace: required(string({ min: 1, max: 5 })),
  Kind: enumeration(['a', 'b']),
  Count: integer({ min: 1, max: 9 }),
  Items: list(structure<Inner>({ Name: string({ min: 2, max: 3 }) }), { max: 2 }),
});
const sample = inParameterWords(declared);

test('what breaks no constraint is read as it would be otherwise', () => {
  const input = { Namespace: 'abc', Kind: 'a', Count: 3, Items: [{ Name: 'xy' }] };
  expect(sample.parse(input)).toEqual(declared.parse(input));
  expect(sample.description).toBe(declared.description);
});

test.each<[object, string, string]>([
  [{}, 'MissingRequiredParameterException', 'The parameter Namespace is required.\n'],
  [{ Namespace: '' }, 'MissingRequiredParameterException', 'The parameter Namespace is required.\n'],
  [{ Count: 0 }, 'MissingRequiredParameterException', 'The parameter Namespace is required.\n'],
  [
    { Namespace: 'abcdef' },
    'InvalidParameterValueException',
    'The parameter Namespace must be shorter than 6 characters.',
  ],
  [
    { Namespace: 'a', Kind: 'c', Count: 0 },
    'InvalidParameterValueException',
    'The parameter Kind must be a value in the set [ a, b ].\nThe parameter Count must be greater than or equal to 1.',
  ],
  [
    { Namespace: 'a', Items: [{ Name: 'xy' }, { Name: 'x' }] },
    'InvalidParameterValueException',
    'The parameter Items.member.2.Name must be longer than 1 characters.',
  ],
  [
    { Namespace: 'a', Items: [{}, {}, {}] },
    'InvalidParameterValueException',
    'The collection Items must not have a size greater than 2.',
  ],
  [
    { Namespace: 'a', Items: [null] },
    'MissingRequiredParameterException',
    'The parameter Items.member.1 is required.\n',
  ],
])('%j', (input, code, message) => {
  expect(() => sample.parse(input)).toThrow(expect.objectContaining({ code, message }));
});

test('what is not of its type is refused as everywhere', () => {
  for (const json of [null, [], 'text', { Namespace: 5 }]) {
    expect(() => sample.parse(json)).toThrow(expect.objectContaining({ code: 'SerializationException' }));
  }
});

test('an answer stays small whatever is sent', () => {
  const many = inParameterWords(
    structure<{ Items?: Inner[] }>({ Items: list(structure<Inner>({ Name: string({ max: 1 }) })) }),
  );
  const input = { Items: Array.from({ length: 5000 }, () => ({ Name: 'xx' })) };
  expect(() => many.parse(input)).toThrow(
    expect.objectContaining({ message: expect.stringMatching(/^(?:[^\n]+\n){99}[^\n]+$/) }),
  );
});
