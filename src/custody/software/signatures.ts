import type { KeyObject } from 'node:crypto';
import { Worker } from 'node:worker_threads';
import type { MessageType, SigningAlgorithm } from '../../crypto/key-specs.ts';
import { sign, verify } from '../../crypto/signature.ts';
import { KeyholdError } from '../../runtime/errors.ts';
import type { Random } from '../../runtime/random.ts';
import type { SignatureJob, SignatureResult } from './signature-thread.ts';

/** Signs and verifies, as `crypto/signature.ts` does. */
export interface Signatures {
  sign(key: KeyObject, algorithm: SigningAlgorithm, message: Uint8Array, messageType: MessageType): Promise<Uint8Array>;
  verify(
    key: KeyObject,
    algorithm: SigningAlgorithm,
    message: Uint8Array,
    messageType: MessageType,
    signature: Uint8Array,
  ): Promise<boolean>;
}

export interface SignatureThread extends Signatures {
  /** Turns away whoever still waits, and resolves when the thread has ended. For a server that has no connections left. */
  stop(): Promise<void>;
}

/** Where the caller runs. */
export function signaturesHere(random: Random): Signatures {
  return {
    sign: (key, algorithm, message, messageType) => sign(key, algorithm, message, messageType, random),
    verify,
  };
}

/** So many may be waited for at once, in one worker; they are some ten seconds of work. */
const MOST_WAITING = 1000;

interface Waiting {
  readonly resolve: (result: Uint8Array | boolean) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * As {@link signaturesHere}, but what takes JavaScript more than a few milliseconds is done in a thread of its own, one after
 * the other: meanwhile an event loop has time for hundreds of other requests. The thread starts with the first such request
 * and stays until it is stopped.
 */
export function signaturesApart(random: Random): SignatureThread {
  const here = signaturesHere(random);
  const waiting = new Map<number, Waiting>();
  let thread: Worker | undefined;
  let jobs = 0;
  let stopped = false;

  function start(): Worker {
    const started = new Worker(new URL('./signature-thread.ts', import.meta.url));
    started.on('message', ({ job, ...outcome }: SignatureResult) => {
      if ('error' in outcome) waiting.get(job)?.reject(outcome.error);
      else waiting.get(job)?.resolve(outcome.result);
      waiting.delete(job);
    });
    // Whoever waits is told, and whoever comes next gets a new thread.
    started.on('error', (error) => {
      thread = undefined;
      turnAway(error);
    });
    return started;
  }

  function turnAway(error: unknown): void {
    for (const { reject } of waiting.values()) reject(error);
    waiting.clear();
  }

  function apart(work: Omit<SignatureJob, 'job'>): Promise<Uint8Array | boolean> {
    if (stopped || waiting.size >= MOST_WAITING) {
      throw new KeyholdError(
        'ThrottlingException',
        'Too many signatures are waited for at the moment. Try again later.',
      );
    }
    thread ??= start();
    const job = jobs++;
    const done = new Promise<Uint8Array | boolean>((resolve, reject) => waiting.set(job, { resolve, reject }));
    thread.postMessage({ job, ...work } satisfies SignatureJob);
    return done;
  }

  return {
    async sign(key, algorithm, message, messageType) {
      if (!isSlow(algorithm, messageType)) return here.sign(key, algorithm, message, messageType);
      return (await apart({ key, algorithm, message: exactly(message), messageType })) as Uint8Array;
    },
    async verify(key, algorithm, message, messageType, signature) {
      if (!isSlow(algorithm, messageType)) return here.verify(key, algorithm, message, messageType, signature);
      const work = { key, algorithm, message: exactly(message), messageType, signature: exactly(signature) };
      return (await apart(work)) as boolean;
    },
    async stop() {
      stopped = true;
      turnAway(new KeyholdError('ThrottlingException', 'The server is stopping. Try again later.'));
      await thread?.terminate();
    },
  };
}

/** What OpenSSL does not do for node:crypto, and takes JavaScript 2 to 30 ms. */
function isSlow(algorithm: SigningAlgorithm, messageType: MessageType): boolean {
  switch (algorithm) {
    case 'ECDSA_SHA_384':
    case 'ECDSA_SHA_512':
      return messageType === 'DIGEST';
    case 'ML_DSA_SHAKE_256':
      return messageType === 'EXTERNAL_MU';
    default:
      return algorithm === 'SM2DSA';
  }
}

/** Its own bytes alone: what is sent to a thread takes all of the memory with it that it is a part of. */
function exactly(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes);
}
