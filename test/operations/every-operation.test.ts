import { readdirSync } from 'node:fs';
import { expect, test } from 'vitest';
import { keyStateTable } from '../../src/keys/key-state-table.ts';
import { kmsOperations } from '../../src/services/kms/index.ts';
import { awsAnswers, operationsOfThePage, reachableStates } from '../support/aws-key-states.ts';

test('every operation has a file of tests of its own, and every file its operation', () => {
  const files = readdirSync(import.meta.dirname).filter((name) => name !== 'every-operation.test.ts');
  expect(files.toSorted()).toEqual([...kmsOperations.keys()].map(fileOf).toSorted());
});

test('the declared table of key states says what the page of AWS says', () => {
  expect(Object.keys(keyStateTable).toSorted()).toEqual([...operationsOfThePage].toSorted());
  for (const operation of Object.keys(keyStateTable) as (keyof typeof keyStateTable)[]) {
    for (const state of reachableStates) {
      const expected = awsAnswers(operation, state);
      // What depends on more than the state is for the file of the operation.
      if (expected === 'depends') continue;
      const outcome = keyStateTable[operation][state];
      expect([operation, state, outcome === 'succeeds']).toEqual([operation, state, expected === 'succeeds']);
    }
  }
});

/** `GenerateDataKey` → `generate-data-key.test.ts` */
function fileOf(operation: string): string {
  return `${operation.replace(/(?<=[a-z])[A-Z]/g, '-$&').toLowerCase()}.test.ts`;
}
