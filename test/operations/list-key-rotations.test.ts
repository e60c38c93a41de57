import {
  type KMSClient,
  ListKeyRotationsCommand,
  type ListKeyRotationsCommandInput,
  RotateKeyOnDemandCommand,
} from '@aws-sdk/client-kms';
import { test } from 'vitest';
import { expectRefusal, newKey } from '../support/kms.ts';
import { expectEveryDocumentedException, testOperation } from '../support/operation-suite.ts';
import { sandboxOfThisFile } from '../support/sandbox.ts';

const sandbox = sandboxOfThisFile();
const send = (kms: KMSClient, input: ListKeyRotationsCommandInput) => kms.send(new ListKeyRotationsCommand(input));

testOperation(sandbox, {
  name: 'ListKeyRotations',
  send,
  request: ({ key }) => ({ KeyId: key.id }),
  key: {
    namedBy: { member: 'KeyId', accepts: 'key' },
    crossAccount: false,
  },
  pages: {
    items: ({ Rotations }) => (Rotations ?? []).map(({ KeyMaterialId }) => KeyMaterialId),
    most: 1000,
    add: ({ kms, key }) => kms.send(new RotateKeyOnDemandCommand({ KeyId: key.id })),
  },
});

test('lists no material of keys that cannot be rotated', async () => {
  const { id } = await newKey(sandbox.kms, { KeySpec: 'HMAC_256', KeyUsage: 'GENERATE_VERIFY_MAC' });
  await expectRefusal(
    send(sandbox.kms, { KeyId: id, IncludeKeyMaterial: 'ALL_KEY_MATERIAL' }),
    'UnsupportedOperationException',
  );
});

expectEveryDocumentedException(sandbox, 'ListKeyRotations', {
  KMSInvalidStateException: 'a key in any state has its rotations, by the page of key states',
});
