import {
  type KMSClient,
  ListResourceTagsCommand,
  type Tag,
  TagResourceCommand,
  type TagResourceCommandInput,
} from '@aws-sdk/client-kms';
import { expect, test } from 'vitest';
import { expectRefusal, newKey, tagsOf } from '../support/kms.ts';
import { expectEveryDocumentedException, testOperation } from '../support/operation-suite.ts';
import { sandboxOfThisFile } from '../support/sandbox.ts';

const sandbox = sandboxOfThisFile();
const send = (kms: KMSClient, input: TagResourceCommandInput) => kms.send(new TagResourceCommand(input));

testOperation(sandbox, {
  name: 'TagResource',
  send,
  request: ({ key }) => ({ KeyId: key.id, Tags: [{ TagKey: 'team', TagValue: 'orders' }] }),
  key: { namedBy: { member: 'KeyId', accepts: 'key' }, crossAccount: false },
});

const tag = (KeyId: string, tags: Record<string, string>) =>
  send(sandbox.kms, { KeyId, Tags: Object.entries(tags).map(([TagKey, TagValue]) => ({ TagKey, TagValue })) });

test('adds tags, and replaces those of the same key', async () => {
  const { id, arn } = await newKey(sandbox.kms, { Tags: [{ TagKey: 'team', TagValue: 'orders' }] });
  const { $metadata: _, ...nothing } = await tag(arn, {
    team: 'billing',
    'kosten:stelle/ä +': '',
    constructor: '1',
  });
  expect(nothing).toEqual({});
  const listed = await sandbox.kms.send(new ListResourceTagsCommand({ KeyId: arn }));
  expect(listed.Truncated).toBe(false);
  expect(await tagsOf(sandbox.kms, id)).toEqual({ team: 'billing', 'kosten:stelle/ä +': '', constructor: '1' });
});

test('takes the same tag key in other letters for another tag', async () => {
  const { id } = await newKey(sandbox.kms);
  await tag(id, { Team: 'a', team: 'b' });
  expect(await tagsOf(sandbox.kms, id)).toEqual({ Team: 'a', team: 'b' });
});

test('gives a key no more than fifty tags', async () => {
  const { id } = await newKey(sandbox.kms);
  const many = Object.fromEntries(Array.from({ length: 50 }, (_, n) => [`tag-${n}`, 'x']));
  await tag(id, many);
  await expectRefusal(tag(id, { another: 'x' }), 'LimitExceededException', /50/);
  await tag(id, { 'tag-7': 'y' });
  expect(await tagsOf(sandbox.kms, id)).toEqual({ ...many, 'tag-7': 'y' });
});

const refused: [string, Tag[], name: string, message: RegExp][] = [
  ['a key of AWS', [{ TagKey: 'AWS:team', TagValue: '' }], 'TagException', /^Tags beginning with aws: are reserved$/],
  ['characters that no tag has', [{ TagKey: 'team', TagValue: 'you & me' }], 'TagException', /^Invalid tag$/],
  [
    'the same key twice',
    [
      { TagKey: 'a', TagValue: '' },
      { TagKey: 'a', TagValue: 'b' },
    ],
    'TagException',
    /Duplicate tag keys/,
  ],
  [
    'keys and values that are too long or too short',
    [
      { TagKey: 'a', TagValue: '' },
      { TagKey: 'x'.repeat(129), TagValue: 'y'.repeat(257) },
    ],
    'ValidationException',
    /^2 validation errors detected: Value 'x+' at 'tags\.2\.member\.tagKey' failed to satisfy constraint: Member must have length less than or equal to 128; Value 'y+' at 'tags\.2\.member\.tagValue' failed to satisfy constraint: Member must have length less than or equal to 256$/,
  ],
  [
    'no value',
    [{ TagKey: 'a', TagValue: undefined }],
    'ValidationException',
    /^1 validation error detected: Value null at 'tags\.1\.member\.tagValue' failed to satisfy constraint: Member must not be null$/,
  ],
];

test.each(refused)('refuses %s, and changes nothing', async (_, Tags, name, message) => {
  const { id } = await newKey(sandbox.kms, { Tags: [{ TagKey: 'team', TagValue: 'orders' }] });
  await expectRefusal(send(sandbox.kms, { KeyId: id, Tags }), name, message);
  expect(await tagsOf(sandbox.kms, id)).toEqual({ team: 'orders' });
});

expectEveryDocumentedException(sandbox, 'TagResource');
