import { constants, createCipheriv, createHash, type KeyObject, publicEncrypt } from 'node:crypto';
import {
  CMSVersion,
  id_data,
  id_envelopedData,
  KeyEncryptionAlgorithmIdentifier,
  KeyTransRecipientInfo,
  RecipientIdentifier,
  RecipientInfo,
  RecipientInfos,
} from '@peculiar/asn1-cms';
import { id_mgf1, id_RSAES_OAEP, RsaEsOaepParams, sha256 } from '@peculiar/asn1-rsa';
import { AsnConvert, AsnIntegerConverter, AsnObjectIdentifierConverter, OctetString } from '@peculiar/asn1-schema';
import { AlgorithmIdentifier, SubjectKeyIdentifier } from '@peculiar/asn1-x509';
import type { Random } from '../runtime/random.ts';

/**
 * `CiphertextForRecipient`: an RFC 5652 EnvelopedData for the one holder of an RSA key, byte for byte of the shape that AWS
 * KMS answers (`docs/formats/recipient.md` draws it).
 *
 * The encoding is BER and not DER, as AWS's is: the outer structures have an indefinite length, and the encrypted content
 * is a constructed string. Both are the same to OpenSSL, but the parser of aws-nitro-enclaves-sdk-c walks through the
 * indefinite form only, and takes nothing else.
 *
 * @param recipient an RSA public key of 2048 bits or more
 * @param content what the answer would otherwise have shown as `Plaintext`
 */
export function envelopedData(recipient: KeyObject, content: Uint8Array, random: Random): Buffer {
  const contentKey = random.bytes(CONTENT_KEY_BYTES);
  const iv = random.bytes(IV_BYTES);
  try {
    const cipher = createCipheriv('aes-256-cbc', contentKey, iv);
    const encrypted = Buffer.concat([cipher.update(content), cipher.final()]);
    return contentInfo(keyTransport(recipient, contentKey), iv, encrypted);
  } finally {
    contentKey.fill(0);
  }
}

const CONTENT_KEY_BYTES = 32;
const IV_BYTES = 16;
/** RFC 3565 section 4.1. */
const ID_AES256_CBC = '2.16.840.1.101.3.4.1.42';

function contentInfo(ktri: KeyTransRecipientInfo, iv: Uint8Array, encrypted: Uint8Array): Buffer {
  return sequence(
    objectIdentifier(id_envelopedData),
    explicit0(
      sequence(
        version2(),
        der(new RecipientInfos([new RecipientInfo({ ktri })])),
        sequence(
          objectIdentifier(id_data),
          der(new AlgorithmIdentifier({ algorithm: ID_AES256_CBC, parameters: derOf(new OctetString(iv)) })),
          explicit0(der(new OctetString(encrypted))),
        ),
      ),
    ),
  );
}

function keyTransport(recipient: KeyObject, contentKey: Uint8Array): KeyTransRecipientInfo {
  // AWS names the key by the SHA-256 of its SubjectPublicKeyInfo.
  const keyIdentifier = createHash('sha256')
    .update(recipient.export({ format: 'der', type: 'spki' }))
    .digest();
  return new KeyTransRecipientInfo({
    version: CMSVersion.v2,
    rid: new RecipientIdentifier({ subjectKeyIdentifier: new SubjectKeyIdentifier(keyIdentifier) }),
    keyEncryptionAlgorithm: new KeyEncryptionAlgorithmIdentifier({ algorithm: id_RSAES_OAEP, parameters: oaepSha256 }),
    encryptedKey: new OctetString(encryptKey(recipient, contentKey)),
  });
}

/** The seed of the padding comes from OpenSSL itself: node:crypto has no way to give one. */
function encryptKey(key: KeyObject, contentKey: Uint8Array): Buffer {
  return publicEncrypt({ key, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256' }, contentKey);
}

/** RFC 4055 section 4.1, for SHA-256 in both places. */
const oaepSha256 = derOf(
  new RsaEsOaepParams({
    hashAlgorithm: sha256,
    maskGenAlgorithm: new AlgorithmIdentifier({ algorithm: id_mgf1, parameters: derOf(sha256) }),
  }),
);

function derOf(value: object): ArrayBuffer {
  return AsnConvert.serialize(value);
}

function der(value: object): Buffer {
  return Buffer.from(derOf(value));
}

function objectIdentifier(id: string): Buffer {
  return Buffer.from(AsnObjectIdentifierConverter.toASN(id).toBER());
}

function version2(): Buffer {
  return Buffer.from(AsnIntegerConverter.toASN(CMSVersion.v2).toBER());
}

/** SEQUENCE and [0], constructed, of indefinite length (X.690 section 8.1.3.6): closed by two zero bytes. */
const indefinite =
  (identifier: number) =>
  (...parts: readonly Buffer[]) =>
    Buffer.concat([Buffer.from([identifier, 0x80]), ...parts, Buffer.alloc(2)]);
const sequence = indefinite(0x30);
const explicit0 = indefinite(0xa0);
