import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { testSeed } from '../support/dice.ts';
import { readBackAll, tally } from './attempt.ts';
import { commandsBy, makeFirstKeys } from './commands.ts';
import { machineAccounts, machineSystem } from './machine-system.ts';
import { newModel } from './model.ts';
import { predictions } from './predictions.ts';

/**
 * Random sequences of requests, of days that pass, of sweeps and of restarts, which Keyhold below the wire and the model of
 * AWS KMS must answer alike. A failure prints the seed and the path: KEYHOLD_TEST_SEED repeats the run.
 */

const SEQUENCES = Number(process.env['KEYHOLD_MODEL_SEQUENCES'] ?? 500);
/** Fewer may by chance not come to everything. */
const ENOUGH = 1000;

const seed = testSeed();
let commandsRun = 0;
let startedAt: number;

beforeAll(() => {
  startedAt = performance.now();
});

afterAll(() => {
  const seconds = Math.round((performance.now() - startedAt) / 1000);
  const requests = [...tally.values()].reduce((sum, each) => sum + each, 0);
  console.log(`seed ${seed}: ${SEQUENCES} sequences, ${commandsRun} commands, ${requests} requests, ${seconds} s`);
});

test('keys answer as the model says, whatever was done to them', { timeout: 900_000 }, async () => {
  const sequence = fc.commands(commandsBy(['owner', 'alice', 'guest']), { maxCommands: 80, size: 'max' });
  // A file takes a hundred times as long as memory.
  const storage = fc.oneof(
    { withCrossShrink: true },
    { weight: 39, arbitrary: fc.constant('memory' as const) },
    { weight: 1, arbitrary: fc.constant('sqlite' as const) },
  );
  await fc.assert(
    fc.asyncProperty(storage, sequence, async (kind, commands) => {
      const system = await machineSystem(kind);
      const model = newModel(machineAccounts, system.now());
      try {
        await makeFirstKeys(model, system);
        await fc.asyncModelRun(() => ({ model, real: system }), commands);
        await readBackAll(model, system);
      } finally {
        commandsRun += model.commands;
        await system.close();
      }
    }),
    { numRuns: SEQUENCES, seed },
  );
});

test.runIf(SEQUENCES >= ENOUGH)('the sequences have come to everything that the model predicts', () => {
  const outcomes = (operation: string) => [...tally.keys()].filter((each) => each.startsWith(`${operation} `));
  for (const operation of Object.keys(predictions)) {
    expect(outcomes(operation), operation).toContain(`${operation} succeeds`);
  }
  expect(new Set([...tally.keys()].map((each) => each.split(' ')[1]))).toEqual(
    new Set([
      'succeeds',
      'AccessDeniedException',
      'AlreadyExistsException',
      'ConflictException',
      'DisabledException',
      'DryRunOperationException',
      'ExpiredImportTokenException',
      'IncorrectKeyException',
      'IncorrectKeyMaterialException',
      'InvalidCiphertextException',
      'InvalidImportTokenException',
      'InvalidKeyUsageException',
      'KMSInvalidSignatureException',
      'KMSInvalidStateException',
      'NotFoundException',
      'UnsupportedOperationException',
      'ValidationException',
    ]),
  );
});
