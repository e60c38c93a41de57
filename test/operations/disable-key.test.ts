import { DisableKeyCommand, type DisableKeyCommandInput, type KMSClient } from '@aws-sdk/client-kms';
import { expect, test } from 'vitest';
import { encryptedUnder, expectRefusal, newKey, stateOf } from '../support/kms.ts';
import { expectEveryDocumentedException, testOperation } from '../support/operation-suite.ts';
import { sandboxOfThisFile } from '../support/sandbox.ts';

const sandbox = sandboxOfThisFile();

testOperation(sandbox, {
  name: 'DisableKey',
  send: (kms: KMSClient, input: DisableKeyCommandInput) => kms.send(new DisableKeyCommand(input)),
  request: ({ key }) => ({ KeyId: key.id }),
  key: { namedBy: { member: 'KeyId', accepts: 'key' }, crossAccount: false },
});

test('disables an enabled key at once, and leaves a disabled one as it is', async () => {
  const key = await newKey(sandbox.kms);
  await encryptedUnder(sandbox.kms, key.id);
  for (let time = 0; time < 2; time++) {
    const { $metadata: _, ...nothing } = await sandbox.kms.send(new DisableKeyCommand({ KeyId: key.id }));
    expect(nothing).toEqual({});
    await expectRefusal(encryptedUnder(sandbox.kms, key.id), 'DisabledException');
    expect(await stateOf(sandbox.kms, key)).toEqual({ Enabled: false, KeyState: 'Disabled' });
  }
});

expectEveryDocumentedException(sandbox, 'DisableKey');
