import { GenerateMacCommand, type GenerateMacCommandInput, type KMSClient } from '@aws-sdk/client-kms';
import { expect, test } from 'vitest';
import { expectRefusal, newKey, plaintext } from '../support/kms.ts';
import { expectEveryDocumentedException, testOperation } from '../support/operation-suite.ts';
import { sandboxOfThisFile } from '../support/sandbox.ts';

const sandbox = sandboxOfThisFile();
const MacAlgorithm = 'HMAC_SHA_256';
const spec = { KeySpec: 'HMAC_256', KeyUsage: 'GENERATE_VERIFY_MAC' } as const;
const send = (kms: KMSClient, input: GenerateMacCommandInput) => kms.send(new GenerateMacCommand(input));

testOperation(sandbox, {
  name: 'GenerateMac',
  send,
  request: ({ key }): GenerateMacCommandInput => ({ KeyId: key.id, Message: plaintext, MacAlgorithm }),
  key: {
    namedBy: { member: 'KeyId', accepts: 'key or alias' },
    crossAccount: true,
    usage: 'GENERATE_VERIFY_MAC',
    spec,
    arnIn: ({ KeyId }) => KeyId,
  },
});

const sizes = [
  ['HMAC_224', 'HMAC_SHA_224', 28],
  ['HMAC_256', 'HMAC_SHA_256', 32],
  ['HMAC_384', 'HMAC_SHA_384', 48],
  ['HMAC_512', 'HMAC_SHA_512', 64],
] as const;

test.each(sizes)('answers with every member that AWS answers with: %s', async (KeySpec, algorithm, bytes) => {
  const [key, other] = [
    await newKey(sandbox.kms, { ...spec, KeySpec }),
    await newKey(sandbox.kms, { ...spec, KeySpec }),
  ];
  const mac = (KeyId: string) => send(sandbox.kms, { KeyId, Message: plaintext, MacAlgorithm: algorithm });
  const { $metadata: _, ...made } = await mac(key.id);
  expect(made).toEqual({ KeyId: key.arn, Mac: expect.any(Uint8Array), MacAlgorithm: algorithm });
  expect(made.Mac).toHaveLength(bytes);
  expect((await mac(key.id)).Mac).toEqual(made.Mac);
  expect((await mac(other.id)).Mac).not.toEqual(made.Mac);
});

test('makes no MAC by an algorithm that the key does not have, or of a message of no size', async () => {
  const { id: KeyId } = await newKey(sandbox.kms, spec);
  await expectRefusal(
    send(sandbox.kms, { KeyId, Message: plaintext, MacAlgorithm: 'HMAC_SHA_512' }),
    'InvalidKeyUsageException',
    'Algorithm HMAC_SHA_512 is incompatible with key spec HMAC_256.',
  );
  for (const bytes of [0, 4097]) {
    await expectRefusal(
      send(sandbox.kms, { KeyId, Message: new Uint8Array(bytes), MacAlgorithm }),
      'ValidationException',
      /at 'message' failed/,
    );
  }
});

expectEveryDocumentedException(sandbox, 'GenerateMac');
