import { type AliasListEntry, type KMSClient, ListAliasesCommand } from '@aws-sdk/client-kms';
import { describe, test } from 'vitest';
import { expectRefusal, type NewKey, newKey } from './kms.ts';
import { OWNER, REGION, type Sandbox } from './sandbox.ts';

/** What the tests of CreateAlias, UpdateAlias and DeleteAlias share. */

export function aliasArn(name: string): string {
  return `arn:aws:kms:${REGION}:${OWNER}:${name}`;
}

export async function aliasesOf(kms: KMSClient, { id }: NewKey): Promise<AliasListEntry[]> {
  return (await kms.send(new ListAliasesCommand({ KeyId: id }))).Aliases ?? [];
}

/** Names that no alias of a customer can have. */
export function keepsItsNames(sandbox: Sandbox, act: (aliasName: string, key: NewKey) => Promise<unknown>): void {
  describe('the name of an alias', () => {
    test.each(['alias/aws/s3', 'alias/aws/'])("is not one of AWS's own: %s", async (name) => {
      await expectRefusal(act(name, await newKey(sandbox.kms)), 'NotAuthorizedException');
    });

    const prefix =
      'Alias must start with the prefix "alias/". Please see https://docs.aws.amazon.com/kms/latest/developerguide/kms-alias.html';
    test.each(['orders', 'Alias/orders', 'alias', '/alias/orders'])('cannot be %s', async (name) => {
      await expectRefusal(act(name, await newKey(sandbox.kms)), 'ValidationException', prefix);
    });

    test('is more than its prefix', async () => {
      await expectRefusal(act('alias/', await newKey(sandbox.kms)), 'ValidationException', 'Invalid identifier');
    });

    test('is no ARN, and has no colon, though the published pattern allows it', async () => {
      const key = await newKey(sandbox.kms);
      await expectRefusal(act(aliasArn('alias/arn'), key), 'ValidationException', prefix);
      await expectRefusal(
        act('alias/a:b', key),
        'ValidationException',
        'alias/a:b contains invalid characters for an alias',
      );
    });

    test.each(['alias/a b', 'alias/ä', 'alias/a.b', 'alias/a\n'])('has no other characters: %j', async (name) => {
      await expectRefusal(
        act(name, await newKey(sandbox.kms)),
        'ValidationException',
        `1 validation error detected: Value '${name}' at 'aliasName' failed to satisfy constraint: Member must satisfy regular expression pattern: ^[a-zA-Z0-9:/_-]+$`,
      );
    });
  });
}
