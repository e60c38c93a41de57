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
  const { GrantId } = await grant(owner, (await newKey(owner)).id, FOREIGNER);
  const list = (kms: KMSClient, RetiringPrincipal: string) =>
    kms.send(new ListRetirableGrantsCommand({ RetiringPrincipal }));
  expect((await list(foreigner, rootOf(FOREIGNER))).Grants).toMatchObject([{ GrantId, IssuingAccount: rootOf(OWNER) }]);
  expect((await list(owner, rootOf(OWNER))).Grants).toEqual([]);
  await expectRefusal(list(owner, rootOf(FOREIGNER)), 'AccessDeniedException');
  await expectRefusal(list(owner, 'nobody'), 'InvalidArnException', 'ARN does not refer to a valid principal: nobody');
});

expectEveryDocumentedException(sandbox, 'ListRetirableGrants', {
  NotFoundException: 'who may bear a name is not known here, so none is unknown',
});
