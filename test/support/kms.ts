import {
  CreateAliasCommand,
  CreateKeyCommand,
  type CreateKeyCommandInput,
  DescribeKeyCommand,
  DisableKeyCommand,
  EncryptCommand,
  type KeyState,
  type KMSClient,
  ListResourceTagsCommand,
  ScheduleKeyDeletionCommand,
} from '@aws-sdk/client-kms';
import { expect } from 'vitest';

/** What tests of KMS's operations need again and again. */

export const plaintext = Buffer.from('attack at dawn');
/** A key id that no key has. */
export const noSuchKeyId = '1234abcd-12ab-34cd-56ef-1234567890ab';

export interface NewKey {
  readonly id: string;
  readonly arn: string;
  /** Empty where the key has no material yet. */
  readonly materialId: string;
}

export async function newKey(kms: KMSClient, input: CreateKeyCommandInput = {}): Promise<NewKey> {
  const { KeyMetadata: key } = await kms.send(new CreateKeyCommand(input));
  if (key?.KeyId === undefined || key.Arn === undefined) throw new Error('CreateKey answers with the key');
  return { id: key.KeyId, arn: key.Arn, materialId: key.CurrentKeyMaterialId ?? '' };
}

let aliases = 0;

/** Gives a key an alias of its own, whose name it answers with. */
export async function newAlias(kms: KMSClient, { id }: NewKey): Promise<string> {
  const AliasName = `alias/test-${++aliases}`;
  await kms.send(new CreateAliasCommand({ AliasName, TargetKeyId: id }));
  return AliasName;
}

export async function putInState(kms: KMSClient, key: NewKey, state: KeyState): Promise<void> {
  if (state === 'Disabled') await kms.send(new DisableKeyCommand({ KeyId: key.id }));
  if (state === 'PendingDeletion') await kms.send(new ScheduleKeyDeletionCommand({ KeyId: key.id }));
}

/** What DescribeKey says of a key's state. */
export async function stateOf(kms: KMSClient, { id }: NewKey) {
  const { Enabled, KeyState, DeletionDate } = (await kms.send(new DescribeKeyCommand({ KeyId: id }))).KeyMetadata ?? {};
  return { Enabled, KeyState, DeletionDate };
}

/** A ciphertext of {@link plaintext}. */
export async function encryptedUnder(
  kms: KMSClient,
  keyId: string,
  EncryptionContext?: Record<string, string>,
): Promise<Uint8Array> {
  const input = { KeyId: keyId, Plaintext: plaintext };
  const { CiphertextBlob } = await kms.send(
    new EncryptCommand(EncryptionContext === undefined ? input : { ...input, EncryptionContext }),
  );
  if (CiphertextBlob === undefined) throw new Error('Encrypt answers with a ciphertext');
  return CiphertextBlob;
}

/** A key's tags, by their keys. */
export async function tagsOf(kms: KMSClient, KeyId: string): Promise<Record<string, string | undefined>> {
  const { Tags = [] } = await kms.send(new ListResourceTagsCommand({ KeyId }));
  return Object.fromEntries(Tags.map(({ TagKey, TagValue }) => [TagKey, TagValue]));
}

/** Expects the exception that AWS documents, as every one of them comes: status 400, and with a request id. */
export async function expectRefusal(refused: Promise<unknown>, name: string, message?: string | RegExp): Promise<void> {
  await expect(refused).rejects.toMatchObject({
    name,
    ...(message === undefined
      ? {}
      : { message: typeof message === 'string' ? message : expect.stringMatching(message) }),
    $metadata: { httpStatusCode: 400, requestId: expect.stringMatching(/^[0-9a-f-]{36}$/) },
  });
}

/** The text of a policy document. */
export function policyOf(...statements: object[]): string {
  return JSON.stringify({ Version: '2012-10-17', Statement: statements });
}

/** A statement of a key policy. */
export function statement(Effect: 'Allow' | 'Deny', principal: string, action: string | string[], more: object = {}) {
  return { Effect, Principal: { AWS: principal }, Action: action, Resource: '*', ...more };
}
