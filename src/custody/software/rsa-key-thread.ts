import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { constants, setPriority } from 'node:os';
import { parentPort } from 'node:worker_threads';
import type { KeyPairSpec } from '../../crypto/key-pair.ts';
import { keySpecs } from '../../crypto/key-specs.ts';
import { invariant } from '../../runtime/errors.ts';

export interface FromThread {
  readonly privateKey: KeyObject;
}

/** Makes RSA keys, one for each message that names a spec, and ends when it is told to. */

invariant(parentPort !== null, 'this runs in a thread of its own');
const port = parentPort;

// On Linux a priority is a thread's own, and 0 means the calling one; elsewhere it would be the whole process's.
if (process.platform === 'linux') setPriority(0, constants.priority.PRIORITY_LOW);

port.on('message', (wanted: KeyPairSpec | 'end') => {
  if (wanted === 'end') {
    port.close();
    return;
  }
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: Number(keySpecs[wanted].parameters) });
  // A KeyObject goes from thread to thread as a reference; its bytes are not copied.
  port.postMessage({ privateKey } satisfies FromThread);
});
