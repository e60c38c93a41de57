import { type KMSClient, UntagResourceCommand, type UntagResourceCommandInput } from '@aws-sdk/client-kms';
import { expect, test } from 'vitest';
import { expectRefusal, newKey, tagsOf } from '../support/kms.ts';
import { expectEveryDocumentedException, testOperation } from '../support/operation-suite.ts';
import { sandboxOfThisFile } from '../support/sandbox.ts';

const sandbox = sandboxOfThisFile();

testOperation(sandbox, {
  name: 'UntagResource',
  send: (kms: KMSClient, input: UntagResourceCommandInput) => kms.send(new UntagResourceCommand(input)),
  request: ({ key }) => ({ KeyId: key.id, TagKeys: ['team'] }),
  key: { namedBy: { member: 'KeyId', accepts: 'key' }, crossAccount: false },
});

const untag = (KeyId: string, TagKeys: string[]) => sandbox.kms.send(new UntagResourceCommand({ KeyId, TagKeys }));

test('removes the tags that are there, and does not mind the others', async () => {
  const tags = { team: 'billing', 'kosten:stelle/ä +': '', constructor: '1' };
  const Tags = Object.entries(tags).map(([TagKey, TagValue]) => ({ TagKey, TagValue }));
  const { id } = await newKey(sandbox.kms, { Tags });
  const { $metadata: _, ...nothing } = await untag(id, ['team', 'never there', 'Constructor']);
  expect(nothing).toEqual({});
  expect(await tagsOf(sandbox.kms, id)).toEqual({ 'kosten:stelle/ä +': '', constructor: '1' });
});

test('refuses keys that no tag can have', async () => {
  const { id } = await newKey(sandbox.kms);
  await expectRefusal(
    untag(id, ['ok', '']),
    'ValidationException',
    "1 validation error detected: Value '[ok, ]' at 'tagKeys' failed to satisfy constraint: Member must satisfy constraint: [Member must have length less than or equal to 128, Member must have length greater than or equal to 1]",
  );
});

expectEveryDocumentedException(sandbox, 'UntagResource', {
  TagException: 'keys that no tag has are not minded, and what cannot be a tag key breaks a constraint',
});
