import {
  CreateGrantCommand,
  type CreateGrantCommandInput,
  type KMSClient,
  ListGrantsCommand,
  RetireGrantCommand,
  type RetireGrantCommandInput,
} from '@aws-sdk/client-kms';
import { expect, test } from 'vitest';
import { withMaterial } from '../support/import-material.ts';
import { expectRefusal, type NewKey, newKey, noSuchKeyId } from '../support/kms.ts';
import { expectEveryDocumentedException, rootOf, testOperation } from '../support/operation-suite.ts';
import { FOREIGNER, NOBODY, sandboxOfThisFile } from '../support/sandbox.ts';

const sandbox = sandboxOfThisFile();

async function grant(kms: KMSClient, key: NewKey, more: Partial<CreateGrantCommandInput> = {}) {
  const { GrantId, GrantToken } = await kms.send(
    new CreateGrantCommand({
      KeyId: key.id,
      GranteePrincipal: rootOf(FOREIGNER),
      Operations: ['Encrypt', 'RetireGrant'],
      ...more,
    }),
  );
  return { GrantId, GrantToken };
}

testOperation(sandbox, {
  name: 'RetireGrant',
  send: (kms: KMSClient, input: RetireGrantCommandInput) => kms.send(new RetireGrantCommand(input)),
  request: async ({ kms, key }) => {
    const { GrantId } = await withMaterial(kms, key, () => grant(kms, key));
    return { KeyId: key.id, GrantId };
  },
  key: {
    namedBy: { member: 'KeyId', accepts: 'key' },
    // The grant says who may retire it, and the key policy nothing.
    permission: null,
    crossAccount: 'by grant',
    optional: true,
  },
  unchangedByDryRun: async ({ kms, key }) => (await kms.send(new ListGrantsCommand({ KeyId: key.id }))).Grants,
});

test('is for the retiring principal, a grantee that may, and the account of the key', async () => {
  const key = await newKey(sandbox.kms);
  const foreigner = sandbox.as(FOREIGNER);
  const retire = (kms: KMSClient, input: RetireGrantCommandInput) => kms.send(new RetireGrantCommand(input));
  const byToken = async (kms: KMSClient, more: Partial<CreateGrantCommandInput> = {}) =>
    retire(kms, { GrantToken: (await grant(sandbox.kms, key, more)).GrantToken });
  await byToken(foreigner);
  await byToken(foreigner, { Operations: ['Encrypt'], RetiringPrincipal: rootOf(FOREIGNER) });
  await byToken(sandbox.kms, { Operations: ['Encrypt'] });
  await expectRefusal(byToken(foreigner, { Operations: ['Encrypt'] }), 'AccessDeniedException');
  await expectRefusal(byToken(sandbox.as(NOBODY)), 'AccessDeniedException');
  const { GrantId } = await grant(sandbox.kms, key);
  const { $metadata: _, ...nothing } = await retire(foreigner, { KeyId: key.arn, GrantId });
  expect(nothing).toEqual({});
  await expectRefusal(retire(sandbox.kms, { KeyId: key.arn, GrantId }), 'NotFoundException');
});

test('is told the grant in one way', async () => {
  const key = await newKey(sandbox.kms);
  const { GrantId, GrantToken } = await grant(sandbox.kms, key);
  const retire = (input: RetireGrantCommandInput) => sandbox.kms.send(new RetireGrantCommand(input));
  for (const input of [{}, { KeyId: key.id }, { GrantId }, { GrantToken, GrantId, KeyId: key.id }]) {
    await expectRefusal(retire(input), 'ValidationException');
  }
  await expectRefusal(retire({ GrantToken: 'none' }), 'InvalidGrantTokenException');
  await expectRefusal(retire({ KeyId: key.id, GrantId: 'none' }), 'InvalidGrantIdException');
  await expectRefusal(retire({ KeyId: key.id, GrantId: '0'.repeat(64) }), 'NotFoundException');
  const { $metadata: _, ...nothing } = await retire({ GrantToken });
  expect(nothing).toEqual({});
  await expectRefusal(retire({ GrantToken }), 'NotFoundException');
});

test('of another account is refused alike, whatever is not there', async () => {
  const key = await newKey(sandbox.kms);
  const { GrantId = '' } = await grant(sandbox.kms, key);
  const gone = key.arn.replace(key.id, noSuchKeyId);
  for (const [KeyId, id] of [
    [key.arn, GrantId],
    [key.arn, '0'.repeat(64)],
    [gone, GrantId],
  ]) {
    await expectRefusal(
      sandbox.as(NOBODY).send(new RetireGrantCommand({ KeyId, GrantId: id })),
      'AccessDeniedException',
      `User: ${rootOf(NOBODY)} is not authorized to perform: kms:RetireGrant on resource: ${KeyId} ` +
        'because the resource does not exist in this Region, no resource-based policies allow access, or a resource-based policy explicitly denies access',
    );
  }
});

test('says in a dry run why it would fail', async () => {
  const key = await newKey(sandbox.kms);
  const { GrantToken } = await grant(sandbox.kms, key);
  const dryRun = (kms: KMSClient, input: RetireGrantCommandInput) =>
    kms.send(new RetireGrantCommand({ ...input, DryRun: true }));
  await expectRefusal(dryRun(sandbox.as(NOBODY), { GrantToken }), 'AccessDeniedException');
  await expectRefusal(dryRun(sandbox.kms, { KeyId: key.id, GrantId: '0'.repeat(64) }), 'NotFoundException');
  await expectRefusal(dryRun(sandbox.as(FOREIGNER), { GrantToken }), 'DryRunOperationException');
});

expectEveryDocumentedException(sandbox, 'RetireGrant', {
  KMSInvalidStateException: 'grants of a key in any state are retired, by the page of key states',
});
