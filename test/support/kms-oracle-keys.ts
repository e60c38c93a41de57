import { createHmac, createPrivateKey, createPublicKey, diffieHellman, type KeyObject, verify } from 'node:crypto';
import { p256 } from '@noble/curves/nist.js';

/**
 * What is known of the keys that mutated requests sign, authenticate, agree and import with, so that each answer can be
 * checked without asking the server: public keys, one imported MAC key, the other side of an agreement.
 */
export interface KeyKnowledge {
  /** Of the signing key: ECC_NIST_P256. */
  readonly signingKey: KeyObject;
  /** The material of the MAC key, an HMAC_256 that was imported. */
  readonly macKey: Uint8Array;
  /** The public key of the key agreement key, and a key pair of ours on the same curve. */
  readonly agreementKey: KeyObject;
  readonly ourKey: KeyObject;
  readonly kemKey: KeyObject;
  /** A capsule of the ML-KEM key, and the secret in it; both base64. */
  readonly capsule: { readonly ciphertext: string; readonly secret: string };
  /** The token and the wrapped material that belong together, base64. */
  readonly importToken: string;
  readonly wrappedMaterial: string;
}

type Body = Readonly<Record<string, unknown>>;
const bytes = (base64: unknown) => Buffer.from(String(base64), 'base64');

/** What more an answer must be, than one to a valid request. */
export const answersOfKeys: Readonly<
  Record<string, (body: Body, answer: Body, known: KeyKnowledge) => string | undefined>
> = {
  Sign: (body, answer, known) => (signatureHolds(body, answer['Signature'], known) ? undefined : 'no such signature'),
  Verify: (body, answer, known) =>
    answer['SignatureValid'] === true && signatureHolds(body, body['Signature'], known)
      ? undefined
      : 'no such signature',
  GenerateMac: (body, answer, known) => (answer['Mac'] === macOf(body, known) ? undefined : 'the MAC is another'),
  VerifyMac: (body, answer, known) =>
    answer['MacValid'] === true && body['Mac'] === macOf(body, known) ? undefined : 'the MAC is another',
  DeriveSharedSecret: (body, answer, { agreementKey, ourKey }) => {
    if (!createPublicKey(ourKey).export({ type: 'spki', format: 'der' }).equals(bytes(body['PublicKey']))) {
      // A changed point is on the curve hardly ever; in another encoding of the same, the secret is the same.
      const other = createPublicKey({ key: bytes(body['PublicKey']), type: 'spki', format: 'der' });
      if (!other.equals(createPublicKey(ourKey))) return 'the public key is another';
    }
    const secret = diffieHellman({ privateKey: ourKey, publicKey: agreementKey });
    return secret.equals(bytes(answer['SharedSecret'])) ? undefined : 'the secret is another';
  },
  // A changed capsule of the same length opens to a secret of nobody's (FIPS 203 section 6.3).
  Decapsulate: (body, answer, { capsule }) => {
    const isOurs = body['SharedSecretCiphertextBlob'] === capsule.ciphertext;
    return isOurs === (answer['SharedSecret'] === capsule.secret) ? undefined : 'the secret is another';
  },
  GenerateDataKeyPair: (_, answer) => {
    const privateKey = createPrivateKey({ key: bytes(answer['PrivateKeyPlaintext']), type: 'pkcs8', format: 'der' });
    const publicKey = createPublicKey(privateKey).export({ type: 'spki', format: 'der' });
    return publicKey.equals(bytes(answer['PublicKey'])) ? undefined : 'the halves are of two keys';
  },
  GetPublicKey: (_, answer, { signingKey, agreementKey, kemKey }) => {
    const isOf = (key: KeyObject) => key.export({ type: 'spki', format: 'der' }).equals(bytes(answer['PublicKey']));
    return [signingKey, agreementKey, kemKey].some(isOf) ? undefined : 'the key is another';
  },
  ImportKeyMaterial: (body, _, { importToken, wrappedMaterial }) =>
    body['ImportToken'] === importToken && body['EncryptedKeyMaterial'] === wrappedMaterial
      ? undefined
      : 'the material was not wrapped so',
};

function signatureHolds(body: Body, signature: unknown, { signingKey }: KeyKnowledge): boolean {
  const message = bytes(body['Message']);
  if (body['MessageType'] !== 'DIGEST') return verify('sha256', message, signingKey, bytes(signature));
  const point = signingKey.export({ format: 'raw-public' });
  return p256.verify(bytes(signature), message, point, { prehash: false, lowS: false, format: 'der' });
}

function macOf(body: Body, { macKey }: KeyKnowledge): string {
  return createHmac('sha256', macKey).update(bytes(body['Message'])).digest('base64');
}
