import type { MessagePort } from 'node:worker_threads';
import { type ErrorCode, KeyholdError } from '../../runtime/errors.ts';

/**
 * How a worker asks the monitor, which alone has the index of the audit trail and the metrics: a call of a method, sent as a
 * message. Arguments and results are whatever can be cloned.
 */

interface Question {
  readonly id: number;
  readonly of: string;
  readonly method: string;
  readonly argument: unknown;
}

type Answer =
  | { readonly id: number; readonly result: unknown }
  | { readonly id: number; readonly refused: { readonly code: ErrorCode; readonly message: string } };

/** An object whose methods take one argument and may be called from another thread. */
// biome-ignore lint/suspicious/noExplicitAny: the types are the interface's own
export type Askable<Interface> = { readonly [Method in keyof Interface]: (argument: any) => Promise<unknown> };

const PATIENCE_MS = 30_000;

export interface Monitor {
  /** The same interface, answered by the monitor. Its methods reject with KMSInternalException where it does not answer. */
  remote<Interface extends Askable<Interface>>(of: string, methods: readonly (keyof Interface & string)[]): Interface;
  /** Asks here from now on: the monitor was started anew. What the old one has not answered fails. */
  connect(port: MessagePort): void;
  close(): void;
}

export function monitorConnection(): Monitor {
  const waiting = new Map<number, PromiseWithResolvers<unknown>>();
  let port: MessagePort | undefined;
  let nextId = 1;

  function fail(why: string): void {
    for (const { reject } of waiting.values()) reject(new KeyholdError('KMSInternalException', why));
    waiting.clear();
  }

  function settle(answer: Answer): void {
    const asked = waiting.get(answer.id);
    waiting.delete(answer.id);
    if ('refused' in answer) asked?.reject(new KeyholdError(answer.refused.code, answer.refused.message));
    else asked?.resolve(answer.result);
  }

  async function ask(of: string, method: string, argument: unknown): Promise<unknown> {
    if (port === undefined) throw new KeyholdError('KMSInternalException', 'the monitor is not there');
    const id = nextId++;
    const asked = Promise.withResolvers<unknown>();
    waiting.set(id, asked);
    const timer = setTimeout(() => {
      waiting.delete(id);
      asked.reject(new KeyholdError('KMSInternalException', `the monitor did not answer ${of}.${method} in time`));
    }, PATIENCE_MS);
    try {
      port.postMessage({ id, of, method, argument } satisfies Question);
      return await asked.promise;
    } finally {
      clearTimeout(timer);
    }
  }

  return {
    remote: <Interface>(of: string, methods: readonly (keyof Interface & string)[]) =>
      Object.fromEntries(
        methods.map((method) => [method, (argument: unknown) => ask(of, method, argument)]),
      ) as Interface,
    connect(next) {
      port?.close();
      fail('the monitor was started anew');
      port = next;
      port.on('message', settle);
      port.unref();
    },
    close() {
      port?.close();
      fail('the server stops');
    },
  };
}

/**
 * Answers what comes through a port.
 *
 * @param onFault told of what is no refusal; the worker is told nothing of it
 */
export function answerQuestions(
  port: MessagePort,
  interfaces: Readonly<Record<string, Askable<Record<string, unknown>>>>,
  onFault: (error: unknown, question: string) => void,
): void {
  port.on('message', async ({ id, of, method, argument }: Question) => {
    try {
      const result = await interfaces[of]?.[method]?.(argument);
      port.postMessage({ id, result } satisfies Answer);
    } catch (error) {
      const refused = error instanceof KeyholdError ? error : undefined;
      if (refused === undefined) onFault(error, `${of}.${method}`);
      const { code, message } = refused ?? { code: 'KMSInternalException' as const, message: 'the monitor failed' };
      port.postMessage({ id, refused: { code, message } } satisfies Answer);
    }
  });
  // A listener holds its thread; this one is to end all the same.
  port.unref();
}
