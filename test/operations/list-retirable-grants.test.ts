import {
  CreateGrantCommand,
  type KMSClient,
  ListRetirableGrantsCommand,
  type ListRetirableGrantsCommandInput,
  RevokeGrantCommand,
} from '@aws-sdk/client-kms';
import { expect, test } from 'vitest';
import { expectRefusal, newKey } from '../support/kms.ts';
import { expectEveryDocumentedException, rootOf, testOperation } from '../support/operation-suite.ts';
import { FOREIGNER, OWNER, sandboxOfThisFile } from '../support/sandbox.ts';

const sandbox = sandboxOfThisFile();

const grant = (kms: KMSClient, KeyId: string, retiring: string) =>
  kms.send(
    new CreateGrantCommand({
      KeyId,
      GranteePrincipal: rootOf(FOREIGNER),
      RetiringPrincipal: rootOf(retiring),
      Operations: ['Encrypt'],
    }),
  );

testOperation(sandbox, {
  name: 'ListRetirableGrants',
  send: (kms: KMSClient, input: ListRetirableGrantsCommandInput) => kms.send(new ListRetirableGrantsCommand(input)),
  request: () => ({ RetiringPrincipal: rootOf(OWNER) }),
  pages: {
    items: ({ Grants }) => (Grants ?? []).map(({ GrantId }) => GrantId),
    most: 100,
    usual: 50,
    add: ({ kms, key }) => grant(kms, key.id, OWNER),
    remove: ({ kms, key }, GrantId) => kms.send(new RevokeGrantCommand({ KeyId: key.id, GrantId })),
  },
});

test("lists grants on any account's keys, and only those of a principal of one's own account", async () => {
  const region = sandbox.newRegion();
  const [owner, foreigner] = [sandbox.as(OWNER, region), sandbox.as(FOREIGNER, region)];
  const made: (string | undefined)[] = [];
  for (const key of [await newKey(owner), await newKey(owner)]) {
    for (let count = 0; count < 3; count++) made.push((await grant(owner, key.id, FOREIGNER)).GrantId);
  }
  const list = (kms: KMSClient, RetiringPrincipal: string) =>
    kms.send(new ListRetirableGrantsCommand({ RetiringPrincipal }));
  const { Grants = [] } = await list(foreigner, rootOf(FOREIGNER));
  expect(Grants.map(({ GrantId }) => GrantId).toSorted()).toEqual(made.toSorted());
  for (const { IssuingAccount } of Grants) expect(IssuingAccount).toBe(rootOf(OWNER));
  expect((await list(owner, rootOf(OWNER))).Grants).toEqual([]);
  await expectRefusal(list(owner, rootOf(FOREIGNER)), 'AccessDeniedException');
});

test('must be told one principal, and no service', async () => {
  const list = (input: ListRetirableGrantsCommandInput) => sandbox.kms.send(new ListRetirableGrantsCommand(input));
  for (const RetiringPrincipal of ['nobody', OWNER, `arn:aws:iam::${OWNER}:group/g`]) {
    await expectRefusal(
      list({ RetiringPrincipal }),
      'InvalidArnException',
      `ARN does not refer to a valid principal: ${RetiringPrincipal}`,
    );
  }
  await expectRefusal(
    list({ RetiringPrincipal: undefined }),
    'ValidationException',
    "1 validation error detected: Value null at 'retiringPrincipal' failed to satisfy constraint: Member must not be null",
  );
  await expectRefusal(list({ RetiringPrincipal: 'a b' }), 'ValidationException', /at 'retiringPrincipal' failed/);
  const RetiringServicePrincipal = 's3.amazonaws.com';
  for (const RetiringPrincipal of [undefined, rootOf(OWNER)]) {
    await expectRefusal(list({ RetiringPrincipal, RetiringServicePrincipal }), 'ValidationException');
  }
});

expectEveryDocumentedException(sandbox, 'ListRetirableGrants', {
  NotFoundException: 'who may bear a name is not known here, so none is unknown',
});
