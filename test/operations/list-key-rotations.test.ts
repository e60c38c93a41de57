import {
  DescribeKeyCommand,
  type KMSClient,
  ListKeyRotationsCommand,
  type ListKeyRotationsCommandInput,
  paginateListKeyRotations,
  RotateKeyOnDemandCommand,
  type RotationsListEntry,
} from '@aws-sdk/client-kms';
import { expect, test } from 'vitest';
import { expectRefusal, newKey } from '../support/kms.ts';
import { expectEveryDocumentedException, testOperation } from '../support/operation-suite.ts';
import { sandboxOfThisFile } from '../support/sandbox.ts';
import { advanceClock, DAY_SECONDS } from '../support/sandbox-clock.ts';

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

test('lists rotations page by page, by their dates, and what there was before them', async () => {
  const { kms } = sandbox;
  const { id, materialId } = await newKey(kms);
  const materials: (string | undefined)[] = [materialId];
  for (let count = 0; count < 4; count++) {
    await kms.send(new RotateKeyOnDemandCommand({ KeyId: id }));
    const { KeyMetadata } = await kms.send(new DescribeKeyCommand({ KeyId: id }));
    materials.push(KeyMetadata?.CurrentKeyMaterialId);
    await advanceClock(sandbox.server, DAY_SECONDS);
  }
  const listed: RotationsListEntry[] = [];
  const paginator = paginateListKeyRotations(
    { client: kms, pageSize: 2 },
    { KeyId: id, IncludeKeyMaterial: 'ALL_KEY_MATERIAL' },
  );
  for await (const { Rotations = [] } of paginator) listed.push(...Rotations);
  expect(listed.map(({ KeyMaterialId }) => KeyMaterialId)).toEqual(materials);
  const past = 'NON_CURRENT';
  expect(listed.map(({ KeyMaterialState }) => KeyMaterialState)).toEqual([past, past, past, past, 'CURRENT']);
  expect(listed[0]?.RotationDate).toBeUndefined();
  expect(listed[1]).toMatchObject({ KeyId: id, RotationType: 'ON_DEMAND', RotationDate: expect.any(Date) });
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
