import { spawnSync } from 'node:child_process';
import { createDecipheriv, createHash, type KeyObject } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { deriveSharedSecret } from '../src/crypto/ec.ts';
import { generateMac } from '../src/crypto/hmac.ts';
import {
  exportPrivateKey,
  generateKeyPair,
  importPrivateKey,
  type KeyPairSpec,
  parsePublicKey,
  publicKeyOf,
} from '../src/crypto/key-pair.ts';
import { keySpecs, type MacAlgorithm, type SigningAlgorithm } from '../src/crypto/key-specs.ts';
import { publicHalf } from '../src/crypto/public-half.ts';
import { decryptOaep, encryptOaep, maxPlaintextBytes, type OaepAlgorithm, type RsaSpec } from '../src/crypto/rsa.ts';
import { NONCE_BYTES, SealedBox, TAG_BYTES } from '../src/crypto/sealed-box.ts';
import { SecretBytes } from '../src/crypto/secret-bytes.ts';
import { messageTypesOf, sign, verify } from '../src/crypto/signature.ts';
import { seededRandom } from '../src/runtime/random.test-helper.ts';
import { describeWith } from './support/clients.ts';

/** What this code makes, OpenSSL's command line takes, and the other way round. */

const opensslCommand = { name: 'openssl', isInstalled: () => spawnSync('openssl', ['version']).status === 0 };
const random = seededRandom('openssl');
const MESSAGE = Buffer.from('The message that both sides know.');

describeWith(opensslCommand, 'OpenSSL’s command line', () => {
  let directory: string;
  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'keyhold-openssl-'));
  });
  afterAll(() => rmSync(directory, { recursive: true }));

  function file(name: string, content: Uint8Array): string {
    const path = join(directory, name);
    writeFileSync(path, content);
    return path;
  }

  /** Runs a command and gives what it wrote, to its standard output or to the file `out`. */
  function openssl(...args: readonly string[]): Buffer {
    const { status, stdout, stderr } = spawnSync('openssl', args);
    if (status !== 0) throw new Error(`openssl ${args.join(' ')}: ${stderr}`);
    return args.includes('-out') ? readFileSync(join(directory, 'out')) : stdout;
  }

  const out = () => ['-out', join(directory, 'out')];
  const privateFile = (key: KeyObject) => file('key.der', exportPrivateKey(key));
  const publicFile = (key: KeyObject) => file('public.der', publicKeyOf(key));

  /** How `pkeyutl` is told what the algorithm's name says. */
  function signatureOptions(algorithm: SigningAlgorithm): string[] {
    if (algorithm.startsWith('ED25519')) return ['-rawin'];
    const options = ['-pkeyopt', `digest:sha${algorithm.slice(-3)}`];
    if (algorithm.startsWith('RSASSA_PKCS1')) return [...options, '-pkeyopt', 'rsa_padding_mode:pkcs1'];
    if (algorithm.startsWith('ECDSA')) return options;
    const salt = Number(algorithm.slice(-3)) / 8;
    return [...options, '-pkeyopt', 'rsa_padding_mode:pss', '-pkeyopt', `rsa_pss_saltlen:${salt}`];
  }

  const signing = (['RSA_2048', 'RSA_3072', 'RSA_4096'] as KeyPairSpec[])
    .concat('ECC_NIST_P256', 'ECC_NIST_P384', 'ECC_NIST_P521', 'ECC_SECG_P256K1', 'ECC_NIST_EDWARDS25519')
    .flatMap((spec) => (keySpecs[spec].signingAlgorithms ?? []).map((algorithm) => [spec, algorithm] as const))
    // Ed25519ph came with OpenSSL 3.2, and its command line does not take a message hashed already.
    .filter(([, algorithm]) => algorithm !== 'ED25519_PH_SHA_512');

  test.each(signing)('%s: signatures of %s go both ways, over a message and over its digest', async (spec, name) => {
    const algorithm = name as SigningAlgorithm;
    const key = await generateKeyPair(spec);
    const options = signatureOptions(algorithm);
    const digest = options.includes('-rawin')
      ? MESSAGE
      : createHash(`sha${algorithm.slice(-3)}`)
          .update(MESSAGE)
          .digest();
    const theirs = openssl(
      'pkeyutl',
      ...['-sign', '-keyform', 'DER', '-inkey', privateFile(key), '-in', file('digest', digest)],
      ...[...options, ...out()],
    );
    for (const type of messageTypesOf(algorithm)) {
      const message = type === 'RAW' ? MESSAGE : digest;
      const ours = await sign(key, algorithm, message, type, random);
      const said = openssl(
        'pkeyutl',
        ...['-verify', '-pubin', '-keyform', 'DER', '-inkey', publicFile(key), '-in', file('digest', digest)],
        ...['-sigfile', file('signature', ours), ...options],
      );
      expect(said.toString(), type).toContain('Signature Verified Successfully');
      expect(await verify(publicHalf(key), algorithm, message, type, theirs), type).toBe(true);
    }
  });

  const encrypting = (['RSA_2048', 'RSA_3072', 'RSA_4096'] as const).flatMap((spec) =>
    (['RSAES_OAEP_SHA_1', 'RSAES_OAEP_SHA_256'] as const).map((algorithm) => [spec, algorithm] as const),
  );

  test.each(encrypting)('%s: ciphertexts of %s go both ways, up to the longest', async (spec: RsaSpec, algorithm) => {
    const key = await generateKeyPair(spec);
    const hash = algorithm === ('RSAES_OAEP_SHA_1' satisfies OaepAlgorithm) ? 'sha1' : 'sha256';
    const options = ['rsa_padding_mode:oaep', `rsa_oaep_md:${hash}`, `rsa_mgf1_md:${hash}`];
    const pkeyopts = options.flatMap((option) => ['-pkeyopt', option]);
    for (const length of [1, maxPlaintextBytes(spec, algorithm)]) {
      const plaintext = random.bytes(length);
      const ours = encryptOaep(publicHalf(key), algorithm, plaintext);
      const decrypted = openssl(
        'pkeyutl',
        ...['-decrypt', '-keyform', 'DER', '-inkey', privateFile(key), '-in', file('in', ours), ...pkeyopts, ...out()],
      );
      expect(decrypted).toEqual(plaintext);
      const theirs = openssl(
        'pkeyutl',
        ...['-encrypt', '-pubin', '-keyform', 'DER', '-inkey', publicFile(key), '-in', file('in', plaintext)],
        ...[...pkeyopts, ...out()],
      );
      expect(await decryptOaep(key, algorithm, theirs)).toEqual(plaintext);
    }
  });

  test.each(['ECC_NIST_P256', 'ECC_NIST_P384', 'ECC_NIST_P521'] as const)('%s: agrees on a secret', async (spec) => {
    const [ours, theirs] = [await generateKeyPair(spec), await generateKeyPair(spec)];
    const secret = openssl(
      'pkeyutl',
      ...['-derive', '-keyform', 'DER', '-inkey', privateFile(theirs)],
      ...['-peerform', 'DER', '-peerkey', publicFile(ours), ...out()],
    );
    expect(await deriveSharedSecret(ours, publicHalf(theirs))).toEqual(secret);
  });

  test.each(['224', '256', '384', '512'])('an HMAC_SHA_%s is the same', (bits) => {
    const key = random.bytes(Number(bits) / 8);
    const args = ['-mac', 'HMAC', '-macopt', `hexkey:${key.toString('hex')}`, '-binary', file('message', MESSAGE)];
    const theirs = openssl('dgst', `-sha${bits}`, ...args);
    expect(generateMac(new SecretBytes(key), `HMAC_SHA_${bits}` as MacAlgorithm, MESSAGE)).toEqual(theirs);
  });

  test('a sealed box opens under the key that OpenSSL’s KBKDF derives', () => {
    const key = random.bytes(32);
    const label = 'a label of a test';
    const box = new SealedBox(label).seal(new SecretBytes(Buffer.from(key)), random, MESSAGE, Buffer.from('data'));
    const options = [
      'mac:HMAC',
      'digest:SHA256',
      `hexkey:${key.toString('hex')}`,
      `salt:${label}`,
      `hexinfo:${box.subarray(0, NONCE_BYTES).toString('hex')}`,
    ];
    const derived = openssl(
      'kdf',
      '-keylen',
      '32',
      ...options.flatMap((each) => ['-kdfopt', each]),
      '-binary',
      'KBKDF',
    );
    const decipher = createDecipheriv('aes-256-gcm', derived, Buffer.alloc(12));
    decipher.setAAD(Buffer.from('data')).setAuthTag(box.subarray(-TAG_BYTES));
    expect(Buffer.concat([decipher.update(box.subarray(NONCE_BYTES, -TAG_BYTES)), decipher.final()])).toEqual(MESSAGE);
  });

  const generated = [
    ['RSA_2048', ['genpkey', '-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:2048']],
    ['ECC_NIST_P256', ['genpkey', '-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256']],
    ['ECC_NIST_P521', ['genpkey', '-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-521']],
    ['ECC_SECG_P256K1', ['genpkey', '-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:secp256k1']],
    ['ECC_NIST_EDWARDS25519', ['genpkey', '-algorithm', 'ED25519']],
  ] as const;

  test.each(generated)('a key of %s that it made is imported, and has the public key that it says', (spec, command) => {
    openssl(...command, '-outform', 'DER', ...out());
    const made = join(directory, 'out');
    const pkcs8 = openssl('pkcs8', '-topk8', '-nocrypt', '-inform', 'DER', '-in', made, '-outform', 'DER');
    const spki = openssl('pkey', '-inform', 'DER', '-in', made, '-pubout', '-outform', 'DER');
    const key = importPrivateKey(spec, pkcs8);
    expect(key && publicKeyOf(key)).toEqual(spki);
    for (const other of Object.keys(keySpecs).filter((each) => each !== spec && each !== 'SM2')) {
      if (!other.startsWith('RSA') && !other.startsWith('ECC') && !other.startsWith('ML')) continue;
      expect(importPrivateKey(other as KeyPairSpec, pkcs8), other).toBeUndefined();
      expect(parsePublicKey(other as KeyPairSpec, spki), other).toBeUndefined();
    }
  });

  test.each([
    ['the point compressed', ['-conv_form', 'compressed'], true],
    ['no point', ['-no_public'], true],
    ['its curve’s parameters written out', ['-param_enc', 'explicit'], false],
  ])('a P-256 key with %s: taken as AWS does', async (_, options, taken) => {
    const key = await generateKeyPair('ECC_NIST_P256');
    const ec = openssl('ec', '-inform', 'DER', '-in', privateFile(key), '-outform', 'DER', ...options);
    const pkcs8 = openssl(
      'pkcs8',
      ...['-topk8', '-nocrypt', '-inform', 'DER', '-in', file('ec.der', ec), '-outform', 'DER'],
    );
    const imported = importPrivateKey('ECC_NIST_P256', pkcs8);
    expect(imported !== undefined).toBe(taken);
    if (imported !== undefined) expect(exportPrivateKey(imported)).toEqual(exportPrivateKey(key));
  });

  test('a public key with its curve’s parameters written out is refused (CVE-2020-0601)', async () => {
    const key = await generateKeyPair('ECC_NIST_P384');
    const spki = (...options: string[]) =>
      openssl('ec', '-pubin', '-inform', 'DER', '-in', publicFile(key), '-outform', 'DER', ...options);
    expect(parsePublicKey('ECC_NIST_P384', spki('-param_enc', 'explicit'))).toBeUndefined();
    expect(parsePublicKey('ECC_NIST_P384', spki('-param_enc', 'explicit', '-conv_form', 'compressed'))).toBeUndefined();
    expect(parsePublicKey('ECC_NIST_P384', spki('-conv_form', 'compressed'))).toBeDefined();
  });

  test('an RSA key restricted to PSS, and one of three primes, are refused', () => {
    const pss = ['-algorithm', 'RSA-PSS', '-pkeyopt', 'rsa_keygen_bits:2048'];
    const three = ['-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:2048', '-pkeyopt', 'rsa_keygen_primes:3'];
    for (const options of [pss, three]) {
      openssl('genpkey', ...options, '-outform', 'DER', ...out());
      const made = join(directory, 'out');
      const pkcs8 = openssl('pkcs8', '-topk8', '-nocrypt', '-inform', 'DER', '-in', made, '-outform', 'DER');
      expect(importPrivateKey('RSA_2048', pkcs8), options.join(' ')).toBeUndefined();
    }
  });
});
