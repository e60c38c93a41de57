import { invariant } from '../src/runtime/errors.ts';

/** What is asked of the server: the bodies of the requests, and what a right answer to each is. */

export const operations = ['Encrypt', 'Decrypt', 'GenerateDataKey'] as const;
export type OperationName = (typeof operations)[number];

/** The keys that a server's requests are about, in a random order, each with a ciphertext made under it. */
export interface KeySet {
  readonly keyIds: readonly string[];
  /** Base64, by the index of the key. */
  readonly ciphertexts: string[];
}

const ENCRYPTION_CONTEXT = { tenant: 'acme-production', purpose: 'invoice-archive' };
const PLAINTEXT_BYTES = 32;

export function requestBody(operation: OperationName, keys: KeySet, index: number): string {
  const KeyId = keys.keyIds[index];
  const EncryptionContext = ENCRYPTION_CONTEXT;
  switch (operation) {
    case 'Encrypt':
      return JSON.stringify({ KeyId, Plaintext: plaintextFor(index), EncryptionContext });
    case 'Decrypt':
      return decryptBody(keys.ciphertexts[index]);
    case 'GenerateDataKey':
      return JSON.stringify({ KeyId, NumberOfBytes: PLAINTEXT_BYTES, EncryptionContext });
  }
}

/** What the server's answers are made of, as far as this looks at them. */
interface Answer {
  readonly KeyId?: string;
  readonly Plaintext?: string;
  readonly CiphertextBlob?: string;
}

export function ciphertextOf(body: string): string {
  const { CiphertextBlob } = JSON.parse(body) as Answer;
  invariant(CiphertextBlob !== undefined, 'the answer holds a ciphertext');
  return CiphertextBlob;
}

/** Throws unless an answer about a key is right. `ask` sends a Decrypt of its own, to open a ciphertext that came. */
export async function checkAnswer(
  operation: OperationName,
  keys: KeySet,
  index: number,
  body: string,
  ask: (decryptBody: string) => Promise<string>,
): Promise<void> {
  const answer = JSON.parse(body) as Answer;
  const opened =
    operation === 'Decrypt' ? answer : (JSON.parse(await ask(decryptBody(answer.CiphertextBlob))) as Answer);
  const expected = operation === 'GenerateDataKey' ? answer.Plaintext : plaintextFor(index);
  const ofThisKey = answer.KeyId?.endsWith(`/${keys.keyIds[index]}`) === true && opened.KeyId === answer.KeyId;
  if (!ofThisKey || expected === undefined || opened.Plaintext !== expected) {
    throw new Error(`a wrong answer to ${operation} under ${keys.keyIds[index]}: ${body}`);
  }
}

function decryptBody(CiphertextBlob: string | undefined): string {
  return JSON.stringify({ CiphertextBlob, EncryptionContext: ENCRYPTION_CONTEXT });
}

/** Another one for each key, so that a mix-up of keys would show. */
function plaintextFor(index: number): string {
  const bytes = Buffer.alloc(PLAINTEXT_BYTES, 0x5a);
  bytes.writeUInt32BE(index);
  return bytes.toString('base64');
}
