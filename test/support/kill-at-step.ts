import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { DatabaseSync, StatementSync } from 'node:sqlite';
import { isMainThread } from 'node:worker_threads';

/**
 * Loaded into a server by `node --import`: kills it right before the n-th step by which one of its threads changes anything
 * on the disk, so that a test can crash it at every one of them.
 */

const killAt = Number(process.env['KILL_AT_STEP']);
const inThisThread = process.env['KILL_IN_THREAD'] === (isMainThread ? 'main' : 'worker');
let steps = 0;

function countStepsOf(owner: object, names: readonly string[]): void {
  const methods = owner as Record<string, (...args: unknown[]) => unknown>;
  for (const name of names) {
    const original = methods[name];
    if (original === undefined) throw new Error(`there is no ${name} to count`);
    methods[name] = function (this: unknown, ...args: unknown[]) {
      // Reading changes nothing, and modules are read, too.
      if (name !== 'openSync' || args[1] !== 'r') steps++;
      if (steps === killAt) process.kill(process.pid, 'SIGKILL');
      return original.apply(this, args);
    };
  }
}

if (inThisThread) {
  countStepsOf(fs, ['mkdirSync', 'chmodSync', 'openSync', 'writeSync', 'writeFileSync', 'fsyncSync', 'linkSync']);
  countStepsOf(fs, ['renameSync', 'rmSync', 'ftruncateSync']);
  countStepsOf(DatabaseSync.prototype, ['exec', 'close']);
  countStepsOf(StatementSync.prototype, ['run']);
  syncBuiltinESMExports();
}
