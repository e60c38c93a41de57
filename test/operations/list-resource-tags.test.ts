import {
  type KMSClient,
  ListResourceTagsCommand,
  type ListResourceTagsCommandInput,
  TagResourceCommand,
  UntagResourceCommand,
} from '@aws-sdk/client-kms';
import { expect, test } from 'vitest';
import { newKey } from '../support/kms.ts';
import { expectEveryDocumentedException, testOperation } from '../support/operation-suite.ts';
import { sandboxOfThisFile } from '../support/sandbox.ts';

const sandbox = sandboxOfThisFile();

testOperation(sandbox, {
  name: 'ListResourceTags',
  send: (kms: KMSClient, input: ListResourceTagsCommandInput) => kms.send(new ListResourceTagsCommand(input)),
  request: ({ key }) => ({ KeyId: key.id }),
  key: { namedBy: { member: 'KeyId', accepts: 'key' }, crossAccount: false },
  pages: {
    items: ({ Tags }) => (Tags ?? []).map(({ TagKey }) => TagKey),
    most: 50,
    add: ({ kms, key }, number) =>
      kms.send(new TagResourceCommand({ KeyId: key.id, Tags: [{ TagKey: `tag-${number}`, TagValue: '' }] })),
    remove: ({ kms, key }, item) => kms.send(new UntagResourceCommand({ KeyId: key.id, TagKeys: [item] })),
  },
});

test('lists all fifty tags that a key can have, unless told otherwise, each with its value', async () => {
  const Tags = Array.from({ length: 50 }, (_, n) => ({ TagKey: `tag-${n}`, TagValue: String(n) }));
  const { id } = await newKey(sandbox.kms, { Tags });
  const { $metadata: _, ...listed } = await sandbox.kms.send(new ListResourceTagsCommand({ KeyId: id }));
  expect(listed).toEqual({ Tags: expect.any(Array), Truncated: false });
  expect(listed.Tags).toHaveLength(50);
  expect(new Set(listed.Tags)).toEqual(new Set(Tags));
});

test('lists nothing of a key without tags', async () => {
  const { id } = await newKey(sandbox.kms);
  const { $metadata: _, ...listed } = await sandbox.kms.send(new ListResourceTagsCommand({ KeyId: id }));
  expect(listed).toEqual({ Tags: [], Truncated: false });
});

expectEveryDocumentedException(sandbox, 'ListResourceTags');
