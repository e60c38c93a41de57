import { deflateRawSync, inflateRawSync } from 'node:zlib';
import { lengthPrefixed } from '../../../crypto/canonical.ts';
import type { Sealer } from '../../../custody/domain-keys.ts';
import { KeyholdError } from '../../../runtime/errors.ts';
import type { Session } from './session.ts';

/**
 * Session tokens: a session, sealed under a key that serves for nothing else (docs/formats/session-token.md).
 *
 * INVARIANT: a token opens for its own access key alone, whose id is the additional data. The secret that signatures are
 * verified with lies within, so that neither a token nor a secret is good for anything without the other.
 */
export interface SessionTokens {
  /**
   * @param leastCharacters the token is at least this long: `MinimumSessionTokenSize`
   * @throws KeyholdError PackedPolicyTooLargeException if it would not fit into a request's headers
   */
  seal(session: Session, accessKeyId: string, leastCharacters?: number): string;
  /** Undefined for what is none of ours, and for the token of another access key. */
  open(token: string, accessKeyId: string): Session | undefined;
}

const FORMAT_VERSION = 1;
/** In front of the compressed session: the format version, and how long it is. Behind it there may be zeros. */
const PREFIX_BYTES = 5;
/** Half of what all headers of a request may take (`server/listener.ts`). What is longer is not looked at. */
export const MOST_TOKEN_CHARACTERS = 8192;

export function sessionTokens(sealer: Sealer): SessionTokens {
  return {
    seal(session, accessKeyId, leastCharacters = 0) {
      const packed = deflateRawSync(Buffer.from(JSON.stringify(session), 'utf8'));
      const token = (padding: number) => sealed(sealer, accessKeyId, packed, padding);
      const usual = token(0);
      const most = Math.max(usual.length, leastCharacters);
      if (most > MOST_TOKEN_CHARACTERS) throw tooLarge(usual.length);
      return usual.length >= leastCharacters ? usual : token(bytesIn(leastCharacters) - bytesIn(usual.length));
    },
    open(token, accessKeyId) {
      if (token.length > MOST_TOKEN_CHARACTERS) return undefined;
      const bytes = Buffer.from(token, 'base64');
      // Node's decoder overlooks what is not base64.
      if (bytes.toString('base64') !== token) return undefined;
      const opened = openOrUndefined(sealer, accessKeyId, bytes);
      if (opened === undefined || opened[0] !== FORMAT_VERSION) return undefined;
      const packed = opened.subarray(PREFIX_BYTES, PREFIX_BYTES + opened.readUInt32BE(1));
      return JSON.parse(inflateRawSync(packed).toString('utf8'));
    },
  };
}

function sealed(sealer: Sealer, accessKeyId: string, packed: Buffer, paddingBytes: number): string {
  const prefix = Buffer.alloc(PREFIX_BYTES);
  prefix[0] = FORMAT_VERSION;
  prefix.writeUInt32BE(packed.length, 1);
  const plaintext = Buffer.concat([prefix, packed, Buffer.alloc(paddingBytes)]);
  return sealer.seal(additionalData(accessKeyId), plaintext).toString('base64');
}

function openOrUndefined(sealer: Sealer, accessKeyId: string, bytes: Buffer): Buffer | undefined {
  try {
    return sealer.open(additionalData(accessKeyId), bytes);
  } catch (error) {
    // Not tampering with the store: a token comes from outside.
    if (error instanceof KeyholdError && error.code === 'TamperedRecord') return undefined;
    throw error;
  }
}

function additionalData(accessKeyId: string): Buffer {
  return lengthPrefixed('session token', accessKeyId);
}

/** Base64 has four characters for three bytes, or for what is left of them. */
function bytesIn(characters: number): number {
  return Math.ceil(characters / 4) * 3;
}

function tooLarge(characters: number): KeyholdError {
  const percent = Math.ceil((100 * characters) / MOST_TOKEN_CHARACTERS);
  return new KeyholdError(
    'PackedPolicyTooLargeException',
    `Packed size of session tags consumes ${percent}% of allotted space.`,
  );
}
