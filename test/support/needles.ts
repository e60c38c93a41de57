/** The ways in which bytes may turn up in a file or a log: as they are, and in the encodings that programs print. */

export interface Needle {
  readonly what: string;
  readonly bytes: Buffer;
}

/** Long enough that none turns up by chance. */
const PIECE_BYTES = 16;

/** What to look for so that no part of a secret of 16 bytes or more is overlooked for having been cut or encoded. */
export function needlesOf(name: string, secret: Uint8Array): Needle[] {
  if (secret.length < PIECE_BYTES) throw new Error(`${name} is too short to be told from chance`);
  const needles: Needle[] = [];
  for (let start = 0; start + PIECE_BYTES <= secret.length; start += PIECE_BYTES) {
    const piece = Buffer.from(secret.subarray(start, start + PIECE_BYTES));
    const add = (how: string, bytes: Buffer | string) =>
      needles.push({ what: `${name}, byte ${start} on, ${how}`, bytes: Buffer.from(bytes) });
    add('as it is', piece);
    add('in hex', piece.toString('hex'));
    add('in upper-case hex', piece.toString('hex').toUpperCase());
    add('as a list of numbers', piece.join(','));
    add('as a list of numbers, spaced', piece.join(', '));
    for (const alignment of [0, 1, 2]) {
      add(`in base64 at alignment ${alignment}`, base64Within(piece, alignment, 'base64'));
      add(`in base64url at alignment ${alignment}`, base64Within(piece, alignment, 'base64url'));
    }
  }
  return needles;
}

/** The characters that stand for these bytes alone when so many other bytes, modulo 3, are in front of them. */
function base64Within(piece: Buffer, alignment: number, encoding: 'base64' | 'base64url'): string {
  const text = Buffer.concat([Buffer.alloc(alignment), piece]).toString(encoding);
  const firstWhole = Math.ceil((alignment * 8) / 6);
  const lastWhole = Math.floor(((alignment + piece.length) * 8) / 6);
  return text.slice(firstWhole, lastWhole);
}

/** Which needles are in which haystacks. */
export function findNeedles(needles: readonly Needle[], haystacks: Iterable<readonly [string, Buffer]>): string[] {
  const found: string[] = [];
  for (const [where, haystack] of haystacks) {
    for (const { what, bytes } of needles) if (haystack.includes(bytes)) found.push(`${what}: in ${where}`);
  }
  return found;
}
