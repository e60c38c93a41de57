import { execFileSync } from 'node:child_process';
import { createECDH, createPublicKey, diffieHellman, ECDH, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DER } from '@noble/curves/abstract/der.js';
import fc from 'fast-check';
import { sm2 as library } from 'sm-crypto-v2';
import { afterAll, afterEach, describe, expect, test, vi } from 'vitest';
import {
  exportPrivateKey,
  generateKeyPair,
  importPrivateKey,
  parsePrivateKey,
  parsePublicKey,
  publicKeyOf,
} from './key-pair.ts';
import {
  decrypt,
  deriveSharedSecret,
  encrypt,
  MAX_PLAINTEXT_BYTES,
  signDigest,
  signMessage,
  verifyDigest,
  verifyMessage,
} from './sm2.ts';

const directory = mkdtempSync(join(tmpdir(), 'keyhold-sm2-'));
afterAll(() => rmSync(directory, { recursive: true }));
afterEach(() => vi.restoreAllMocks());

const ORDER = 0xfffffffeffffffffffffffffffffffff7203df6b21c6052b53bbf40939d54123n;
const ALGORITHM = '301306072a8648ce3d020106082a811ccf5501822d';

const hex = (text: string) => Buffer.from(text, 'hex');
const hex32 = (number: bigint) => number.toString(16).padStart(64, '0');
const present = <Value>(value: Value | undefined): Value => {
  if (value === undefined) throw new Error('a value was expected');
  return value;
};

/** The same bytes but for one bit of the byte there. */
const flipped = (bytes: Buffer, at: number) => changed(bytes, at, 1 << (at % 8));
function changed(bytes: Buffer, at: number, mask: number): Buffer {
  const copy = Buffer.from(bytes);
  copy[at] = (copy[at] as number) ^ mask;
  return copy;
}

/** PKCS#8 of a private number, without the public key. */
const pkcs8Of = (scalar: bigint) => hex(`3041020100${ALGORITHM}042730250201010420${hex32(scalar)}`);
const keyOf = (scalar: bigint): KeyObject => present(importPrivateKey('SM2', pkcs8Of(scalar)));
const newKey = () => generateKeyPair('SM2');

/** Makes the library draw these nonces, one after the other. It takes 48 random bytes modulo n - 1, and adds one. */
function drawing(...nonces: bigint[]): void {
  vi.spyOn(globalThis.crypto, 'getRandomValues').mockImplementation((array) => {
    const nonce = present(nonces.shift());
    Buffer.from(array.buffer as ArrayBuffer, array.byteOffset, 48).set(hex(`${'00'.repeat(16)}${hex32(nonce - 1n)}`));
    return array;
  });
}

/** OpenSSL's command line; undefined if it refuses. */
function openssl(args: string[], files: Record<string, Uint8Array> = {}): Buffer | undefined {
  for (const [name, content] of Object.entries(files)) writeFileSync(join(directory, name), content);
  try {
    return execFileSync('openssl', args, { cwd: directory, stdio: ['ignore', 'pipe', 'ignore'] });
  } catch {
    return undefined;
  }
}
const privateFile = (key: KeyObject) => ({ 'key.der': exportPrivateKey(key) });
const publicFile = (key: KeyObject) => ({ 'public.der': publicKeyOf(key) });
const BY_PRIVATE = ['-inkey', 'key.der', '-keyform', 'DER'];
const BY_PUBLIC = ['-pubin', '-inkey', 'public.der', '-keyform', 'DER'];
const WITH_ID = ['-rawin', '-digest', 'sm3', '-pkeyopt', 'distid:1234567812345678'];

describe('the examples of GB/T 32918.5-2017 (annexes A and C) and of draft-shen-sm2-ecdsa', () => {
  const key = keyOf(0x3945208f7b2144b13f36e38ac6d39f95889393692860b51a42fb81ef4df7c5b8n);
  const nonce = 0x59276e27d506861a16680f3ad9c02dccef3cc1fa3cdbe4ce6d54b80deac1bc21n;
  const digest = hex('f0b43e94ba45accaace692ed534382eb17e6ab5a19ce7b31f4486fdfc0d28640');
  const signature = hex(
    '3046022100f5a03b0648d2c4630eeac513e1bb81a15944da3827d5b74143ac7eaceee720b3022100b1b6aa29df212fd8763182bc0d421ca1bb9038fd1f7f42d4840b69c485bbc1aa',
  );
  const ciphertext = hex(
    '307c022004ebfc718e8d1798620432268e77feb6415e2ede0e073c0f4f640ecd2e149a73022100e858f9d81e5430a57b36daab8f950a3c64e6ee6a63094d99283aff767e124df0042059983c18f809e262923c53aec295d30383b54e39d609d160afcb1908d0bd8766041321886ca989ca9c7d58087307ca93092d651efa',
  );

  test('the private number has the public key of the example', () => {
    expect(publicKeyOf(key).toString('hex')).toBe(
      `3059${ALGORITHM}03420004` +
        '09f9df311e5421a150dd7d161e4bc5c672179fad1833fc076bb08ff356f35020' +
        'ccea490ce26775a52dc6ea718cc1aa600aed05fbf35e084a6632f6072da9ad13',
    );
  });

  test('the message and its digest have the signature of the example, with its nonce', async () => {
    drawing(nonce, nonce);
    expect(await signMessage(key, Buffer.from('message digest'))).toEqual(signature);
    expect(await signDigest(key, digest)).toEqual(signature);
    expect(await verifyMessage(createPublicKey(key), Buffer.from('message digest'), signature)).toBe(true);
    expect(await verifyDigest(createPublicKey(key), digest, signature)).toBe(true);
  });

  test('the plaintext has the ciphertext of the example, with its nonce', async () => {
    drawing(nonce);
    expect(await encrypt(createPublicKey(key), Buffer.from('encryption standard'))).toEqual(ciphertext);
    expect((await decrypt(key, ciphertext))?.toString()).toBe('encryption standard');
  });

  test('OpenSSL takes both, so they are no invention', () => {
    const files = { ...privateFile(key), ...publicFile(key), signature, message: Buffer.from('message digest') };
    const verifying = ['pkeyutl', '-verify', ...BY_PUBLIC, ...WITH_ID, '-in', 'message', '-sigfile', 'signature'];
    expect(openssl(verifying, files)?.toString()).toMatch('Verified Successfully');
    expect(openssl(['pkeyutl', '-decrypt', ...BY_PRIVATE, '-in', 'ct'], { ct: ciphertext })?.toString()).toBe(
      'encryption standard',
    );
  });
});

test('the vectors of OpenSSL’s own tests hold (evppkey_sm2.txt)', async () => {
  const pkcs8 =
    'MIGHAgEAMBMGByqGSM49AgEGCCqBHM9VAYItBG0wawIBAQQg0JFWczAXva2An9m72MaT9gIwWTFptvlKrxyO4TjMmbWhRANCAAQ5OirZ4n5DrKqrhaGdO4VZHhRAYVcXWt3Te/d/8Mr57Tf886i09VwDhSMmH8pmNq/mp6+ioUgqYG9cs6GLLioe';
  const key = present(importPrivateKey('SM2', Buffer.from(pkcs8, 'base64')));
  expect(exportPrivateKey(key).toString('base64')).toBe(pkcs8);
  for (const [digest, signature] of [
    [
      'd7ad397f6ffa5d4f7f11e7217f241607dc30618c236d2c09c1b9ea8fdadee2e8',
      '3046022100ab1db64de7c40edbde6651c9b8ebdb804673db836e5d5c7fe15dcf9ed2725037022100eba714451ff69b0bb930b379e192e7cd5fa6e3c41c7fbd8303b799ab54a54621',
    ],
    [
      'b1139602c6ecc9e15e2f3f9c635a1afe737058bc15387479c1ea0d0b3d90e9e5',
      '3045022100e6e0414ebd3a656c35602af14ab20287dbf30d57af75c49a188ed4b42391f22402202f54f277c606f4605e1ce9514947ffddf94c67a539804a4ed17f852288bdbe2e',
    ],
  ] as const) {
    expect(await verifyDigest(key, hex(digest), hex(signature))).toBe(true);
  }
  const ciphertext = hex(
    '30818a0220466be2ef5c11782ec77864a0055417f407a5afc11d653c6bce69e417bb1d05b6022062b572e21ff0ddf5c726bd3f9ff2eae56e6294713a607e9b9525628965f62cc804203c1b5713b5db2728eb7bf775e44f4689fc32668bdc564f52ea45b09e8df2a5f40422084a9d0cc2997092b7d3c404fce95956eb604d732b2307a8e5b8900ed6608ca5b197',
  );
  expect((await decrypt(key, ciphertext))?.toString()).toBe('The floofy bunnies hop at midnight');
});

describe('OpenSSL’s command line', () => {
  const messages = [0, 1, 31, 32, 63, 64, 4096].map((length) => Buffer.alloc(length, `message of ${length}`));

  test('verifies our signatures of messages and of digests', async () => {
    const key = await newKey();
    for (const message of messages) {
      const signature = await signMessage(key, message);
      const verifying = ['pkeyutl', '-verify', ...BY_PUBLIC, ...WITH_ID, '-in', 'message', '-sigfile', 'signature'];
      expect(openssl(verifying, { ...publicFile(key), message, signature })?.toString(), `${message.length}`).toMatch(
        'Verified Successfully',
      );
    }
    for (let byte = 0; byte < 256; byte += 51) {
      const digest = Buffer.alloc(32, byte);
      const signature = await signDigest(key, digest);
      const verifying = ['pkeyutl', '-verify', ...BY_PUBLIC, '-in', 'digest', '-sigfile', 'signature'];
      expect(openssl(verifying, { digest, signature })?.toString(), `${byte}`).toMatch('Verified Successfully');
    }
  });

  test('signs messages under the default user id, which we verify, and under another, which we do not', async () => {
    const key = await newKey();
    for (const message of messages) {
      const signing = ['pkeyutl', '-sign', ...BY_PRIVATE, ...WITH_ID, '-in', 'message'];
      const signature = present(openssl(signing, { ...privateFile(key), message }));
      expect(await verifyMessage(createPublicKey(key), message, signature), `${message.length}`).toBe(true);
      expect(await verifyMessage(createPublicKey(key), Buffer.from('another'), signature)).toBe(false);
    }
    const withAnotherId = [...WITH_ID.slice(0, -1), 'distid:1234567812345679'];
    const signature = present(openssl(['pkeyutl', '-sign', ...BY_PRIVATE, ...withAnotherId, '-in', 'message']));
    expect(await verifyMessage(createPublicKey(key), present(messages.at(-1)), signature)).toBe(false);
  });

  test('decrypts what we encrypt', async () => {
    const key = await newKey();
    for (const length of [1, 2, 31, 32, 33, 127, 128, 256, MAX_PLAINTEXT_BYTES]) {
      const plaintext = Buffer.alloc(length, 'plaintext');
      const ct = await encrypt(createPublicKey(key), plaintext);
      expect(openssl(['pkeyutl', '-decrypt', ...BY_PRIVATE, '-in', 'ct'], { ...privateFile(key), ct })).toEqual(
        plaintext,
      );
    }
  });

  test('encrypts what we decrypt', async () => {
    const key = await newKey();
    // A shorter one could come with a key stream of zeros, which we refuse, unless this OpenSSL looks for that.
    for (const length of [16, 31, 32, 33, 127, 128, 256, MAX_PLAINTEXT_BYTES]) {
      const plaintext = Buffer.alloc(length, 'plaintext');
      const files = { ...publicFile(key), plaintext };
      const ciphertext = present(openssl(['pkeyutl', '-encrypt', ...BY_PUBLIC, '-in', 'plaintext'], files));
      expect(await decrypt(key, ciphertext)).toEqual(plaintext);
    }
  });

  test('makes keys that we read, and reads the keys that we make', async () => {
    const made = present(openssl(['genpkey', '-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:SM2']));
    const pkcs8 = present(openssl(['pkcs8', '-topk8', '-nocrypt', '-in', 'pem', '-outform', 'DER'], { pem: made }));
    const spki = present(openssl(['pkey', '-in', 'pem', '-pubout', '-outform', 'DER']));
    const key = present(importPrivateKey('SM2', pkcs8));
    expect(exportPrivateKey(key)).toEqual(pkcs8);
    expect(publicKeyOf(key)).toEqual(spki);

    const ours = await newKey();
    const pub = openssl(['pkey', '-inform', 'DER', '-in', 'key.der', '-pubout', '-outform', 'DER'], privateFile(ours));
    expect(pub).toEqual(publicKeyOf(ours));
    expect(openssl(['pkey', '-inform', 'DER', '-in', 'key.der', '-check', '-noout'])?.toString()).toMatch('is valid');
  });
});

test('two keys agree on the secret that OpenSSL makes of them', async () => {
  for (let round = 0; round < 5; round++) {
    // node:crypto agrees on secrets with SM2 keys as long as it has made them itself.
    const ours = generateKeyPairSync('ec', { namedCurve: 'SM2' });
    const theirs = generateKeyPairSync('ec', { namedCurve: 'SM2' });
    const expected = diffieHellman({ privateKey: theirs.privateKey, publicKey: ours.publicKey });
    const key = present(importPrivateKey('SM2', exportPrivateKey(ours.privateKey)));
    const peer = present(parsePublicKey('SM2', publicKeyOf(theirs.publicKey)));
    expect(await deriveSharedSecret(key, peer)).toEqual(expected);
    expect(expected).toHaveLength(32);
    const point = ECDH.convertKey(publicKeyOf(theirs.publicKey).subarray(26), 'SM2', undefined, 'hex', 'compressed');
    const compressed = present(parsePublicKey('SM2', hex(`3039${ALGORITHM}032200${point}`)));
    expect(await deriveSharedSecret(key, compressed)).toEqual(expected);
  }
});

describe('encryption', () => {
  test('any plaintext comes back, under no other key, and never by the same ciphertext', async () => {
    const [key, other] = [await newKey(), await newKey()];
    const plaintexts = fc.uint8Array({ minLength: 1, maxLength: MAX_PLAINTEXT_BYTES, size: 'max' });
    await fc.assert(
      fc.asyncProperty(plaintexts, async (plaintext) => {
        const ciphertext = await encrypt(createPublicKey(key), plaintext);
        expect(await decrypt(key, ciphertext)).toEqual(Buffer.from(plaintext));
        expect(await decrypt(other, ciphertext)).toBeUndefined();
        expect(await encrypt(createPublicKey(key), plaintext)).not.toEqual(ciphertext);
      }),
      { numRuns: 30 },
    );
  });

  test('a key stream of zeros is drawn anew, and taken from nobody, for it shows the plaintext', async () => {
    const key = keyOf(0x1234567890abcdefn);
    const plaintext = Buffer.from('x');
    const byNonce = (nonce: bigint) => {
      drawing(nonce);
      const point = publicKeyOf(key).subarray(26).toString('hex');
      return hex(library.doEncrypt(plaintext, point, 1, { asn1: true }));
    };
    let nonce = 1n;
    while (byNonce(nonce).at(-1) !== plaintext[0]) nonce++;
    const revealing = byNonce(nonce);
    const other = byNonce(nonce + 1n);
    drawing(nonce, nonce + 1n);
    expect(await encrypt(createPublicKey(key), plaintext)).toEqual(other);
    expect(await decrypt(key, revealing)).toBeUndefined();
  });

  test('a flipped bit in any byte, every cut and every byte more is refused', async () => {
    const key = await newKey();
    const ciphertext = await encrypt(key, Buffer.from('attack at dawn'));
    for (let at = 0; at < ciphertext.length; at++) {
      expect(await decrypt(key, flipped(ciphertext, at)), `byte ${at}`).toBeUndefined();
    }
    for (let length = 0; length < ciphertext.length; length++) {
      expect(await decrypt(key, ciphertext.subarray(0, length)), `${length} bytes`).toBeUndefined();
    }
    expect(await decrypt(key, Buffer.concat([ciphertext, Buffer.alloc(1)]))).toBeUndefined();
  });

  test('numbers and lengths in another encoding than DER are refused', async () => {
    const key = await newKey();
    const tlv = (tag: string, value: string) => DER._tlv.encode(Number.parseInt(tag, 16), value);
    const build = (x: string, y: string, hash: string, more = '') =>
      hex(tlv('30', tlv('02', x) + tlv('02', y) + tlv('04', hash) + tlv('04', encrypted) + more));
    const parts = () => {
      const sequence = DER._tlv.decode(0x30, ciphertext).v;
      const x = DER._tlv.decode(0x02, sequence);
      const y = DER._tlv.decode(0x02, x.l);
      const hash = DER._tlv.decode(0x04, y.l);
      return [x.v, y.v, hash.v, DER._tlv.decode(0x04, hash.l).v].map((each) => Buffer.from(each).toString('hex'));
    };
    const ciphertext = await encrypt(key, Buffer.from('attack at dawn'));
    const [x, y, hash, encrypted] = parts() as [string, string, string, string];
    expect(await decrypt(key, build(x, y, hash))).toEqual(Buffer.from('attack at dawn'));
    expect(await decrypt(key, build(`00${x}`, y, hash))).toBeUndefined();
    expect(await decrypt(key, build(x, `0000${y}`, hash))).toBeUndefined();
    expect(await decrypt(key, build(x, y, hash, tlv('04', '00')))).toBeUndefined();
    expect(await decrypt(key, build(x, y, hash.slice(2)))).toBeUndefined();
    expect(await decrypt(key, build(x, y, `${hash}00`))).toBeUndefined();
    expect(await decrypt(key, build(y, x, hash))).toBeUndefined();
    const body = ciphertext.subarray(2);
    expect(await decrypt(key, Buffer.concat([hex('3081'), ciphertext.subarray(1, 2), body]))).toBeUndefined();
    expect(await decrypt(key, Buffer.concat([hex('3080'), body, hex('0000')]))).toBeUndefined();
  });

  test('a point that is not on the curve is refused, for its multiples would give the private number away', async () => {
    const key = await newKey();
    const integer = (number: bigint) => DER._tlv.encode(0x02, DER._int.encode(number));
    const withPoint = (x: bigint, y: bigint) =>
      hex(DER._tlv.encode(0x30, `${integer(x)}${integer(y)}0420${'00'.repeat(32)}0401ff`));
    const p = 0xfffffffeffffffffffffffffffffffffffffffff00000000ffffffffffffffffn;
    const gx = 0x32c4ae2c1f1981195f9904466a39c9948fe30bbff2660be1715a4589334c74c7n;
    const gy = 0xbc3736a2f4f6779c59bdcee36b692153d0a9877cc62a474002df32e52139f0a0n;
    for (const [x, y] of [
      [0n, 0n],
      [1n, 1n],
      [gx, gy + 1n],
      [gx, 0n],
      [gx + p, gy],
      [gx, gy + p],
      [p, p],
      [1n << 4000n, gy],
    ] as const) {
      expect(await decrypt(key, withPoint(x, y))).toBeUndefined();
    }
  });

  test('whatever the bytes are, the answer is undefined', async () => {
    const key = await newKey();
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), async (bytes) => {
        expect(await decrypt(key, bytes)).toBeUndefined();
        const body = Buffer.from(bytes.subarray(0, 127));
        expect(await decrypt(key, Buffer.concat([Buffer.from([0x30, body.length]), body]))).toBeUndefined();
      }),
      { numRuns: 300 },
    );
  });
});

describe('signatures', () => {
  const message = Buffer.from('attack at dawn');

  test('any message’s verifies, under no other key and for no other message', async () => {
    const [key, other] = [await newKey(), await newKey()];
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 4096, size: 'max' }), async (bytes) => {
        const signature = await signMessage(key, bytes);
        expect(await verifyMessage(createPublicKey(key), bytes, signature)).toBe(true);
        expect(await verifyMessage(createPublicKey(other), bytes, signature)).toBe(false);
        expect(await verifyMessage(createPublicKey(key), Buffer.concat([bytes, Buffer.of(0)]), signature)).toBe(false);
      }),
      { numRuns: 30 },
    );
  });

  test('a flipped bit in any byte, every cut and every byte more is false', async () => {
    const key = createPublicKey(await newKey());
    const signer = await newKey();
    const signature = await signMessage(signer, message);
    const publicKey = createPublicKey(signer);
    expect(await verifyMessage(publicKey, message, signature)).toBe(true);
    expect(await verifyMessage(key, message, signature)).toBe(false);
    for (let at = 0; at < signature.length; at++) {
      expect(await verifyMessage(publicKey, message, flipped(signature, at)), `byte ${at}`).toBe(false);
    }
    for (let length = 0; length < signature.length; length++) {
      expect(await verifyMessage(publicKey, message, signature.subarray(0, length)), `${length} bytes`).toBe(false);
    }
    expect(await verifyMessage(publicKey, message, Buffer.concat([signature, Buffer.alloc(1)]))).toBe(false);
  });

  test('numbers beyond 1 to n - 1 are false, though they be congruent to the right ones', async () => {
    const key = await newKey();
    const { r, s } = DER.toSig(await signMessage(key, message));
    const verifies = (numbers: { r: bigint; s: bigint }) =>
      verifyMessage(createPublicKey(key), message, hex(DER.hexFromSig(numbers)));
    expect(await verifies({ r, s })).toBe(true);
    for (const numbers of [
      { r: r + ORDER, s },
      { r, s: s + ORDER },
      { r: 0n, s },
      { r, s: 0n },
      { r: 0n, s: 0n },
      { r: ORDER, s },
      { r, s: ORDER },
      { r, s: ORDER - r },
      { r, s: ORDER - s },
      { r: 1n << 4000n, s },
    ]) {
      expect(await verifies(numbers), `${numbers.r} ${numbers.s}`).toBe(false);
    }
  });

  test('of a digest that makes r zero, as whoever chooses the digest can, there is none', async () => {
    const key = await newKey();
    // With s = 1 and r = 0, t = 1: the point is G + P, and e its x-coordinate's negative.
    const base = createECDH('SM2');
    base.setPrivateKey(hex(hex32(1n)));
    const scalar = BigInt(`0x${exportPrivateKey(key).subarray(36, 68).toString('hex')}`);
    const sum = createECDH('SM2');
    sum.setPrivateKey(hex(hex32((scalar + 1n) % ORDER)));
    const x = BigInt(`0x${sum.getPublicKey('hex').slice(2, 66)}`);
    const digest = hex(hex32((2n * ORDER - x) % ORDER));
    expect(
      library.doVerifySignature(digest, hex32(0n) + hex32(1n), publicKeyOf(key).subarray(26).toString('hex')),
    ).toBe(true);
    expect(await verifyDigest(createPublicKey(key), digest, hex('3006020100020101'))).toBe(false);
  });

  test('in another encoding than DER they are false', async () => {
    const key = await newKey();
    const signature = await signMessage(key, message);
    const body = signature.subarray(2);
    const length = signature.subarray(1, 2);
    const [rLength] = body.subarray(1) as unknown as [number];
    for (const other of [
      Buffer.concat([hex('3081'), length, body]),
      Buffer.concat([hex('3080'), body, hex('0000')]),
      Buffer.concat([Buffer.of(0x30, signature.length - 1, 0x02, rLength + 1, 0x00), body.subarray(2)]),
      body,
    ]) {
      expect(await verifyMessage(createPublicKey(key), message, other)).toBe(false);
    }
  });

  test('whatever the bytes are, the answer is false', async () => {
    const key = await newKey();
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 100 }), async (bytes) => {
        expect(await verifyMessage(createPublicKey(key), message, bytes)).toBe(false);
        const body = Buffer.concat([Buffer.of(2, 4), bytes]);
        expect(await verifyMessage(key, message, Buffer.concat([Buffer.of(0x30, body.length), body]))).toBe(false);
      }),
      { numRuns: 300 },
    );
  });
});

describe('keys', () => {
  test('are imported with an uncompressed point, a compressed one or none, and are the same then', async () => {
    const pkcs8 = exportPrivateKey(await newKey());
    const scalar = pkcs8.subarray(36, 68).toString('hex');
    const point = ECDH.convertKey(pkcs8.subarray(73), 'SM2', undefined, 'hex', 'compressed');
    const compressed = hex(`3067020100${ALGORITHM}044d304b0201010420${scalar}a124032200${point}`);
    for (const form of [pkcs8, compressed, pkcs8Of(BigInt(`0x${scalar}`))]) {
      expect(exportPrivateKey(present(importPrivateKey('SM2', form)))).toEqual(pkcs8);
    }
  });

  test('are refused with a private number that is zero, or too large to sign with', async () => {
    for (const scalar of [0n, ORDER - 1n, ORDER, ORDER + 1n, (1n << 256n) - 1n]) {
      expect(importPrivateKey('SM2', pkcs8Of(scalar)), scalar.toString(16)).toBeUndefined();
    }
    for (const scalar of [1n, ORDER - 2n]) {
      const key = keyOf(scalar);
      const signature = await signMessage(key, Buffer.from('edge'));
      expect(await verifyMessage(createPublicKey(key), Buffer.from('edge'), signature)).toBe(true);
      expect(await decrypt(key, await encrypt(key, Buffer.from('edge')))).toEqual(Buffer.from('edge'));
    }
  });

  test('are refused with another key’s point', async () => {
    const pkcs8 = exportPrivateKey(await newKey());
    pkcs8.set(exportPrivateKey(await newKey()).subarray(73), 73);
    expect(importPrivateKey('SM2', pkcs8)).toBeUndefined();
  });

  test('are refused on another curve, with parameters written out, and with something behind', async () => {
    const p256 = await generateKeyPair('ECC_NIST_P256');
    expect(importPrivateKey('SM2', exportPrivateKey(p256))).toBeUndefined();
    expect(parsePublicKey('SM2', publicKeyOf(p256))).toBeUndefined();

    const options = ['-pkeyopt', 'ec_paramgen_curve:SM2', '-pkeyopt', 'ec_param_enc:explicit'];
    const pem = present(openssl(['genpkey', '-algorithm', 'EC', ...options]));
    const pkcs8 = present(openssl(['pkcs8', '-topk8', '-nocrypt', '-in', 'pem', '-outform', 'DER'], { pem }));
    const spki = present(openssl(['pkey', '-in', 'pem', '-pubout', '-outform', 'DER']));
    expect(importPrivateKey('SM2', pkcs8)).toBeUndefined();
    expect(parsePrivateKey('SM2', pkcs8)).toBeUndefined();
    expect(parsePublicKey('SM2', spki)).toBeUndefined();

    const key = await newKey();
    expect(importPrivateKey('SM2', Buffer.concat([exportPrivateKey(key), Buffer.of(0)]))).toBeUndefined();
    expect(parsePublicKey('SM2', Buffer.concat([publicKeyOf(key), Buffer.of(0)]))).toBeUndefined();
    expect(importPrivateKey('ECC_NIST_P256', exportPrivateKey(key))).toBeUndefined();
    expect(parsePublicKey('ECC_NIST_P256', publicKeyOf(key))).toBeUndefined();
  });

  test('are refused with a point that is not on the curve, and with infinity', async () => {
    const spki = publicKeyOf(await newKey());
    expect(parsePublicKey('SM2', flipped(spki, spki.length - 1))).toBeUndefined();
    expect(parsePublicKey('SM2', hex(`3018${ALGORITHM}03020000`))).toBeUndefined();
  });

  test('with any byte changed, they are refused or are whole keys', async () => {
    const key = await newKey();
    const [pkcs8, spki] = [exportPrivateKey(key), publicKeyOf(key)];
    const change = fc.tuple(fc.nat({ max: pkcs8.length - 1 }), fc.integer({ min: 1, max: 255 }));
    fc.assert(
      fc.property(change, ([at, mask]) => {
        const imported = importPrivateKey('SM2', changed(pkcs8, at, mask));
        // What is left to change without harm is what the encoding says of itself, such as its version.
        if (imported !== undefined) expect(exportPrivateKey(imported)).toEqual(pkcs8);

        const parsed = parsePublicKey('SM2', changed(spki, at % spki.length, mask));
        if (parsed !== undefined) expect(publicKeyOf(parsed).subarray(-64)).toEqual(spki.subarray(-64));
      }),
      { numRuns: 1500 },
    );
  });
});
