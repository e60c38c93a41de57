import fc from 'fast-check';
import { afterAll, beforeAll, test } from 'vitest';
import { testSeed } from '../support/dice.ts';
import { readBackAll } from './attempt.ts';
import { commandsBy, makeFirstKeys } from './commands.ts';
import { newModel } from './model.ts';
import { type RunningServer, runServer } from './server-system.ts';

const SEQUENCES = Number(process.env['KEYHOLD_MODEL_SERVER_SEQUENCES'] ?? 20);

let server: RunningServer;
let sequences = 0;

beforeAll(async () => {
  server = await runServer();
});
afterAll(() => server.stop());

test('a server answers the SDK as the model says, whatever was done to its keys, ended and killed meanwhile', async () => {
  const sequence = fc.commands(commandsBy(['owner', 'guest']), { maxCommands: 30, size: 'max' });
  await fc.assert(
    fc.asyncProperty(sequence, async (commands) => {
      const serial = String(++sequences).padStart(11, '0');
      const accounts = { owner: `1${serial}`, guest: `2${serial}` };
      const system = server.system(accounts);
      const model = newModel(accounts, system.now());
      await makeFirstKeys(model, system);
      await fc.asyncModelRun(() => ({ model, real: system }), commands);
      await readBackAll(model, system);
    }),
    { numRuns: SEQUENCES, seed: testSeed(), endOnFailure: true },
  );
}, 600_000);
