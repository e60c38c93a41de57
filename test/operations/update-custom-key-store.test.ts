import {
  type KMSClient,
  UpdateCustomKeyStoreCommand,
  type UpdateCustomKeyStoreCommandInput,
} from '@aws-sdk/client-kms';
import { test } from 'vitest';
import {
  CustomKeyStoreId,
  expectRecord,
  noneBeforeThereAreStores,
  notYet,
  secrets,
  testStoreId,
} from '../support/custom-key-stores.ts';
import { expectRefusal } from '../support/kms.ts';
import { expectEveryDocumentedException, testOperation } from '../support/operation-suite.ts';
import { sandboxOfThisFile } from '../support/sandbox.ts';

// There are no custom key stores yet. What else AWS documents of this operation comes with custody in hardware tokens.
const sandbox = sandboxOfThisFile();
const send = (kms: KMSClient, input: UpdateCustomKeyStoreCommandInput) =>
  kms.send(new UpdateCustomKeyStoreCommand(input));

testOperation(sandbox, {
  name: 'UpdateCustomKeyStore',
  send,
  request: () => ({ CustomKeyStoreId, NewCustomKeyStoreName: 'renamed' }),
  notYet,
});

testStoreId((id) => send(sandbox.kms, { CustomKeyStoreId: id }));

test('is recorded without the secrets that it was given', async () => {
  await expectRecord(sandbox, send(sandbox.kms, { CustomKeyStoreId, ...secrets }), {
    eventName: 'UpdateCustomKeyStore',
    readOnly: false,
    requestParameters: { customKeyStoreId: CustomKeyStoreId },
  });
});

const wrong: [string, Partial<UpdateCustomKeyStoreCommandInput>, RegExp][] = [
  ['an empty name', { NewCustomKeyStoreName: '' }, /'newCustomKeyStoreName'/],
  ['a name too long', { NewCustomKeyStoreName: 'x'.repeat(257) }, /'newCustomKeyStoreName'/],
  ['a path that leads nowhere', { XksProxyUriPath: '/kms/xks/vX' }, /'xksProxyUriPath'/],
  ['a password too short', { KeyStorePassword: 'shorty' }, /'keyStorePassword'(?!.*shorty)/],
];

test.each(wrong)('is told what is wrong with %s first', async (_, members, message) => {
  await expectRefusal(send(sandbox.kms, { CustomKeyStoreId, ...members }), 'ValidationException', message);
});

expectEveryDocumentedException(sandbox, 'UpdateCustomKeyStore', noneBeforeThereAreStores('UpdateCustomKeyStore'));
