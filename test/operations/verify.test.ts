import { type KMSClient, SignCommand, VerifyCommand, type VerifyCommandInput } from '@aws-sdk/client-kms';
import { expect, test } from 'vitest';
import { expectRefusal, newKey, plaintext } from '../support/kms.ts';
import { expectEveryDocumentedException, testOperation } from '../support/operation-suite.ts';
import { sandboxOfThisFile } from '../support/sandbox.ts';

const sandbox = sandboxOfThisFile();
const SigningAlgorithm = 'ECDSA_SHA_256';
const spec = { KeySpec: 'ECC_NIST_P256', KeyUsage: 'SIGN_VERIFY' } as const;
const send = (kms: KMSClient, input: VerifyCommandInput) => kms.send(new VerifyCommand(input));

/** A signature, and what it takes to verify it. */
async function signed(kms: KMSClient, KeyId: string): Promise<VerifyCommandInput & { Signature: Uint8Array }> {
  const input = { KeyId, Message: plaintext, SigningAlgorithm } as const;
  const { Signature = new Uint8Array() } = await kms.send(new SignCommand(input));
  return { ...input, Signature };
}

testOperation(sandbox, {
  name: 'Verify',
  send,
  request: ({ kms, key }) => signed(kms, key.id),
  key: {
    namedBy: { member: 'KeyId', accepts: 'key or alias' },
    crossAccount: true,
    usage: 'SIGN_VERIFY',
    spec,
    needsMaterial: true,
    arnIn: ({ KeyId }) => KeyId,
  },
});

test('answers with every member that AWS answers with', async () => {
  const key = await newKey(sandbox.kms, spec);
  const { $metadata: _, ...verified } = await send(sandbox.kms, await signed(sandbox.kms, key.id));
  expect(verified).toEqual({ KeyId: key.arn, SignatureValid: true, SigningAlgorithm });
});

test('refuses a signature of another message or another key, and one with any byte changed or cut off', async () => {
  const [key, other] = [await newKey(sandbox.kms, spec), await newKey(sandbox.kms, spec)];
  const input = await signed(sandbox.kms, key.id);
  const { Signature } = input;
  const damaged = [Signature.subarray(1), Signature.subarray(0, -1), Buffer.concat([Signature, Buffer.alloc(1)])];
  for (let at = 0; at < Signature.length; at++) {
    const changed = Buffer.from(Signature);
    changed[at] = (changed[at] as number) ^ 0x01;
    damaged.push(changed);
  }
  const wrong = [
    { Message: Buffer.from('attack at dusk') },
    { KeyId: other.id },
    ...damaged.map((bytes) => ({ Signature: bytes })),
  ];
  await Promise.all(
    wrong.map((change) => expectRefusal(send(sandbox.kms, { ...input, ...change }), 'KMSInvalidSignatureException')),
  );
  await expectRefusal(
    send(sandbox.kms, { ...input, Message: Buffer.from('x'), DryRun: true }),
    'KMSInvalidSignatureException',
  );
});

test('does not verify by an algorithm that the key does not have', async () => {
  const { id } = await newKey(sandbox.kms, spec);
  await expectRefusal(
    send(sandbox.kms, { ...(await signed(sandbox.kms, id)), SigningAlgorithm: 'ECDSA_SHA_384' }),
    'InvalidKeyUsageException',
    'Algorithm ECDSA_SHA_384 is incompatible with key spec ECC_NIST_P256.',
  );
});

expectEveryDocumentedException(sandbox, 'Verify');
