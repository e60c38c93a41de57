import {
  type KMSClient,
  ListResourceTagsCommand,
  type Tag,
  TagResourceCommand,
  UntagResourceCommand,
} from '@aws-sdk/client-kms';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { expectRefusal, newKey } from './support/kms.ts';
import { cleanUp, startServer, type TestServer } from './support/server.ts';

let server: TestServer;
let kms: KMSClient;

beforeAll(async () => {
  server = await startServer();
  kms = server.kms();
});

afterAll(() => cleanUp(server));

async function tagsOf(KeyId: string): Promise<Record<string, string | undefined>> {
  const { Tags = [] } = await kms.send(new ListResourceTagsCommand({ KeyId }));
  return Object.fromEntries(Tags.map(({ TagKey, TagValue }) => [TagKey, TagValue]));
}

const tag = (KeyId: string, tags: Record<string, string>) =>
  kms.send(
    new TagResourceCommand({ KeyId, Tags: Object.entries(tags).map(([TagKey, TagValue]) => ({ TagKey, TagValue })) }),
  );

test('tags are added, replaced and removed', async () => {
  const { id, arn } = await newKey(kms, { Tags: [{ TagKey: 'team', TagValue: 'orders' }] });
  await tag(arn, { team: 'billing', 'kosten:stelle/ä 🍐': '', constructor: '1' });
  const { $metadata, ...listed } = await kms.send(new ListResourceTagsCommand({ KeyId: arn }));
  expect(listed.Truncated).toBe(false);
  expect(listed.NextMarker).toBeUndefined();
  expect(await tagsOf(id)).toEqual({ team: 'billing', 'kosten:stelle/ä 🍐': '', constructor: '1' });

  await kms.send(new UntagResourceCommand({ KeyId: id, TagKeys: ['team', 'never there', 'Constructor'] }));
  expect(await tagsOf(id)).toEqual({ 'kosten:stelle/ä 🍐': '', constructor: '1' });
});

test('the same tag key in other letters is another tag', async () => {
  const { id } = await newKey(kms);
  await tag(id, { Team: 'a', team: 'b' });
  expect(await tagsOf(id)).toEqual({ Team: 'a', team: 'b' });
});

test('a key has at most fifty tags', async () => {
  const { id } = await newKey(kms);
  const many = Object.fromEntries(Array.from({ length: 50 }, (_, n) => [`tag-${n}`, 'x']));
  await tag(id, many);
  await expectRefusal(tag(id, { another: 'x' }), 'LimitExceededException', /50/);
  await tag(id, { 'tag-7': 'y' });
  expect(await tagsOf(id)).toEqual({ ...many, 'tag-7': 'y' });
});

const refused: [string, Tag[], name: string, message: RegExp][] = [
  ['a key of AWS', [{ TagKey: 'AWS:team', TagValue: '' }], 'TagException', /aws:/],
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

test.each(refused)('TagResource refuses %s, and changes nothing', async (_, Tags, name, message) => {
  const { id } = await newKey(kms, { Tags: [{ TagKey: 'team', TagValue: 'orders' }] });
  await expectRefusal(kms.send(new TagResourceCommand({ KeyId: id, Tags })), name, message);
  expect(await tagsOf(id)).toEqual({ team: 'orders' });
});

test('UntagResource refuses keys that no tag can have', async () => {
  const { id } = await newKey(kms);
  await expectRefusal(
    kms.send(new UntagResourceCommand({ KeyId: id, TagKeys: ['ok', ''] })),
    'ValidationException',
    "1 validation error detected: Value '[ok, ]' at 'tagKeys' failed to satisfy constraint: Member must satisfy constraint: [Member must have length less than or equal to 128, Member must have length greater than or equal to 1]",
  );
});
