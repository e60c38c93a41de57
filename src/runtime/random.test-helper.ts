import { createCipheriv, createHash } from 'node:crypto';
import { type Random, uuidFromBytes } from './random.ts';

/** Randomness for tests: known, so that a run can be told beforehand or repeated. */

/** Hands out exactly these bytes, chunk by chunk, and fails when asked for a chunk of another length or for one more. */
export function replayRandom(...chunks: readonly Uint8Array[]): Random {
  const left = [...chunks];
  return {
    bytes(length) {
      const chunk = left.shift();
      if (chunk?.length !== length) throw new Error(`asked for ${length} random bytes, but ${chunk?.length} come next`);
      return Buffer.from(chunk);
    },
    uuid() {
      return uuidFromBytes(this.bytes(16));
    },
  };
}

/** The same endless bytes for the same seed: the key stream of AES-256 in counter mode. */
export function seededRandom(seed: string): Random {
  const stream = createCipheriv('aes-256-ctr', createHash('sha256').update(seed).digest(), Buffer.alloc(16));
  const bytes = (length: number) => stream.update(Buffer.alloc(length));
  return {
    bytes,
    uuid() {
      const raw = bytes(16);
      raw[6] = ((raw[6] as number) & 0x0f) | 0x40;
      raw[8] = ((raw[8] as number) & 0x3f) | 0x80;
      return uuidFromBytes(raw);
    },
  };
}
