import { lengthPrefixed } from '../../crypto/canonical.ts';
import {
  exportPrivateKey,
  generateKeyPair,
  importPrivateKey,
  isKeyPairSpec,
  parsePrivateKey,
  publicKeyOf,
} from '../../crypto/key-pair.ts';
import { type KeySpec, keySpecs } from '../../crypto/key-specs.ts';
import { unwrapMaterial } from '../../crypto/key-wrapping.ts';
import { KeyholdError } from '../../runtime/errors.ts';
import type { MaterialImport, MaterialOwner, NewMaterial } from '../contract.ts';
import type { Sealer } from '../domain-keys.ts';
import { decodeToken, encodeToken, type ImportToken } from './import-token.ts';
import { nameAndWrap } from './material-rows.ts';
import type { KeyPairMaker } from './rsa-key-maker.ts';

/**
 * Import into custody of this process: `materials` seals what came in, `tokens` what is needed for it to come in.
 *
 * @param makeKeyPair as of `softwareCustody`
 */
export function softwareImport(
  materials: Sealer,
  tokens: Sealer,
  makeKeyPair: KeyPairMaker = generateKeyPair,
): MaterialImport {
  function adopt(key: MaterialOwner, spec: KeySpec, sent: Buffer): NewMaterial | undefined {
    const secret = materialOf(spec, sent);
    return secret && nameAndWrap(materials, key, spec, secret);
  }

  return {
    async parameters(key, wrappingKeySpec, algorithm, validToMs) {
      const wrappingKey = await makeKeyPair(wrappingKeySpec);
      const privateKey = exportPrivateKey(wrappingKey);
      const plaintext = encodeToken({ validToMs, algorithm, wrappingKeySpec, privateKey });
      const token = tokens.seal(tokenIdentity(key), plaintext);
      plaintext.fill(0);
      privateKey.fill(0);
      return { publicKey: publicKeyOf(wrappingKey), token };
    },

    async receive(key, spec, token, encryptedMaterial, nowMs) {
      const opened = openToken(tokens, key, token);
      if (opened === undefined) return 'invalid token';
      const { wrappingKeySpec, privateKey, algorithm, validToMs } = opened;
      try {
        if (validToMs <= nowMs) return 'expired token';
        const wrappingKey = parsePrivateKey(wrappingKeySpec, privateKey);
        if (wrappingKey === undefined) return 'invalid token';
        const unwrapped = await unwrapMaterial(wrappingKey, algorithm, encryptedMaterial);
        if (unwrapped === undefined) return 'invalid ciphertext';
        return adopt(key, spec, unwrapped) ?? 'unfit material';
      } finally {
        privateKey.fill(0);
      }
    },

    adopt,
  };
}

/** What binds a token to its key: a token of another one does not open. */
function tokenIdentity({ accountId, region, keyId }: MaterialOwner): Buffer {
  return lengthPrefixed('import token', accountId, region, keyId);
}

function openToken(tokens: Sealer, key: MaterialOwner, token: Uint8Array): ImportToken | undefined {
  try {
    return decodeToken(tokens.open(tokenIdentity(key), token));
  } catch (error) {
    // Of a record it would say that the store was tampered with; a token was with the caller.
    if (error instanceof KeyholdError && error.code === 'TamperedRecord') return undefined;
    throw error;
  }
}

/**
 * The material as keys of this spec have it, undefined if it is none. A private key is written anew, so that it has one
 * form and with it one id, whatever else its sender's PKCS#8 said. What was sent is wiped, unless it is the material.
 */
function materialOf(spec: KeySpec, sent: Buffer): Buffer | undefined {
  const { materialBytes } = keySpecs[spec];
  if (materialBytes !== undefined && sent.length >= materialBytes.least && sent.length <= materialBytes.most)
    return sent;
  const key = isKeyPairSpec(spec) ? importPrivateKey(spec, sent) : undefined;
  sent.fill(0);
  return key && exportPrivateKey(key);
}
