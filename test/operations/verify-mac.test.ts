import { GenerateMacCommand, type KMSClient, VerifyMacCommand, type VerifyMacCommandInput } from '@aws-sdk/client-kms';
import { expect, test } from 'vitest';
import { expectRefusal, newKey, plaintext } from '../support/kms.ts';
import { expectEveryDocumentedException, testOperation } from '../support/operation-suite.ts';
import { sandboxOfThisFile } from '../support/sandbox.ts';

const sandbox = sandboxOfThisFile();
const MacAlgorithm = 'HMAC_SHA_256';
const spec = { KeySpec: 'HMAC_256', KeyUsage: 'GENERATE_VERIFY_MAC' } as const;
const send = (kms: KMSClient, input: VerifyMacCommandInput) => kms.send(new VerifyMacCommand(input));

/** A MAC, and what it takes to verify it. */
async function authenticated(kms: KMSClient, KeyId: string): Promise<VerifyMacCommandInput & { Mac: Uint8Array }> {
  const input = { KeyId, Message: plaintext, MacAlgorithm } as const;
  const { Mac = new Uint8Array() } = await kms.send(new GenerateMacCommand(input));
  return { ...input, Mac };
}

testOperation(sandbox, {
  name: 'VerifyMac',
  send,
  request: ({ kms, key }) => authenticated(kms, key.id),
  key: {
    namedBy: { member: 'KeyId', accepts: 'key or alias' },
    crossAccount: true,
    usage: 'GENERATE_VERIFY_MAC',
    spec,
    needsMaterial: true,
    arnIn: ({ KeyId }) => KeyId,
  },
});

test('answers with every member that AWS answers with', async () => {
  const key = await newKey(sandbox.kms, spec);
  const { $metadata: _, ...verified } = await send(sandbox.kms, await authenticated(sandbox.kms, key.id));
  expect(verified).toEqual({ KeyId: key.arn, MacValid: true, MacAlgorithm });
});

test('refuses a MAC of another message or another key, and one with any byte changed or cut off', async () => {
  const [key, other] = [await newKey(sandbox.kms, spec), await newKey(sandbox.kms, spec)];
  const input = await authenticated(sandbox.kms, key.id);
  const { Mac } = input;
  const damaged = [Mac.subarray(1), Mac.subarray(0, 1), Buffer.concat([Mac, Buffer.alloc(1)])];
  for (let at = 0; at < Mac.length; at++) {
    const changed = Buffer.from(Mac);
    changed[at] = (changed[at] as number) ^ 0x01;
    damaged.push(changed);
  }
  const wrong = [
    { Message: Buffer.from('attack at dusk') },
    { KeyId: other.id },
    ...damaged.map((bytes) => ({ Mac: bytes })),
  ];
  for (const change of wrong) await expectRefusal(send(sandbox.kms, { ...input, ...change }), 'KMSInvalidMacException');
});

test('does not verify by an algorithm that the key does not have', async () => {
  const { id } = await newKey(sandbox.kms, spec);
  await expectRefusal(
    send(sandbox.kms, { ...(await authenticated(sandbox.kms, id)), MacAlgorithm: 'HMAC_SHA_512' }),
    'InvalidKeyUsageException',
    'Algorithm HMAC_SHA_512 is incompatible with key spec HMAC_256.',
  );
});

expectEveryDocumentedException(sandbox, 'VerifyMac');
