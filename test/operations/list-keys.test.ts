import { type KMSClient, ListKeysCommand, type ListKeysCommandInput } from '@aws-sdk/client-kms';
import { expect, test } from 'vitest';
import { newKey } from '../support/kms.ts';
import { expectEveryDocumentedException, testOperation } from '../support/operation-suite.ts';
import { FOREIGNER, OWNER, sandboxOfThisFile } from '../support/sandbox.ts';

const sandbox = sandboxOfThisFile();

testOperation(sandbox, {
  name: 'ListKeys',
  send: (kms: KMSClient, input: ListKeysCommandInput) => kms.send(new ListKeysCommand(input)),
  request: () => ({}),
  pages: {
    items: ({ Keys }) => (Keys ?? []).map(({ KeyId }) => KeyId),
    most: 1000,
    usual: 100,
    // Keys do not go but after days: see the sandbox's own tests.
    add: ({ kms }) => newKey(kms),
  },
});

test('lists nothing where nothing is', async () => {
  const { $metadata: _, ...listed } = await sandbox.as(OWNER, sandbox.newRegion()).send(new ListKeysCommand({}));
  expect(listed).toEqual({ Keys: [], Truncated: false });
});

test('lists the keys of its account and Region, each with its id and its ARN', async () => {
  const [region, anotherRegion] = [sandbox.newRegion(), sandbox.newRegion()];
  const kms = sandbox.as(OWNER, region);
  const keys = [await newKey(kms), await newKey(kms), await newKey(kms)];
  await newKey(sandbox.as(OWNER, anotherRegion));
  await newKey(sandbox.as(FOREIGNER, region));
  const { Keys, Truncated, NextMarker } = await kms.send(new ListKeysCommand({}));
  expect(new Set(Keys)).toEqual(new Set(keys.map(({ id, arn }) => ({ KeyId: id, KeyArn: arn }))));
  expect({ Truncated, NextMarker }).toEqual({ Truncated: false, NextMarker: undefined });
});

expectEveryDocumentedException(sandbox, 'ListKeys');
