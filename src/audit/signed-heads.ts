import { hash, type KeyObject } from 'node:crypto';
import { verifyPure } from '../crypto/ed25519.ts';
import { type ChainLink, chainLine } from './hash-chain.ts';

/**
 * Signed heads: how far each audit stream went at a moment, signed by the deployment. They are a stream of their own,
 * `heads`, chained like the others; the signature is the last member of a line and covers all that stands before it, the
 * sequence and the hash of the line before included (`docs/formats/audit-record.md`):
 *
 *     {"stream":"heads","sequence":7,"previous":"…","record":{"time":"…","at":"interval","key":"…","heads":[…],"signature":"…"}}
 *
 * INVARIANT: a head is signed only once the lines up to it are on the disk, so that no power cut makes it a lie.
 */
export const HEADS_STREAM = 'heads';

export interface StreamHead extends ChainLink {
  readonly stream: string;
}

export interface Heads {
  /** ISO 8601, UTC. */
  readonly time: string;
  /** Of a server that starts, before its first request; of one that runs; of one that has answered its last request. */
  readonly at: 'start' | 'interval' | 'stop';
  /** Which key signs: {@link keyIdOf}. */
  readonly key: string;
  /** What the deployment signed last, where that is not the line before: there were signed heads that are gone. */
  readonly follows?: ChainLink;
  /** Of streams whose older files may be removed from now on: the link of the last line that may be gone. */
  readonly begins?: readonly StreamHead[];
  /** In the order of the streams' names. */
  readonly heads: readonly StreamHead[];
}

export interface HeadSigner {
  /** SubjectPublicKeyInfo in DER. */
  readonly publicKey: Uint8Array;
  /** Ed25519. */
  sign(message: Uint8Array): Uint8Array;
}

const SIGNATURE_MEMBER = /,"signature":"([A-Za-z0-9+/]{86}==)"\}\}$/;
/** The signature's member, and the two braces that close a line. */
const LONGEST_ENDING = 110;

/** Names a public key: half of the SHA-256 of its SubjectPublicKeyInfo, in hex. */
export function keyIdOf(spki: Uint8Array): string {
  return hash('sha256', spki, 'hex').slice(0, 32);
}

/** The record of the line that will follow `link` in the stream `heads`. */
export function signedHeadsRecord(link: ChainLink, said: Omit<Heads, 'key'>, signer: HeadSigner): string {
  const { time, at, follows, begins = [], heads } = said;
  const written = ({ stream, sequence, hash: of }: StreamHead) => ({ stream, sequence, hash: of });
  const unsigned = JSON.stringify({
    time,
    at,
    key: keyIdOf(signer.publicKey),
    ...(follows === undefined ? {} : { follows }),
    ...(begins.length === 0 ? {} : { begins: begins.map(written) }),
    heads: heads.map(written),
  });
  const signature = signer.sign(Buffer.from(chainLine(HEADS_STREAM, link, unsigned), 'utf8'));
  return `${unsigned.slice(0, -1)},"signature":"${Buffer.from(signature).toString('base64')}"}`;
}

/** What a line of the stream `heads` says, or why it is not believed. Where it stands in its chain is the caller's to check. */
export function readSignedHeads(line: Buffer, publicKey: KeyObject, keyId: string): Heads | string {
  const heads = parseHeads(line);
  if (heads === undefined) return 'holds no signed heads';
  if (heads.key !== keyId) return `is signed by another key, ${JSON.stringify(heads.key)}`;
  const ending = SIGNATURE_MEMBER.exec(line.toString('latin1', Math.max(0, line.length - LONGEST_ENDING)));
  const [member = '', signature = ''] = ending ?? [];
  const unsigned = Buffer.concat([line.subarray(0, line.length - member.length), Buffer.from('}}')]);
  if (ending === null || !verifyPure(publicKey, unsigned, Buffer.from(signature, 'base64'))) {
    return 'has a signature that does not verify';
  }
  return heads;
}

/** What a line says, whoever wrote it. */
export function parseHeads(line: Buffer): Heads | undefined {
  try {
    const { record } = JSON.parse(line.toString('utf8')) as { record: Partial<Heads> };
    const { time, at, key, follows, begins = [], heads } = record;
    if (typeof time !== 'string' || typeof at !== 'string' || typeof key !== 'string') return undefined;
    if (follows !== undefined && !isLink(follows)) return undefined;
    if (!Array.isArray(heads) || !Array.isArray(begins)) return undefined;
    return [...heads, ...begins].every(isStreamHead) ? (record as Heads) : undefined;
  } catch {
    return undefined;
  }
}

function isStreamHead(value: unknown): value is StreamHead {
  return isLink(value) && typeof (value as { stream?: unknown }).stream === 'string';
}

function isLink(value: unknown): value is ChainLink {
  if (typeof value !== 'object' || value === null) return false;
  const { sequence, hash: of } = value as { sequence?: unknown; hash?: unknown };
  return Number.isSafeInteger(sequence) && typeof of === 'string';
}
