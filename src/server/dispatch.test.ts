import { pino } from 'pino';
import { expect, test } from 'vitest';
import type { AuditRecord } from '../audit/record.ts';
import { systemRandom } from '../runtime/random.ts';
import { rootCaller } from '../services/iam/callers.ts';
import { machine } from '../services/kms/kms.test-helper.ts';
import { openMemoryStore } from '../store/memory/memory-store.ts';
import { sealedMemoryStore } from '../store/sealed-memory-store.test-helper.ts';
import { dispatcher } from './dispatch.ts';

const authorization =
  'AWS4-HMAC-SHA256 Credential=test/20261122/us-east-1/kms/aws4_request, SignedHeaders=host, Signature=00';

const createKey = {
  method: 'POST',
  target: '/',
  rawHeaders: ['Host', 'localhost', 'X-Amz-Date', '20261122T100000Z', 'Authorization', authorization],
  body: Buffer.from('{}'),
  tooLarge: false,
  xAmzTarget: 'TrentService.CreateKey',
  contentType: '',
  userAgent: 'test',
  traceParent: '',
  host: 'localhost',
  sourceIp: '127.0.0.1',
};

test('a change whose commit fails after it was recorded leaves a second event, with the error and an id of its own', async () => {
  const faults: { failNextCommit?: Error } = {};
  const { service } = await machine(sealedMemoryStore(openMemoryStore({ faults }))).worker();
  const records: AuditRecord[] = [];
  const dispatch = dispatcher({
    services: [service],
    authenticate: async () => ({ caller: rootCaller('000000000000', 'test'), region: 'us-east-1' }),
    audit: { append: async (json) => void records.push(JSON.parse(json)), close: async () => {} },
    clock: { now: () => Date.UTC(2026, 10, 22) },
    random: systemRandom(),
    log: pino({ level: 'silent' }),
  });
  faults.failNextCommit = new Error('no room');
  expect((await dispatch(createKey)).status).toBe(500);
  const [done, failed] = records;
  expect(records).toHaveLength(2);
  expect(done).not.toHaveProperty('errorCode');
  expect(failed).toMatchObject({ errorCode: 'KMSInternalException', requestID: done?.requestID });
  expect(failed?.eventID).not.toBe(done?.eventID);
});

test('so do the consequences of the change', async () => {
  const faults: { failNextCommit?: Error } = {};
  const worker = await machine(sealedMemoryStore(openMemoryStore({ faults }))).worker();
  const caller = rootCaller('000000000000', 'test');
  const { KeyMetadata } = await worker.call('CreateKey', {}, caller);
  const records: AuditRecord[] = [];
  const dispatch = dispatcher({
    services: [worker.service],
    authenticate: async () => ({ caller, region: 'us-east-1' }),
    audit: { append: async (json) => void records.push(JSON.parse(json)), close: async () => {} },
    clock: { now: () => Date.UTC(2026, 10, 22) },
    random: systemRandom(),
    log: pino({ level: 'silent' }),
  });
  faults.failNextCommit = new Error('no room');
  const { KeyId } = KeyMetadata as { KeyId: string };
  const rotate = { ...createKey, xAmzTarget: 'TrentService.RotateKeyOnDemand' };
  expect((await dispatch({ ...rotate, body: Buffer.from(JSON.stringify({ KeyId })) })).status).toBe(500);
  expect(records.map(({ eventName, errorCode }) => [eventName, errorCode])).toEqual([
    ['RotateKeyOnDemand', undefined],
    ['RotateKey', undefined],
    ['RotateKeyOnDemand', 'KMSInternalException'],
    ['RotateKey', 'KMSInternalException'],
  ]);
  expect(new Set(records.map(({ eventID }) => eventID)).size).toBe(4);
});
