import { type ChildProcessWithoutNullStreams, spawn, spawnSync } from 'node:child_process';
import { createHash, type KeyObject } from 'node:crypto';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { deriveSharedSecret } from '../src/crypto/ec.ts';
import {
  exportPrivateKey,
  generateKeyPair,
  importPrivateKey,
  type KeyPairSpec,
  parsePublicKey,
  publicKeyOf,
} from '../src/crypto/key-pair.ts';
import { keySpecs, type SigningAlgorithm } from '../src/crypto/key-specs.ts';
import { decapsulate, encapsulate } from '../src/crypto/ml-kem.ts';
import { publicHalf } from '../src/crypto/public-half.ts';
import { decryptOaep, encryptOaep } from '../src/crypto/rsa.ts';
import { sign, verify } from '../src/crypto/signature.ts';
import { seededRandom } from '../src/runtime/random.test-helper.ts';
import { describeWith } from './support/clients.ts';

/** What `cryptography.openssl.test.ts` does, with Python's `cryptography`, which has an OpenSSL of its own. */

const imports = (module: string) => () => spawnSync('python3', ['-c', `import ${module}`]).status === 0;
const MODULE = 'cryptography.hazmat.primitives.asymmetric';
const python = { name: 'Python’s cryptography', isInstalled: imports(`${MODULE}.ec`) };
/** Since version 48, which Debian 12 does not have: these are skipped without it, even where all clients are required. */
const hasLattices = imports(`${MODULE}.mldsa, ${MODULE}.mlkem`)();
const random = seededRandom('python');
const MESSAGE = Buffer.from('The message that both sides know.');

/** Does one thing after another; bytes come and go in hexadecimal. */
const DRIVER = `
import json, sys
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, utils

def algorithm(name):
    return {'256': hashes.SHA256, '384': hashes.SHA384, '512': hashes.SHA512, 'A_1': hashes.SHA1}[name[-3:]]()

def scheme(name, prehashed):
    hash = algorithm(name) if 'SHA_' in name else None
    given = utils.Prehashed(hash) if prehashed else hash
    if name.startswith('RSASSA_PSS'):
        return [padding.PSS(padding.MGF1(hash), hash.digest_size), given]
    if name.startswith('RSASSA'):
        return [padding.PKCS1v15(), given]
    return [ec.ECDSA(given)] if name.startswith('ECDSA') else []

def oaep(name):
    hash = algorithm(name)
    return padding.OAEP(padding.MGF1(hash), hash, None)

def do(what, name, private, public, *args):
    if what == 'sign':
        return private.sign(args[0], *scheme(name, args[1]))
    if what == 'verify':
        try:
            public.verify(args[2], args[0], *scheme(name, args[1]))
            return True
        except InvalidSignature:
            return False
    if what == 'encrypt':
        return public.encrypt(args[0], oaep(name))
    if what == 'decrypt':
        return private.decrypt(args[0], oaep(name))
    if what == 'agree':
        return private.exchange(ec.ECDH(), serialization.load_der_public_key(args[0]))
    if what == 'encapsulate':
        secret, ciphertext = public.encapsulate()
        return [secret, ciphertext]
    if what == 'decapsulate':
        return private.decapsulate(args[0])
    if what == 'generate':
        key = getattr(__import__('cryptography.hazmat.primitives.asymmetric.' + args[0], fromlist=['x']), name).generate()
        encoding = serialization.Encoding.DER
        return [
            key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()),
            key.public_key().public_bytes(encoding, serialization.PublicFormat.SubjectPublicKeyInfo),
        ]

def plain(value):
    if isinstance(value, list):
        return [plain(each) for each in value]
    return value.hex() if isinstance(value, bytes) else value

for line in sys.stdin:
    request = json.loads(line)
    given = [bytes.fromhex(each['bytes']) if isinstance(each, dict) else each for each in request['args']]
    private = public = None
    if request['key']:
        private = serialization.load_der_private_key(bytes.fromhex(request['key']), None)
        public = private.public_key()
    print(json.dumps(plain(do(request['what'], request['name'], private, public, *given))), flush=True)
`;

type Argument = Uint8Array | string | boolean;

const bytes = (answer: unknown) => Buffer.from(answer as string, 'hex');
const digestOf = (algorithm: string) =>
  createHash(`sha${algorithm.slice(-3)}`)
    .update(MESSAGE)
    .digest();
const pair = (answer: unknown) => (answer as string[]).map(bytes) as [Buffer, Buffer];

describeWith(python, 'Python’s cryptography', () => {
  let driver: ChildProcessWithoutNullStreams;
  let answers: AsyncIterator<string, undefined>;
  let complaint = '';
  beforeAll(() => {
    driver = spawn('python3', ['-c', DRIVER]);
    answers = createInterface(driver.stdout)[Symbol.asyncIterator]();
    driver.stderr.setEncoding('utf8').on('data', (text: string) => {
      complaint += text;
    });
  });
  afterAll(() => driver.stdin.end());

  async function ask(what: string, name: string, key: KeyObject | undefined, ...args: readonly Argument[]) {
    const request = {
      what,
      name,
      key: key === undefined ? '' : exportPrivateKey(key).toString('hex'),
      args: args.map((each) => (each instanceof Uint8Array ? { bytes: Buffer.from(each).toString('hex') } : each)),
    };
    driver.stdin.write(`${JSON.stringify(request)}\n`);
    const line = await answers.next();
    if (line.done === true) throw new Error(`python3 ended:\n${complaint}`);
    return JSON.parse(line.value) as unknown;
  }

  const isLattice = (spec: KeyPairSpec) => ['ml-dsa', 'ml-kem'].includes(keySpecs[spec].family);
  const available = (spec: KeyPairSpec) => hasLattices || !isLattice(spec);

  const signing = (['RSA_2048', 'ECC_NIST_P256', 'ECC_NIST_P384', 'ECC_NIST_P521', 'ECC_SECG_P256K1'] as KeyPairSpec[])
    .concat('ECC_NIST_EDWARDS25519', 'ML_DSA_44', 'ML_DSA_65', 'ML_DSA_87')
    .filter(available)
    .flatMap((spec) => (keySpecs[spec].signingAlgorithms ?? []).map((algorithm) => [spec, algorithm] as const))
    // It has no Ed25519ph. Signatures over a µ verify as those over its message, in the published vectors.
    .filter(([, algorithm]) => algorithm !== 'ED25519_PH_SHA_512');

  test.each(signing)('%s: signatures of %s go both ways', async (spec, name) => {
    const algorithm = name as SigningAlgorithm;
    const key = await generateKeyPair(spec);
    const types = /^(RSASSA|ECDSA)/.test(algorithm) ? (['RAW', 'DIGEST'] as const) : (['RAW'] as const);
    for (const type of types) {
      const message = type === 'RAW' ? MESSAGE : digestOf(algorithm);
      const ours = await sign(key, algorithm, message, type, random);
      expect(await ask('verify', algorithm, key, message, type === 'DIGEST', ours), type).toBe(true);
      ours[ours.length - 1] = (ours.at(-1) as number) ^ 1;
      expect(await ask('verify', algorithm, key, message, type === 'DIGEST', ours), `${type}, changed`).toBe(false);
      const theirs = bytes(await ask('sign', algorithm, key, message, type === 'DIGEST'));
      expect(await verify(publicHalf(key), algorithm, message, type, theirs), type).toBe(true);
    }
  });

  test.each(['RSAES_OAEP_SHA_1', 'RSAES_OAEP_SHA_256'] as const)(
    'ciphertexts of %s go both ways',
    async (algorithm) => {
      const key = await generateKeyPair('RSA_2048');
      expect(bytes(await ask('decrypt', algorithm, key, encryptOaep(publicHalf(key), algorithm, MESSAGE)))).toEqual(
        MESSAGE,
      );
      expect(await decryptOaep(key, algorithm, bytes(await ask('encrypt', algorithm, key, MESSAGE)))).toEqual(MESSAGE);
    },
  );

  test.each(['ECC_NIST_P256', 'ECC_NIST_P384', 'ECC_NIST_P521'] as const)('%s: agrees on a secret', async (spec) => {
    const [ours, theirs] = [await generateKeyPair(spec), await generateKeyPair(spec)];
    const secret = bytes(await ask('agree', '', theirs, publicKeyOf(ours)));
    expect(await deriveSharedSecret(ours, publicHalf(theirs))).toEqual(secret);
  });

  test.skipIf(!hasLattices).each(['ML_KEM_768', 'ML_KEM_1024'] as const)('%s: secrets go both ways', async (spec) => {
    const key = await generateKeyPair(spec);
    const ours = encapsulate(key);
    expect(bytes(await ask('decapsulate', '', key, ours.ciphertext))).toEqual(ours.sharedSecret);
    const [secret, ciphertext] = pair(await ask('encapsulate', '', key));
    expect(decapsulate(key, ciphertext)).toEqual(secret);
  });

  const made = (
    [
      ['ECC_NIST_EDWARDS25519', 'ed25519', 'Ed25519PrivateKey'],
      ['ML_DSA_65', 'mldsa', 'MLDSA65PrivateKey'],
      ['ML_KEM_1024', 'mlkem', 'MLKEM1024PrivateKey'],
    ] as const
  ).filter(([spec]) => available(spec));

  test.each(made)('a key of %s that it made is read', async (spec, module, name) => {
    const [pkcs8, spki] = pair(await ask('generate', name, undefined, module));
    const key = importPrivateKey(spec, pkcs8);
    expect(key && publicKeyOf(key)).toEqual(spki);
    expect(parsePublicKey(spec, spki)).toBeDefined();
  });
});
