import { registerHooks } from 'node:module';

/**
 * Loaded into a server by `--import`, has it answer without the audit records of requests: for measuring what auditing costs,
 * and for nothing else. The server itself has no such option, and is not to get one.
 */
const RECORDS = new URL('../src/services/attempt-records.ts', import.meta.url).href;
const RECORD = 'export function recordAttempt(';

registerHooks({
  load(url, context, nextLoad) {
    const loaded = nextLoad(url, context);
    if (url !== RECORDS) return loaded;
    const source = String(loaded.source);
    if (!source.includes(RECORD)) throw new Error(`${RECORDS} has no ${RECORD}`);
    const without = `${source.replace(RECORD, 'function withRecords(')}
export const recordAttempt: typeof withRecords = () => Promise.resolve();`;
    return { ...loaded, source: without };
  },
});
