import type { KeyObject } from 'node:crypto';
import { Worker } from 'node:worker_threads';
import { generateKeyPair, type KeyPairSpec } from '../../crypto/key-pair.ts';
import { KeyholdError } from '../../runtime/errors.ts';
import type { FromThread } from './rsa-key-thread.ts';

/** Makes the private key of a key pair. */
export type KeyPairMaker = (spec: KeyPairSpec) => Promise<KeyObject>;

export interface StoppableKeyPairMaker {
  readonly make: KeyPairMaker;
  /**
   * Whoever still waits is refused. Resolves when the thread has ended, which cannot be before the key that it is at: a
   * server that stops need not make all the others for clients that are gone.
   */
  stop(): Promise<void>;
}

/** So many RSA keys may be waited for at once, in one worker; they are minutes of work. */
const MOST_WAITING = 100;

interface Wanted {
  readonly spec: KeyPairSpec;
  readonly resolve: (key: KeyObject) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Makes RSA keys one after the other in a thread of their own, at the lowest priority the system has: an RSA key of 4096
 * bits takes seconds of one processor, which libuv's pool would take from the event loops on a small machine. Other keys
 * take less time than the way there and back.
 *
 * The thread is there while there is something to make, and ends with it.
 */
export function keyPairMaker(): StoppableKeyPairMaker {
  const waiting: Wanted[] = [];
  let thread: Worker | undefined;

  function start(): Worker {
    const started = new Worker(new URL('./rsa-key-thread.ts', import.meta.url), {
      // It computes in OpenSSL and hardly in JavaScript.
      resourceLimits: { maxYoungGenerationSizeMb: 2, maxOldGenerationSizeMb: 32 },
    });
    started.on('message', ({ privateKey }: FromThread) => {
      waiting.shift()?.resolve(privateKey);
      next();
    });
    // Whoever waits is told, and whoever comes next gets a new thread.
    started.on('error', (error) => {
      thread = undefined;
      for (const { reject } of waiting.splice(0)) reject(error);
    });
    return started;
  }

  function next(): void {
    const [wanted] = waiting;
    if (wanted !== undefined) thread?.postMessage(wanted.spec);
    else {
      thread?.postMessage('end');
      thread = undefined;
    }
  }

  function make(spec: KeyPairSpec): Promise<KeyObject> {
    if (!spec.startsWith('RSA_')) return generateKeyPair(spec);
    if (waiting.length >= MOST_WAITING) {
      throw new KeyholdError('ThrottlingException', 'Too many RSA keys are being made at the moment. Try again later.');
    }
    return new Promise((resolve, reject) => {
      waiting.push({ spec, resolve, reject });
      if (waiting.length > 1) return;
      thread ??= start();
      next();
    });
  }

  async function stop(): Promise<void> {
    const refusal = new KeyholdError('ThrottlingException', 'The server is stopping. Try again later.');
    for (const { reject } of waiting.splice(0)) reject(refusal);
    await thread?.terminate();
    thread = undefined;
  }

  return { make, stop };
}
