import {
  constants,
  createHmac,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  sign,
  verify,
} from 'node:crypto';
import type { KeySpec, KeyUsage, SigningAlgorithm } from '../src/crypto/key-specs.ts';
import { invariant } from '../src/runtime/errors.ts';
import { encryptAesGcm } from './primitive.ts';

/** What is asked of the server: one declaration for each operation under test, and from it all that the run needs. */

export interface Workload {
  /** As reports call it. */
  readonly name: string;
  readonly operation: string;
  /** The keys that it is asked of: all requests of a workload go round the keys of one spec. */
  readonly keySpec: KeySpec;
  readonly keyUsage: KeyUsage;
  /** Whether it is measured with every number of keys, or with the first only. */
  readonly onEveryServer: boolean;
  readonly input: (key: KeyUnderTest) => object;
  /** Whether an answer that is about the right key is right otherwise. `ask` sends a request of its own. */
  readonly isRight: (answer: Answer, key: KeyUnderTest, ask: Ask) => boolean | Promise<boolean>;
  /** Takes from an answer what other workloads of the same key send: see {@link KeyUnderTest.made}. */
  readonly makes?: (answer: Answer) => string | undefined;
  /** Sets up the calls of `node:crypto` that the operation is there for, which are then timed alone. */
  readonly primitive?: () => () => unknown;
}

export interface KeyUnderTest {
  readonly keyId: string;
  /** Another one for each key of a server. */
  readonly number: number;
  /** A ciphertext or a signature that the server made under this key, in base64. */
  made: string | undefined;
}

export type Ask = (operation: string, input: object) => Promise<Answer>;

/** What the server's answers are made of, as far as this looks at them; bytes are base64. */
export interface Answer {
  readonly KeyId?: string;
  readonly Plaintext?: string;
  readonly CiphertextBlob?: string;
  readonly Signature?: string;
  readonly SignatureValid?: boolean;
  readonly Mac?: string;
  readonly MacValid?: boolean;
  readonly PublicKey?: string;
  readonly PrivateKeyPlaintext?: string;
  readonly PrivateKeyCiphertextBlob?: string;
}

const EncryptionContext = { tenant: 'acme-production', purpose: 'invoice-archive' };
const MESSAGE_BYTES = 32;

const symmetric = { keySpec: 'SYMMETRIC_DEFAULT', keyUsage: 'ENCRYPT_DECRYPT', onEveryServer: true } as const;

export const encrypt: Workload = {
  ...symmetric,
  name: 'Encrypt',
  operation: 'Encrypt',
  input: (key) => ({ KeyId: key.keyId, Plaintext: messageFor(key), EncryptionContext }),
  isRight: (answer, key, ask) => opens(answer.CiphertextBlob, messageFor(key), answer, ask),
  makes: (answer) => answer.CiphertextBlob,
};

const decrypt: Workload = {
  ...symmetric,
  name: 'Decrypt',
  operation: 'Decrypt',
  input: (key) => ({ CiphertextBlob: key.made, EncryptionContext }),
  isRight: (answer, key) => answer.Plaintext === messageFor(key),
};

const generateDataKey: Workload = {
  ...symmetric,
  name: 'GenerateDataKey',
  operation: 'GenerateDataKey',
  input: (key) => ({ KeyId: key.keyId, NumberOfBytes: MESSAGE_BYTES, EncryptionContext }),
  isRight: (answer, _, ask) => opens(answer.CiphertextBlob, answer.Plaintext, answer, ask),
};

/** What Sign and Verify need to know of a spec: AWS's name of the algorithm, and how `node:crypto` does the same. */
interface SignatureScheme {
  readonly keySpec: KeySpec;
  readonly SigningAlgorithm: SigningAlgorithm;
  readonly hash: string | null;
  readonly padding?: { readonly padding: number; readonly saltLength: number };
  readonly makeKey: () => { privateKey: KeyObject; publicKey: KeyObject };
}

const signatureSchemes: readonly SignatureScheme[] = [
  {
    keySpec: 'ECC_NIST_P256',
    SigningAlgorithm: 'ECDSA_SHA_256',
    hash: 'sha256',
    makeKey: () => generateKeyPairSync('ec', { namedCurve: 'prime256v1' }),
  },
  {
    keySpec: 'RSA_2048',
    SigningAlgorithm: 'RSASSA_PSS_SHA_256',
    hash: 'sha256',
    padding: { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST },
    makeKey: () => generateKeyPairSync('rsa', { modulusLength: 2048 }),
  },
  {
    keySpec: 'ML_DSA_65',
    SigningAlgorithm: 'ML_DSA_SHAKE_256',
    hash: null,
    makeKey: () => generateKeyPairSync('ml-dsa-65'),
  },
];

function signing({ keySpec, SigningAlgorithm, hash, padding, makeKey }: SignatureScheme): readonly Workload[] {
  const shared = { keySpec, keyUsage: 'SIGN_VERIFY', onEveryServer: false } as const;
  const input = (key: KeyUnderTest) => ({ KeyId: key.keyId, Message: messageFor(key), SigningAlgorithm });
  /** By `node:crypto`, with the public key that the server gives out. */
  const isSignature = async (signature: string | undefined, key: KeyUnderTest, ask: Ask) => {
    const { PublicKey } = await ask('GetPublicKey', { KeyId: key.keyId });
    const publicKey = createPublicKey({ key: bytesOf(PublicKey), format: 'der', type: 'spki' });
    return verify(hash, bytesOf(messageFor(key)), { key: publicKey, ...padding }, bytesOf(signature));
  };
  const message = Buffer.alloc(MESSAGE_BYTES, 0x5a);
  return [
    {
      ...shared,
      name: `Sign ${keySpec}`,
      operation: 'Sign',
      input,
      isRight: (answer, key, ask) => isSignature(answer.Signature, key, ask),
      makes: (answer) => answer.Signature,
      primitive: () => {
        const key = { key: makeKey().privateKey, ...padding };
        return () => sign(hash, message, key);
      },
    },
    {
      ...shared,
      name: `Verify ${keySpec}`,
      operation: 'Verify',
      input: (key) => ({ ...input(key), Signature: key.made }),
      isRight: async (answer, key, ask) => answer.SignatureValid === true && (await isSignature(key.made, key, ask)),
      primitive: () => {
        const { privateKey, publicKey } = makeKey();
        const signature = sign(hash, message, { key: privateKey, ...padding });
        const key = { key: publicKey, ...padding };
        return () => verify(hash, message, key, signature);
      },
    },
  ];
}

const generateMac: Workload = {
  name: 'GenerateMac HMAC_256',
  operation: 'GenerateMac',
  keySpec: 'HMAC_256',
  keyUsage: 'GENERATE_VERIFY_MAC',
  onEveryServer: false,
  input: macInput,
  isRight: async ({ Mac }, key, ask) => (await ask('VerifyMac', { ...macInput(key), Mac })).MacValid === true,
  primitive: () => {
    const [key, message] = [Buffer.alloc(32, 0x6b), Buffer.alloc(MESSAGE_BYTES, 0x5a)];
    return () => createHmac('sha256', key).update(message).digest();
  },
};

function macInput(key: KeyUnderTest): object {
  return { KeyId: key.keyId, Message: messageFor(key), MacAlgorithm: 'HMAC_SHA_256' };
}

const generateDataKeyPair: Workload = {
  ...symmetric,
  name: 'GenerateDataKeyPair ECC_NIST_P256',
  operation: 'GenerateDataKeyPair',
  onEveryServer: false,
  input: (key) => dataKeyPairInput(key, 'ECC_NIST_P256'),
  isRight: isKeyPair,
  primitive: () => {
    const encoding = { format: 'der' } as const;
    const options = {
      namedCurve: 'prime256v1',
      publicKeyEncoding: { ...encoding, type: 'spki' },
      privateKeyEncoding: { ...encoding, type: 'pkcs8' },
    } as const;
    return () => encryptAesGcm(generateKeyPairSync('ec', options).privateKey);
  },
};

export function dataKeyPairInput(key: KeyUnderTest, KeyPairSpec: KeySpec): object {
  return { KeyId: key.keyId, KeyPairSpec, EncryptionContext };
}

/** Whether the private key belongs to the public one, and is what its ciphertext holds. */
export async function isKeyPair(answer: Answer, _: KeyUnderTest, ask: Ask): Promise<boolean> {
  const { PrivateKeyPlaintext, PrivateKeyCiphertextBlob, PublicKey } = answer;
  const key = createPrivateKey({ key: bytesOf(PrivateKeyPlaintext), format: 'der', type: 'pkcs8' });
  const publicKey = createPublicKey(key).export({ format: 'der', type: 'spki' });
  return (
    publicKey.toString('base64') === PublicKey && opens(PrivateKeyCiphertextBlob, PrivateKeyPlaintext, answer, ask)
  );
}

export const workloads: readonly Workload[] = [
  encrypt,
  decrypt,
  generateDataKey,
  ...signatureSchemes.flatMap(signing),
  generateMac,
  generateDataKeyPair,
];

/** Throws unless an answer about a key is right. */
export async function checkAnswer(
  { name, isRight }: Pick<Workload, 'name' | 'isRight'>,
  key: KeyUnderTest,
  body: string,
  ask: Ask,
): Promise<void> {
  const answer = JSON.parse(body) as Answer;
  if (answer.KeyId?.endsWith(`/${key.keyId}`) !== true || !(await isRight(answer, key, ask))) {
    throw new Error(`a wrong answer to ${name} under ${key.keyId}: ${body}`);
  }
}

/** Whether Decrypt finds the plaintext in a ciphertext, under the key that the answer is about. */
async function opens(
  CiphertextBlob: string | undefined,
  plaintext: string | undefined,
  { KeyId }: Answer,
  ask: Ask,
): Promise<boolean> {
  const opened = await ask('Decrypt', { CiphertextBlob, EncryptionContext });
  return plaintext !== undefined && opened.Plaintext === plaintext && opened.KeyId === KeyId;
}

/** In base64. Another one for each key, so that a mix-up of keys would show. */
function messageFor({ number }: KeyUnderTest): string {
  const bytes = Buffer.alloc(MESSAGE_BYTES, 0x5a);
  bytes.writeUInt32BE(number);
  return bytes.toString('base64');
}

function bytesOf(base64: string | undefined): Buffer {
  invariant(base64 !== undefined, 'the answer holds what was asked for');
  return Buffer.from(base64, 'base64');
}
