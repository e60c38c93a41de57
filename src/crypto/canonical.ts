/**
 * Length-prefixed encoding: each part as its length in four bytes, big-endian, then its bytes. Joining strings with a
 * separator would let ("a", "bc") and ("ab", "c") meet; with lengths they cannot. Strings are written as UTF-8.
 */
export function lengthPrefixed(...parts: readonly (string | Uint8Array)[]): Buffer {
  let length = 0;
  for (const part of parts) length += 4 + Buffer.byteLength(part);
  const out = Buffer.allocUnsafe(length);
  let at = 0;
  for (const part of parts) {
    const written = typeof part === 'string' ? out.write(part, at + 4) : part.length;
    if (typeof part !== 'string') out.set(part, at + 4);
    out.writeUInt32BE(written, at);
    at += 4 + written;
  }
  return out;
}
