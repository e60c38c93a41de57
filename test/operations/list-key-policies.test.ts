import { type KMSClient, ListKeyPoliciesCommand, type ListKeyPoliciesCommandInput } from '@aws-sdk/client-kms';
import { expect, test } from 'vitest';
import { newKey } from '../support/kms.ts';
import { expectEveryDocumentedException, testOperation } from '../support/operation-suite.ts';
import { sandboxOfThisFile } from '../support/sandbox.ts';

const sandbox = sandboxOfThisFile();

testOperation(sandbox, {
  name: 'ListKeyPolicies',
  send: (kms: KMSClient, input: ListKeyPoliciesCommandInput) => kms.send(new ListKeyPoliciesCommand(input)),
  request: ({ key }) => ({ KeyId: key.id }),
  key: { namedBy: { member: 'KeyId', accepts: 'key' }, crossAccount: false },
  pages: { items: ({ PolicyNames }) => PolicyNames ?? [], most: 1000 },
});

test('lists the one policy that every key has', async () => {
  const { id: KeyId } = await newKey(sandbox.kms);
  for (const input of [{ KeyId }, { KeyId, Limit: 1 }]) {
    const { $metadata: _, ...names } = await sandbox.kms.send(new ListKeyPoliciesCommand(input));
    expect(names).toEqual({ PolicyNames: ['default'], Truncated: false });
  }
});

expectEveryDocumentedException(sandbox, 'ListKeyPolicies', {
  KMSInvalidStateException: 'a key in any state has its policy, by the page of key states',
});
