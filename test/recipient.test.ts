import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  CreateKeyCommand,
  DecryptCommand,
  DeriveSharedSecretCommand,
  EncryptCommand,
  GenerateDataKeyCommand,
  GenerateDataKeyPairCommand,
  GenerateRandomCommand,
  GetPublicKeyCommand,
  type KMSClient,
} from '@aws-sdk/client-kms';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  recipientKey,
  type TestHypervisor,
  testHypervisor,
} from '../src/crypto/attestation/attestation.test-helper.ts';
import { expectRefusal, newKey, plaintext, policyOf, statement } from './support/kms.ts';
import { cleanUp, runToEnd, startServer, type TestServer, temporaryDirectory } from './support/server.ts';

/**
 * Answers to Nitro enclaves. No hypervisor of AWS's can be had here, so a real one's form and signatures are made by one of
 * our own, whose root the server is told to trust; `openssl cms` opens the answers as an enclave would.
 */

const directory = temporaryDirectory();
const enclave = recipientKey();
let hypervisor: TestHypervisor;
let server: TestServer;
let kms: KMSClient;

beforeAll(async () => {
  hypervisor = testHypervisor(Date.now());
  writeFileSync(join(directory, 'root.pem'), hypervisor.rootPem);
  writeFileSync(join(directory, 'enclave.pem'), enclave.privateKey.export({ type: 'pkcs8', format: 'pem' }));
  server = await startServer({ args: ['--sandbox', '--attestation-root', join(directory, 'root.pem')] });
  kms = server.kms();
});
afterAll(() => cleanUp(server));

function recipient(options: Parameters<TestHypervisor['attest']>[0] = {}) {
  const document = hypervisor.attest({ publicKey: enclave.publicKey, ...options });
  return { KeyEncryptionAlgorithm: 'RSAES_OAEP_SHA_256', AttestationDocument: document } as const;
}

/** Opens an answer with OpenSSL's command line, and the enclave's private key. */
function open(envelope: Uint8Array | undefined): Buffer {
  return execFileSync('openssl', ['cms', '-decrypt', '-inform', 'DER', '-inkey', join(directory, 'enclave.pem')], {
    input: envelope,
  });
}

test('Decrypt answers with an envelope for the enclave, and with no plaintext', async () => {
  const { id, arn } = await newKey(kms);
  const { CiphertextBlob } = await kms.send(new EncryptCommand({ KeyId: id, Plaintext: plaintext }));
  const { $metadata: _, ...answer } = await kms.send(new DecryptCommand({ CiphertextBlob, Recipient: recipient() }));
  expect(answer).toEqual({
    KeyId: arn,
    CiphertextForRecipient: expect.any(Uint8Array),
    EncryptionAlgorithm: 'SYMMETRIC_DEFAULT',
  });
  expect(open(answer.CiphertextForRecipient)).toEqual(plaintext);
});

test('GenerateDataKey gives the enclave the key that the ciphertext holds', async () => {
  const { id } = await newKey(kms);
  const request = { KeyId: id, KeySpec: 'AES_256', Recipient: recipient() } as const;
  const { $metadata: _, ...answer } = await kms.send(new GenerateDataKeyCommand(request));
  expect(Object.keys(answer).toSorted()).toEqual(['CiphertextBlob', 'CiphertextForRecipient', 'KeyId']);
  const { Plaintext } = await kms.send(new DecryptCommand({ CiphertextBlob: answer.CiphertextBlob }));
  expect(open(answer.CiphertextForRecipient)).toEqual(Buffer.from(Plaintext ?? []));
});

test('GenerateDataKeyPair gives the enclave the private key that the ciphertext holds', async () => {
  const { id, materialId } = await newKey(kms);
  const request = { KeyId: id, KeyPairSpec: 'ECC_NIST_P256', Recipient: recipient() } as const;
  const answer = await kms.send(new GenerateDataKeyPairCommand(request));
  expect(answer.PrivateKeyPlaintext).toBeUndefined();
  expect(answer.KeyMaterialId).toBe(materialId);
  const { Plaintext } = await kms.send(new DecryptCommand({ CiphertextBlob: answer.PrivateKeyCiphertextBlob }));
  expect(open(answer.CiphertextForRecipient)).toEqual(Buffer.from(Plaintext ?? []));
});

test('DeriveSharedSecret gives the enclave the secret', async () => {
  const made = new CreateKeyCommand({ KeySpec: 'ECC_NIST_P384', KeyUsage: 'KEY_AGREEMENT' });
  const KeyId = (await kms.send(made)).KeyMetadata?.KeyId;
  const { PublicKey } = await kms.send(new GetPublicKeyCommand({ KeyId }));
  const request = { KeyId, PublicKey, KeyAgreementAlgorithm: 'ECDH' } as const;
  const { SharedSecret } = await kms.send(new DeriveSharedSecretCommand(request));
  const answer = await kms.send(new DeriveSharedSecretCommand({ ...request, Recipient: recipient() }));
  expect(answer.SharedSecret).toBeUndefined();
  expect(open(answer.CiphertextForRecipient)).toEqual(Buffer.from(SharedSecret ?? []));
});

test('GenerateRandom gives the enclave as many bytes as it asked for', async () => {
  const answer = await kms.send(new GenerateRandomCommand({ NumberOfBytes: 1024, Recipient: recipient() }));
  expect(answer.Plaintext).toBeUndefined();
  expect(open(answer.CiphertextForRecipient)).toHaveLength(1024);
});

describe('nothing is answered, neither plaintext nor envelope, to a document', () => {
  const refusal = 'The attestation document in the request is not valid.';
  const random = (Recipient: object) => kms.send(new GenerateRandomCommand({ NumberOfBytes: 32, Recipient }));

  test('below another root', async () => {
    const document = testHypervisor(Date.now()).attest({ publicKey: enclave.publicKey });
    await expectRefusal(random({ ...recipient(), AttestationDocument: document }), 'ValidationException', refusal);
  });

  test('that was changed, in any of its parts', async () => {
    const document = hypervisor.attest({ publicKey: enclave.publicKey });
    for (let at = 3; at < document.length; at += 97) {
      const changed = Buffer.from(document);
      changed[at] = (changed[at] as number) ^ 1;
      await expectRefusal(random({ ...recipient(), AttestationDocument: changed }), 'ValidationException', refusal);
    }
  });

  test('that is old, or without a key', async () => {
    const hourAgo = Date.now() - 3_600_000;
    await expectRefusal(random(recipient({ timestampMs: hourAgo })), 'ValidationException', refusal);
    await expectRefusal(random(recipient({ publicKey: null })), 'ValidationException', refusal);
  });

  test('that is not there, or for an algorithm that is not named', async () => {
    const { AttestationDocument, KeyEncryptionAlgorithm } = recipient();
    await expectRefusal(random({ KeyEncryptionAlgorithm }), 'ValidationException', /Recipient/);
    await expectRefusal(random({ AttestationDocument }), 'ValidationException', /Recipient/);
  });
});

describe('a key policy that wants a certain enclave', () => {
  const image = 'ab'.repeat(48);
  const other = 'cd'.repeat(48);

  async function keyFor(condition: Record<string, string>) {
    const administrator = statement('Allow', 'arn:aws:iam::000000000000:root', [
      'kms:Encrypt',
      'kms:DescribeKey',
      'kms:PutKeyPolicy',
    ]);
    const enclaveOnly = statement('Allow', '*', 'kms:Decrypt', {
      Condition: { StringEqualsIgnoreCase: condition },
    });
    const { id } = await newKey(kms, { Policy: policyOf(administrator, enclaveOnly) });
    const { CiphertextBlob } = await kms.send(new EncryptCommand({ KeyId: id, Plaintext: plaintext }));
    return (Recipient?: ReturnType<typeof recipient>) =>
      kms.send(new DecryptCommand({ CiphertextBlob, ...(Recipient === undefined ? {} : { Recipient }) }));
  }

  test.each([
    ['kms:RecipientAttestation:ImageSha384', 0],
    ['kms:RecipientAttestation:PCR0', 0],
    ['kms:RecipientAttestation:PCR8', 8],
  ])('by %s lets that one decrypt, no other, and nobody without a document', async (key, register) => {
    const decrypt = await keyFor({ [key]: image });
    const answer = await decrypt(recipient({ pcrs: new Map([[register, image]]) }));
    expect(open(answer.CiphertextForRecipient)).toEqual(plaintext);
    await expectRefusal(decrypt(recipient({ pcrs: new Map([[register, other]]) })), 'AccessDeniedException');
    await expectRefusal(decrypt(recipient({ pcrs: new Map([[register + 1, image]]) })), 'AccessDeniedException');
    await expectRefusal(decrypt(), 'AccessDeniedException');
  });
});

test('a root file that is missing or holds no certificate refuses the start', async () => {
  for (const [path, reason] of [
    [join(directory, 'no-such-file'), /cannot read the attestation roots/],
    [join(directory, 'enclave.pem'), /no certificate/],
  ] as const) {
    const run = await runToEnd(['--attestation-root', path, '--data-dir', join(directory, 'never')]);
    expect(run.status).toBe(2);
    expect(run.stderr).toMatch(reason);
  }
});
