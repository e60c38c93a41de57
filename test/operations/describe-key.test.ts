import {
  CreateAliasCommand,
  DescribeKeyCommand,
  type DescribeKeyCommandInput,
  type KMSClient,
} from '@aws-sdk/client-kms';
import { expect, test } from 'vitest';
import { expectRefusal, newKey } from '../support/kms.ts';
import { expectEveryDocumentedException, testOperation } from '../support/operation-suite.ts';
import { OTHER_REGION, OWNER, REGION, sandboxOfThisFile } from '../support/sandbox.ts';

const sandbox = sandboxOfThisFile();

testOperation(sandbox, {
  name: 'DescribeKey',
  send: (kms: KMSClient, input: DescribeKeyCommandInput) => kms.send(new DescribeKeyCommand(input)),
  request: ({ key }) => ({ KeyId: key.id }),
  key: {
    namedBy: { member: 'KeyId', accepts: 'key or alias' },
    crossAccount: true,
    arnIn: ({ KeyMetadata }) => KeyMetadata?.Arn,
  },
});

test('sees no key of another Region', async () => {
  const elsewhere = sandbox.as(OWNER, OTHER_REGION);
  const describe = async (KeyId: string) => (await elsewhere.send(new DescribeKeyCommand({ KeyId }))).KeyMetadata;
  const key = await newKey(sandbox.kms);
  await sandbox.kms.send(new CreateAliasCommand({ AliasName: 'alias/here', TargetKeyId: key.id }));
  await expectRefusal(
    describe(key.id),
    'NotFoundException',
    `Key 'arn:aws:kms:${OTHER_REGION}:${OWNER}:key/${key.id}' does not exist`,
  );
  await expectRefusal(describe(key.arn), 'NotFoundException', `Invalid arn ${REGION}`);
  await expectRefusal(describe('alias/here'), 'NotFoundException');
  const there = await newKey(elsewhere);
  expect(there.arn).toBe(`arn:aws:kms:${OTHER_REGION}:${OWNER}:key/${there.id}`);
  expect((await describe(there.arn))?.KeyId).toBe(there.id);
});

expectEveryDocumentedException(sandbox, 'DescribeKey', {
  InvalidArnException: 'an ARN that cannot be one is told in the same words as a key id that cannot be one',
});
