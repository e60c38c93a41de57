import { constants, createCipheriv, createPublicKey, publicEncrypt } from 'node:crypto';
import type { WrappingAlgorithm } from './key-wrapping.ts';

/** Wraps key material as its owner does it. AES-KWP is written out from RFC 5649, with nothing but the block cipher. */

export function wrapMaterial(
  publicKey: Uint8Array,
  algorithm: WrappingAlgorithm,
  material: Uint8Array,
  aesKey: Uint8Array = Buffer.alloc(32, 0xae),
): Buffer {
  const oaepHash = algorithm.endsWith('SHA_1') ? 'sha1' : 'sha256';
  const key = createPublicKey({ key: Buffer.from(publicKey), format: 'der', type: 'spki' });
  const oaep = (message: Uint8Array) =>
    publicEncrypt({ key, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash }, message);
  if (!algorithm.startsWith('RSA_AES_')) return oaep(material);
  return Buffer.concat([oaep(aesKey), wrapPadded(aesKey, material)]);
}

/** RFC 5649 section 4.1, over the wrapping process W of RFC 3394 section 2.2.1. */
export function wrapPadded(aesKey: Uint8Array, material: Uint8Array): Buffer {
  const block = (input: Buffer) => {
    const cipher = createCipheriv(`aes-${aesKey.length * 8}-ecb`, aesKey, null).setAutoPadding(false);
    return Buffer.concat([cipher.update(input), cipher.final()]);
  };
  let a = Buffer.from('a65959a600000000', 'hex');
  a.writeUInt32BE(material.length, 4);
  const padded = Buffer.alloc(Math.ceil(material.length / 8) * 8);
  padded.set(material);
  if (padded.length === 8) return block(Buffer.concat([a, padded]));
  const r = Array.from({ length: padded.length / 8 }, (_, at) => padded.subarray(at * 8, at * 8 + 8));
  for (let round = 0; round < 6; round++) {
    for (const [at, each] of r.entries()) {
      const b = block(Buffer.concat([a, each]));
      a = Buffer.from(b.subarray(0, 8));
      a.writeBigUInt64BE(a.readBigUInt64BE() ^ BigInt(r.length * round + at + 1));
      r[at] = b.subarray(8);
    }
  }
  return Buffer.concat([a, ...r]);
}
