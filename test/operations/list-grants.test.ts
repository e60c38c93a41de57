import {
  CreateGrantCommand,
  type KMSClient,
  ListGrantsCommand,
  type ListGrantsCommandInput,
  paginateListGrants,
  RevokeGrantCommand,
} from '@aws-sdk/client-kms';
import { expect, test } from 'vitest';
import { expectRefusal, newKey } from '../support/kms.ts';
import { expectEveryDocumentedException, rootOf, testOperation } from '../support/operation-suite.ts';
import { FOREIGNER, NOBODY, OWNER, sandboxOfThisFile } from '../support/sandbox.ts';

const sandbox = sandboxOfThisFile();

const grant = (kms: KMSClient, KeyId: string, grantee = FOREIGNER, more: object = {}) =>
  kms.send(
    new CreateGrantCommand({ KeyId, GranteePrincipal: rootOf(grantee), Operations: ['Encrypt', 'Decrypt'], ...more }),
  );

testOperation(sandbox, {
  name: 'ListGrants',
  send: (kms: KMSClient, input: ListGrantsCommandInput) => kms.send(new ListGrantsCommand(input)),
  request: ({ key }) => ({ KeyId: key.id }),
  key: { namedBy: { member: 'KeyId', accepts: 'key' }, crossAccount: true },
  pages: {
    items: ({ Grants }) => (Grants ?? []).map(({ GrantId }) => GrantId),
    most: 100,
    usual: 50,
    add: ({ kms, key }) => grant(kms, key.id),
    remove: ({ kms, key }, GrantId) => kms.send(new RevokeGrantCommand({ KeyId: key.id, GrantId })),
  },
});

test('tells of a grant what was said when it was made', async () => {
  const key = await newKey(sandbox.kms);
  const said = {
    Name: 'orders',
    RetiringPrincipal: rootOf(NOBODY),
    Constraints: { EncryptionContextSubset: { Department: 'IT' } },
  };
  const { GrantId } = await grant(sandbox.kms, key.id, FOREIGNER, said);
  const { $metadata: _, ...listed } = await sandbox.kms.send(new ListGrantsCommand({ KeyId: key.arn }));
  expect(listed).toEqual({
    Grants: [
      {
        KeyId: key.arn,
        GrantId,
        CreationDate: expect.any(Date),
        GranteePrincipal: rootOf(FOREIGNER),
        IssuingAccount: rootOf(OWNER),
        Operations: ['Encrypt', 'Decrypt'],
        ...said,
      },
    ],
    Truncated: false,
  });
});

test('gives the grants of one grantee, or the one grant', async () => {
  const { id: KeyId } = await newKey(sandbox.kms);
  const { GrantId } = await grant(sandbox.kms, KeyId);
  const { GrantId: other } = await grant(sandbox.kms, KeyId, NOBODY);
  const ids = async (filter: Partial<ListGrantsCommandInput>) =>
    (await sandbox.kms.send(new ListGrantsCommand({ KeyId, ...filter }))).Grants?.map((each) => each.GrantId);
  expect(await ids({ GranteePrincipal: rootOf(FOREIGNER) })).toEqual([GrantId]);
  expect(await ids({ GrantId: other })).toEqual([other]);
  expect(await ids({ GrantId: other, GranteePrincipal: rootOf(FOREIGNER) })).toEqual([]);
  await expectRefusal(ids({ GrantId: 'x' }), 'InvalidGrantIdException');
  await expectRefusal(ids({ GranteeServicePrincipal: 's3.amazonaws.com' }), 'ValidationException');
});

test("gives each grant once to the SDK's paginator", async () => {
  const { id: KeyId } = await newKey(sandbox.kms);
  const made: (string | undefined)[] = [];
  for (let count = 0; count < 5; count++) made.push((await grant(sandbox.kms, KeyId)).GrantId);
  const seen: (string | undefined)[] = [];
  for await (const { Grants = [] } of paginateListGrants({ client: sandbox.kms, pageSize: 2 }, { KeyId })) {
    seen.push(...Grants.map(({ GrantId }) => GrantId));
  }
  expect(seen.toSorted()).toEqual(made.toSorted());
});

expectEveryDocumentedException(sandbox, 'ListGrants', {
  KMSInvalidStateException: 'grants of a key in any state are listed, by the page of key states',
});
