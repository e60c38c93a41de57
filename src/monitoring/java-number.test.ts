import { expect, test } from 'vitest';
import { javaDouble } from './java-number.ts';

test('numbers are written as Java writes them', () => {
  const numbers = [
    0, 3, -3, 0.25, 0.0666851903306472, 400000, 9_999_999, 10_000_000, 12_345_678.5, 0.001, 0.000_25, 1e21,
  ];
  expect(numbers.map(javaDouble)).toEqual([
    '0.0',
    '3.0',
    '-3.0',
    '0.25',
    '0.0666851903306472',
    '400000.0',
    '9999999.0',
    '1.0E7',
    '1.23456785E7',
    '0.001',
    '2.5E-4',
    '1.0E21',
  ]);
});
