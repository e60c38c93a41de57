import { randomBytes } from 'node:crypto';
import type { KMSClient } from '@aws-sdk/client-kms';
import { expect, test } from 'vitest';
import { auditRecordsOf } from './audit.ts';
import type { Refusal } from './aws-key-states.ts';
import { expectRefusal } from './kms.ts';
import { expectEveryDocumentedException, testOperation } from './operation-suite.ts';
import type { Sandbox } from './sandbox.ts';
import { documentedExceptions } from './sdk-model.ts';

/**
 * What the tests of the six operations of custom key stores share. The server takes, checks, authorizes and records what
 * AWS's operations take, and then refuses it: everything else that AWS documents of them, successes, pages and exceptions,
 * comes with custody in hardware tokens and external key managers.
 */

export const notYet: Refusal = {
  name: 'UnsupportedOperationException',
  message: 'Custom key stores are not supported yet.',
};

export const CustomKeyStoreId = 'cks-1234567890abcdef0';

/** What no record may show. */
export const secrets = {
  KeyStorePassword: 'kmsPswd-of-the-cluster',
  XksProxyAuthenticationCredential: {
    AccessKeyId: 'ACCESSKEYOFTHEPROXY2',
    RawSecretAccessKey: randomBytes(32).toString('base64'),
  },
};

/** Why the tests of an operation have met none of the exceptions that AWS documents for it. */
export function noneBeforeThereAreStores(operation: string): Record<string, string> {
  const reason = 'comes with custom key stores';
  return Object.fromEntries(documentedExceptions(operation).map((name) => [name, reason]));
}

/** Sends a request that is refused, and expects the one record of it, which has these parameters and no secrets. */
export async function expectRecord(
  { server }: Sandbox,
  refused: Promise<unknown>,
  record: { readonly eventName: string; readonly readOnly: boolean; readonly requestParameters: object },
): Promise<void> {
  const { $metadata } = (await refused.catch((error: unknown) => error)) as { $metadata: { requestId?: string } };
  const records = await auditRecordsOf(server);
  const own = records.filter(({ requestID }) => requestID === $metadata.requestId);
  expect(own).toMatchObject([{ ...record, errorCode: notYet.name }]);
  expect(own[0]?.requestParameters).toEqual(record.requestParameters);
  const everywhere = JSON.stringify(records) + server.output.stdout + server.output.stderr;
  const { AccessKeyId, RawSecretAccessKey } = secrets.XksProxyAuthenticationCredential;
  for (const secret of [secrets.KeyStorePassword, AccessKeyId, RawSecretAccessKey]) {
    expect(everywhere).not.toContain(secret);
  }
}

/** Of the operations that must be told the store that they work on. */
export function testStoreId(send: (CustomKeyStoreId: string | undefined) => Promise<unknown>): void {
  test('must be told the id of a store', async () => {
    for (const [id, value, constraint] of [
      [undefined, 'null', 'not be null'],
      ['', "''", 'have length greater than or equal to 1'],
      ['x'.repeat(65), `'${'x'.repeat(65)}'`, 'have length less than or equal to 64'],
    ] as const) {
      await expectRefusal(
        send(id),
        'ValidationException',
        `1 validation error detected: Value ${value} at 'customKeyStoreId' failed to satisfy constraint: Member must ${constraint}`,
      );
    }
  });
}

/** The tests of the operations that take the id of a store and nothing else. */
export function testUseOfStore<Output>(
  sandbox: Sandbox,
  name: string,
  send: (kms: KMSClient, input: { CustomKeyStoreId: string | undefined }) => Promise<Output>,
): void {
  testOperation(sandbox, { name, send, request: () => ({ CustomKeyStoreId }), notYet });

  testStoreId((id) => send(sandbox.kms, { CustomKeyStoreId: id }));

  test('is recorded with the id of the store', async () => {
    await expectRecord(sandbox, send(sandbox.kms, { CustomKeyStoreId }), {
      eventName: name,
      readOnly: false,
      requestParameters: { customKeyStoreId: CustomKeyStoreId },
    });
  });

  expectEveryDocumentedException(sandbox, name, noneBeforeThereAreStores(name));
}
