import {
  CancelKeyDeletionCommand,
  CreateAliasCommand,
  CreateGrantCommand,
  CreateKeyCommand,
  DeleteAliasCommand,
  DeleteImportedKeyMaterialCommand,
  DescribeKeyCommand,
  DisableKeyCommand,
  EnableKeyCommand,
  EncryptCommand,
  ImportKeyMaterialCommand,
  type KMSClient,
  PutKeyPolicyCommand,
  RetireGrantCommand,
  RevokeGrantCommand,
  ScheduleKeyDeletionCommand,
  UpdateAliasCommand,
} from '@aws-sdk/client-kms';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { FOR_GOOD, importRequest } from './support/import-material.ts';
import { expectRefusal, newKey, plaintext, policyOf, statement } from './support/kms.ts';
import { type PinnedClient, pinnedClient, workerOf } from './support/pinned-client.ts';
import { cleanUp, startServer, type TestServer } from './support/server.ts';

/**
 * The revocation bound: when a change has been answered by one worker, no worker of the machine uses the old state again.
 * Each test makes a change through one worker and asks the other at once, again and again.
 */

const TIMES = 100;

let server: TestServer;
let workers: readonly [PinnedClient, PinnedClient];

beforeAll(async () => {
  server = await startServer({ workers: 2 });
  workers = [await pinnedClient(server, 0), await pinnedClient(server, 1)];
});

afterAll(async () => {
  for (const { agent } of workers ?? []) agent.destroy();
  await cleanUp(server);
});

/** Runs `round` many times, each time with the two workers' parts exchanged. */
async function inTurns(round: (changer: KMSClient, user: KMSClient) => Promise<void>): Promise<void> {
  const [one, two] = workers;
  for (let turn = 0; turn < TIMES; turn++) {
    if (turn % 2 === 0) await round(one.kms, two.kms);
    else await round(two.kms, one.kms);
  }
  // Were a connection lost on the way, the test would have proved less than it says.
  expect([await workerOf(server, one.agent), await workerOf(server, two.agent)]).toEqual([0, 1]);
}

const encrypt = (kms: KMSClient, KeyId: string) => kms.send(new EncryptCommand({ KeyId, Plaintext: plaintext }));

describe('what one worker has answered holds for the other at once:', () => {
  test('imported key material deleted, and imported again', async () => {
    const [{ kms }] = workers;
    const { KeyMetadata } = await kms.send(new CreateKeyCommand({ Origin: 'EXTERNAL' }));
    const KeyId = KeyMetadata?.KeyId ?? '';
    const request = { ...(await importRequest(kms, KeyId, Buffer.alloc(32, 7))), ...FOR_GOOD };
    await inTurns(async (changer, user) => {
      await changer.send(new ImportKeyMaterialCommand(request));
      await encrypt(user, KeyId);
      await changer.send(new DeleteImportedKeyMaterialCommand({ KeyId }));
      await expectRefusal(encrypt(user, KeyId), 'KMSInvalidStateException');
    });
  });

  test('a key disabled, and enabled', async () => {
    const key = await newKey(workers[0].kms);
    await inTurns(async (changer, user) => {
      await changer.send(new EnableKeyCommand({ KeyId: key.id }));
      await encrypt(user, key.id);
      await changer.send(new DisableKeyCommand({ KeyId: key.id }));
      await expectRefusal(encrypt(user, key.id), 'DisabledException', `${key.arn} is disabled.`);
    });
  });

  test('a key disabled while the other worker is busy with it', async () => {
    const key = await newKey(workers[0].kms);
    const busy = await Promise.all([
      pinnedClient(server, 0),
      pinnedClient(server, 0),
      pinnedClient(server, 1),
      pinnedClient(server, 1),
    ]);
    let done = false;
    const load = busy.map(async ({ kms }) => {
      let answered = 0;
      for (; !done; answered++) {
        await encrypt(kms, key.id).catch((error) => expect(error.name).toBe('DisabledException'));
      }
      return answered;
    });
    try {
      await inTurns(async (changer, user) => {
        await changer.send(new EnableKeyCommand({ KeyId: key.id }));
        await encrypt(user, key.id);
        await changer.send(new DisableKeyCommand({ KeyId: key.id }));
        await expectRefusal(encrypt(user, key.id), 'DisabledException');
      });
    } finally {
      done = true;
      const answered = await Promise.all(load);
      for (const { agent } of busy) agent.destroy();
      for (const count of answered) expect(count).toBeGreaterThan(0);
    }
  });

  test('a policy that denies, and one that allows', async () => {
    const key = await newKey(workers[0].kms);
    const allow = statement('Allow', server.accountId, 'kms:*');
    const deny = statement('Deny', '*', 'kms:Encrypt');
    await inTurns(async (changer, user) => {
      await changer.send(new PutKeyPolicyCommand({ KeyId: key.id, Policy: policyOf(allow) }));
      await encrypt(user, key.id);
      await changer.send(new PutKeyPolicyCommand({ KeyId: key.id, Policy: policyOf(allow, deny) }));
      await expectRefusal(encrypt(user, key.id), 'AccessDeniedException', /explicit deny in a resource-based policy$/);
    });
  });

  test('a grant made, revoked and retired', async () => {
    const key = await newKey(workers[0].kms);
    const administrator = `arn:aws:iam::${server.accountId}:user/administrator`;
    // The policy lets the administrator manage the key and its grants, and not use it: that takes a grant.
    const manage = statement('Allow', administrator, ['kms:*Grant', 'kms:PutKeyPolicy']);
    await workers[0].kms.send(new PutKeyPolicyCommand({ KeyId: key.id, Policy: policyOf(manage) }));
    const create = new CreateGrantCommand({
      KeyId: key.id,
      GranteePrincipal: administrator,
      Operations: ['Encrypt', 'RetireGrant'],
    });
    await inTurns(async (changer, user) => {
      await expectRefusal(encrypt(user, key.id), 'AccessDeniedException');
      const { GrantId } = await changer.send(create);
      await encrypt(user, key.id);
      await changer.send(new RevokeGrantCommand({ KeyId: key.id, GrantId }));
      await expectRefusal(encrypt(user, key.id), 'AccessDeniedException');
      const { GrantToken } = await changer.send(create);
      await encrypt(user, key.id);
      await changer.send(new RetireGrantCommand({ GrantToken }));
    });
  });

  test('an alias that names another key, and none', async () => {
    const [one, two] = [await newKey(workers[0].kms), await newKey(workers[1].kms)];
    const AliasName = 'alias/retargeted';
    await inTurns(async (changer, user) => {
      await changer.send(new CreateAliasCommand({ AliasName, TargetKeyId: one.id }));
      expect((await encrypt(user, AliasName)).KeyId).toBe(one.arn);
      await changer.send(new UpdateAliasCommand({ AliasName, TargetKeyId: two.id }));
      expect((await encrypt(user, AliasName)).KeyId).toBe(two.arn);
      await changer.send(new DeleteAliasCommand({ AliasName }));
      await expectRefusal(encrypt(user, AliasName), 'NotFoundException');
    });
  });

  test('a deletion scheduled, and cancelled', async () => {
    const key = await newKey(workers[0].kms);
    await inTurns(async (changer, user) => {
      await encrypt(user, key.id);
      await changer.send(new ScheduleKeyDeletionCommand({ KeyId: key.id, PendingWindowInDays: 7 }));
      await expectRefusal(encrypt(user, key.id), 'KMSInvalidStateException', `${key.arn} is pending deletion.`);
      await changer.send(new CancelKeyDeletionCommand({ KeyId: key.id }));
      await expectRefusal(encrypt(user, key.id), 'DisabledException');
      await changer.send(new EnableKeyCommand({ KeyId: key.id }));
    });
  });

  test('a key made', async () => {
    await inTurns(async (changer, user) => {
      const key = await newKey(changer);
      const { KeyMetadata } = await user.send(new DescribeKeyCommand({ KeyId: key.id }));
      expect(KeyMetadata?.Arn).toBe(key.arn);
    });
  });
});

test('changes made through both workers at once are all there', async () => {
  const key = await newKey(workers[0].kms);
  const names = Array.from({ length: 50 }, (_, n) => `alias/at-once-${n}`);
  await Promise.all(
    names.map((AliasName, n) =>
      workers[n % 2 === 0 ? 0 : 1].kms.send(new CreateAliasCommand({ AliasName, TargetKeyId: key.id })),
    ),
  );
  for (const { kms } of workers) {
    for (const name of names) expect((await encrypt(kms, name)).KeyId).toBe(key.arn);
    await expectRefusal(
      kms.send(new CreateAliasCommand({ AliasName: 'alias/at-once-more', TargetKeyId: key.id })),
      'LimitExceededException',
    );
  }
});

test('of many who make one alias at once, one does', async () => {
  for (let round = 0; round < 20; round++) {
    const AliasName = `alias/one-winner-${round}`;
    const keys = await Promise.all(workers.map(({ kms }) => newKey(kms)));
    const attempts = await Promise.allSettled(
      keys.map((key, worker) =>
        workers[worker === 0 ? 0 : 1].kms.send(new CreateAliasCommand({ AliasName, TargetKeyId: key.id })),
      ),
    );
    const refusals = attempts.filter((attempt) => attempt.status === 'rejected');
    expect(refusals.map(({ reason }) => reason.name)).toEqual(['AlreadyExistsException']);
  }
});
