import {
  DescribeCustomKeyStoresCommand,
  type DescribeCustomKeyStoresCommandInput,
  type KMSClient,
} from '@aws-sdk/client-kms';
import { test } from 'vitest';
import { CustomKeyStoreId, expectRecord, noneBeforeThereAreStores, notYet } from '../support/custom-key-stores.ts';
import { expectRefusal } from '../support/kms.ts';
import { expectEveryDocumentedException, testOperation } from '../support/operation-suite.ts';
import { sandboxOfThisFile } from '../support/sandbox.ts';

// There are no custom key stores yet. What else AWS documents of this operation comes with custody in hardware tokens.
const sandbox = sandboxOfThisFile();
const send = (kms: KMSClient, input: DescribeCustomKeyStoresCommandInput) =>
  kms.send(new DescribeCustomKeyStoresCommand(input));

testOperation(sandbox, { name: 'DescribeCustomKeyStores', send, request: () => ({}), notYet });

const wrong: [keyof DescribeCustomKeyStoresCommandInput, string | number, string][] = [
  ['CustomKeyStoreId', '', 'length greater than or equal to 1'],
  ['CustomKeyStoreId', 'x'.repeat(65), 'length less than or equal to 64'],
  ['CustomKeyStoreName', '', 'length greater than or equal to 1'],
  ['CustomKeyStoreName', 'x'.repeat(257), 'length less than or equal to 256'],
  ['Limit', 0, 'value greater than or equal to 1'],
  ['Limit', 1001, 'value less than or equal to 1000'],
  ['Marker', '', 'length greater than or equal to 1'],
  ['Marker', 'x'.repeat(1025), 'length less than or equal to 1024'],
];

test.each(wrong)('does not take a %s of %j', async (member, value, constraint) => {
  const path = `${member.charAt(0).toLowerCase()}${member.slice(1)}`;
  await expectRefusal(
    send(sandbox.kms, { [member]: value }),
    'ValidationException',
    new RegExp(`^1 validation error detected: Value .* at '${path}' failed to .*: Member must have ${constraint}$`),
  );
});

test('is recorded as read-only, with what it was asked for', async () => {
  await expectRecord(sandbox, send(sandbox.kms, { CustomKeyStoreId, Limit: 10 }), {
    eventName: 'DescribeCustomKeyStores',
    readOnly: true,
    requestParameters: { customKeyStoreId: CustomKeyStoreId, limit: 10 },
  });
});

expectEveryDocumentedException(sandbox, 'DescribeCustomKeyStores', noneBeforeThereAreStores('DescribeCustomKeyStores'));
