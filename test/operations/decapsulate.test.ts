import {
  DecapsulateCommand,
  type DecapsulateCommandInput,
  EncapsulateCommand,
  type KMSClient,
} from '@aws-sdk/client-kms';
import { expect, test } from 'vitest';
import { expectRefusal, newKey } from '../support/kms.ts';
import { expectEveryDocumentedException, testOperation } from '../support/operation-suite.ts';
import { sandboxOfThisFile } from '../support/sandbox.ts';

const sandbox = sandboxOfThisFile();
const EncapsulationAlgorithm = 'ML_KEM';
const spec = { KeySpec: 'ML_KEM_768', KeyUsage: 'ENCAPSULATE_DECAPSULATE' } as const;
const send = (kms: KMSClient, input: DecapsulateCommandInput) => kms.send(new DecapsulateCommand(input));
const encapsulate = (kms: KMSClient, KeyId: string) =>
  kms.send(new EncapsulateCommand({ KeyId, EncapsulationAlgorithm }));

testOperation(sandbox, {
  name: 'Decapsulate',
  send,
  request: async ({ kms, key }): Promise<DecapsulateCommandInput> => {
    const { SharedSecretCiphertextBlob } = await encapsulate(kms, key.id);
    return { KeyId: key.id, SharedSecretCiphertextBlob, EncapsulationAlgorithm };
  },
  key: {
    namedBy: { member: 'KeyId', accepts: 'key or alias' },
    crossAccount: true,
    usage: 'ENCAPSULATE_DECAPSULATE',
    spec,
    needsMaterial: true,
    arnIn: ({ KeyId }) => KeyId,
  },
});

test('answers with every member that AWS answers with', async () => {
  const key = await newKey(sandbox.kms, spec);
  const { SharedSecret, SharedSecretCiphertextBlob } = await encapsulate(sandbox.kms, key.id);
  const { $metadata: _, ...opened } = await send(sandbox.kms, {
    KeyId: key.id,
    SharedSecretCiphertextBlob,
    EncapsulationAlgorithm,
  });
  expect(opened).toEqual({ KeyId: key.arn, SharedSecret, EncapsulationAlgorithm });
});

test('gives another secret for a ciphertext that was changed, as FIPS 203 has it, and none for one of another length', async () => {
  const { id: KeyId } = await newKey(sandbox.kms, spec);
  const { SharedSecret, SharedSecretCiphertextBlob = new Uint8Array() } = await encapsulate(sandbox.kms, KeyId);
  const open = (blob: Uint8Array) =>
    send(sandbox.kms, { KeyId, SharedSecretCiphertextBlob: blob, EncapsulationAlgorithm });
  const changed = Buffer.from(SharedSecretCiphertextBlob);
  changed[0] = (changed[0] as number) ^ 0x01;
  const opened = await open(changed);
  expect(opened.SharedSecret).toHaveLength(32);
  expect(opened.SharedSecret).not.toEqual(SharedSecret);
  await expectRefusal(open(changed.subarray(1)), 'InvalidCiphertextException');
});

expectEveryDocumentedException(sandbox, 'Decapsulate');
