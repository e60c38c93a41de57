import type { KeyObject } from 'node:crypto';
import { parentPort } from 'node:worker_threads';
import type { MessageType, SigningAlgorithm } from '../../crypto/key-specs.ts';
import { sign, verify } from '../../crypto/signature.ts';
import { invariant } from '../../runtime/errors.ts';
import { systemRandom } from '../../runtime/random.ts';

/** To verify the signature, where there is one; or else to make one. */
export interface SignatureJob {
  readonly job: number;
  /** It goes from thread to thread as a reference; its bytes are not copied. */
  readonly key: KeyObject;
  readonly algorithm: SigningAlgorithm;
  readonly message: Uint8Array;
  readonly messageType: MessageType;
  readonly signature?: Uint8Array;
}

export type SignatureResult = { readonly job: number } & (
  | { readonly result: Uint8Array | boolean }
  | { readonly error: unknown }
);

/** Signs and verifies, one job for each message. */

invariant(parentPort !== null, 'this runs in a thread of its own');
const port = parentPort;
const random = systemRandom();

port.on('message', async ({ job, ...work }: SignatureJob) => {
  // One that fails, which would be our mistake, is not to end those that wait behind it.
  const outcome = await done(work).then(
    (result) => ({ result }),
    (error: unknown) => ({ error }),
  );
  port.postMessage({ job, ...outcome } satisfies SignatureResult);
});

async function done({ key, algorithm, message, messageType, signature }: Omit<SignatureJob, 'job'>) {
  if (signature !== undefined) return verify(key, algorithm, message, messageType, signature);
  return new Uint8Array(await sign(key, algorithm, message, messageType, random));
}
