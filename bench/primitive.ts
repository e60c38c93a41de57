import { createCipheriv } from 'node:crypto';

/** What calls of `node:crypto` cost alone: called in a tight loop in this process, and measured by processor time. */

/** Between two looks at the clock, which costs about a microsecond. */
const CALLS_AT_A_TIME = 20;

export interface PrimitiveTally {
  calls: number;
  cpuMicros: number;
}

/** Calls the primitive until it has used so much processor time, and adds that to its tally. */
export function measurePrimitive(primitive: () => unknown, forCpuMicros: number, tally: PrimitiveTally): void {
  const before = process.cpuUsage();
  let used = 0;
  while (used < forCpuMicros) {
    for (let call = 0; call < CALLS_AT_A_TIME; call++) primitive();
    tally.calls += CALLS_AT_A_TIME;
    const { user, system } = process.cpuUsage(before);
    used = user + system;
  }
  tally.cpuMicros += used;
}

const key = Buffer.alloc(32, 0x6b);
const nonce = Buffer.alloc(12);

/** AES-256-GCM as any program would have it. The nonce is the same each time, for nothing here is secret. */
export function encryptAesGcm(plaintext: Uint8Array): Buffer {
  const cipher = createCipheriv('aes-256-gcm', key, nonce);
  return Buffer.concat([cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]);
}
