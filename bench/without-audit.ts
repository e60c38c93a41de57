import { registerHooks } from 'node:module';

/**
 * Loaded into a server by `--import`, has it answer without any audit record: for measuring what auditing costs, and for
 * nothing else. The server itself has no such option, and is not to get one.
 */
const RECORDS = new URL('../src/services/attempt-records.ts', import.meta.url).href;

registerHooks({
  load(url, context, nextLoad) {
    if (url !== RECORDS) return nextLoad(url, context);
    const source = `
      export const attemptRecords = () => [];
      export const recordAttempt = () => Promise.resolve();
      export const consequenceRecorder = () => () => Promise.resolve();`;
    return { format: 'module', source, shortCircuit: true };
  },
});
