import { EnableKeyCommand, type EnableKeyCommandInput, type KMSClient } from '@aws-sdk/client-kms';
import { expect, test } from 'vitest';
import { newKey, putInState, stateOf } from '../support/kms.ts';
import { expectEveryDocumentedException, testOperation } from '../support/operation-suite.ts';
import { sandboxOfThisFile } from '../support/sandbox.ts';

const sandbox = sandboxOfThisFile();

testOperation(sandbox, {
  name: 'EnableKey',
  send: (kms: KMSClient, input: EnableKeyCommandInput) => kms.send(new EnableKeyCommand(input)),
  request: ({ key }) => ({ KeyId: key.id }),
  key: { namedBy: { member: 'KeyId', accepts: 'key' }, crossAccount: false },
});

test('enables a disabled key, and leaves an enabled one as it is', async () => {
  const key = await newKey(sandbox.kms);
  await putInState(sandbox.kms, key, 'Disabled');
  for (let time = 0; time < 2; time++) {
    const { $metadata: _, ...nothing } = await sandbox.kms.send(new EnableKeyCommand({ KeyId: key.id }));
    expect(nothing).toEqual({});
    expect(await stateOf(sandbox.kms, key)).toEqual({ Enabled: true, KeyState: 'Enabled' });
  }
});

expectEveryDocumentedException(sandbox, 'EnableKey', {
  LimitExceededException: 'AWS has a quota for keys, but none for enabled ones',
});
