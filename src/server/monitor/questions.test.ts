import { once } from 'node:events';
import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads';
import { afterEach, expect, test, vi } from 'vitest';
import { KeyholdError } from '../../runtime/errors.ts';
import { type Askable, answerQuestions, type Monitor, monitorConnection } from './questions.ts';

interface Counting {
  double(number: number): Promise<number>;
  refuse(why: string): Promise<never>;
  fail(): Promise<never>;
  tell(what: unknown): Promise<unknown>;
  wait(): Promise<never>;
}

const counting: Counting = {
  double: async (number) => 2 * number,
  refuse: async (why) => {
    throw new KeyholdError('InvalidArnException', why);
  },
  fail: async () => {
    throw new Error('a secret of the monitor');
  },
  tell: async () => () => {},
  wait: () => new Promise(() => {}),
};
const methods = ['double', 'refuse', 'fail', 'tell', 'wait'] as const;

const ports: MessagePort[] = [];
const connections: Monitor[] = [];
afterEach(() => {
  vi.useRealTimers();
  for (const port of ports.splice(0)) port.close();
  for (const each of connections.splice(0)) each.close();
});

function connection(): Monitor {
  const made = monitorConnection();
  connections.push(made);
  return made;
}

/** Connects to a monitor, and gives what faults it is told of. */
function connect(asking: Monitor): unknown[] {
  const faults: unknown[] = [];
  const { port1, port2 } = new MessageChannel();
  ports.push(port1, port2);
  answerQuestions(port2, { counting: counting as unknown as Askable<Record<string, unknown>> }, (error, question) =>
    faults.push(`${question}: ${(error as Error).message}`),
  );
  // In a thread of its own it lives as long as the thread; here the test has to keep it.
  port1.ref();
  port2.ref();
  asking.connect(port1);
  return faults;
}

test('a question is answered, and several at once each by their own answer', async () => {
  const asking = connection();
  connect(asking);
  const remote = asking.remote<Counting>('counting', methods);
  expect(await Promise.all([remote.double(1), remote.double(2), remote.double(3)])).toEqual([2, 4, 6]);
});

test('a refusal arrives as what it is', async () => {
  const asking = connection();
  const faults = connect(asking);
  const asked = asking.remote<Counting>('counting', methods).refuse('no such ARN');
  await expect(asked).rejects.toMatchObject({ code: 'InvalidArnException', message: 'no such ARN' });
  expect(faults).toEqual([]);
});

test('a fault, and a result that cannot be sent, are told to the monitor’s log and not to the worker', async () => {
  const asking = connection();
  const faults = connect(asking);
  const remote = asking.remote<Counting>('counting', methods);
  const told = { code: 'KMSInternalException', message: 'the monitor failed' };
  await expect(remote.fail()).rejects.toMatchObject(told);
  await expect(remote.tell(1)).rejects.toMatchObject(told);
  expect(faults).toEqual([
    'counting.fail: a secret of the monitor',
    expect.stringMatching(/^counting\.tell: .*could not be cloned/),
  ]);
});

test('without a monitor, a question fails at once', async () => {
  const asked = connection().remote<Counting>('counting', methods).double(1);
  await expect(asked).rejects.toMatchObject({ code: 'KMSInternalException', message: 'the monitor is not there' });
});

test('a question that is not answered in time fails, and an answer that comes later does no harm', async () => {
  const asking = connection();
  connect(asking);
  const remote = asking.remote<Counting>('counting', methods);
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  const late = remote.double(1);
  const never = remote.wait();
  const failed = expect(never).rejects.toMatchObject({
    code: 'KMSInternalException',
    message: 'the monitor did not answer counting.wait in time',
  });
  expect(await late).toBe(2);
  vi.advanceTimersByTime(30_000);
  await failed;
  expect(await remote.double(2)).toBe(4);
});

test('what waits when the monitor is started anew fails, and the next question goes to the new one', async () => {
  const asking = connection();
  connect(asking);
  const remote = asking.remote<Counting>('counting', methods);
  const waiting = remote.wait();
  const failed = expect(waiting).rejects.toMatchObject({
    code: 'KMSInternalException',
    message: 'the monitor was started anew',
  });
  connect(asking);
  await failed;
  expect(await remote.double(4)).toBe(8);
});

test('what waits when the server stops fails', async () => {
  const asking = connection();
  connect(asking);
  const waiting = asking.remote<Counting>('counting', methods).wait();
  asking.close();
  await expect(waiting).rejects.toMatchObject({ message: 'the server stops' });
});

test('a connection does not keep a thread that has nothing else to do', async () => {
  const worker = new Worker(
    `const { workerData } = require('node:worker_threads');
     import(${JSON.stringify(new URL('./questions.ts', import.meta.url).href)}).then(({ monitorConnection, answerQuestions }) => {
       const { port1, port2 } = new MessageChannel();
       answerQuestions(port2, {}, () => {});
       monitorConnection().connect(port1);
     });`,
    { eval: true },
  );
  const [status] = await once(worker, 'exit');
  expect(status).toBe(0);
});
