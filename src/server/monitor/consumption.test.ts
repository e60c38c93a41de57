import { expect, test } from 'vitest';
import { consumption } from './consumption.ts';

test('tells of each stream how far the party is that is furthest behind, and only when that is further', () => {
  const told: string[] = [];
  const { join } = consumption((stream, sequence) => told.push(`${stream} ${sequence}`));
  const [a, b] = [join(), join()];
  a('w0', 5);
  a('w1', 9);
  expect(told).toEqual([]);
  b('w0', 3);
  b('w1', 12);
  expect(told).toEqual(['w0 3', 'w1 9']);
  b('w0', 3);
  b('w0', 8);
  a('w0', 6);
  expect(told).toEqual(['w0 3', 'w1 9', 'w0 5', 'w0 6']);
});

test('a party that joins later, and has told nothing, holds up what comes', () => {
  const told: number[] = [];
  const { join } = consumption((_, sequence) => told.push(sequence));
  const a = join();
  a('w0', 5);
  const b = join();
  a('w0', 7);
  expect(told).toEqual([5]);
  b('w0', 6);
  expect(told).toEqual([5, 6]);
});
