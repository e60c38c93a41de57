import type { ReEncryptRequest, ReEncryptResponse } from '@aws-sdk/client-kms';
import {
  ciphertextBlob,
  dryRun,
  dryRunModifiers,
  encryptionAlgorithm,
  encryptionContext,
  grantTokens,
  keyId,
} from '../../wire/kms-shapes.ts';
import { type Input, required, structure } from '../../wire/shapes.ts';
import { refuseGrantTokens } from './not-yet.ts';
import type { KmsOperation } from './ports.ts';
import {
  currentHandle,
  decryptBlob,
  ignoresCiphertext,
  limitContext,
  requireCiphertext,
  requireSymmetricDefault,
  SYMMETRIC_DEFAULT,
} from './symmetric.ts';
import { ciphertextKeyTarget, type KeyResource, keyTarget } from './targets.ts';

export const reEncrypt: KmsOperation<
  ReEncryptRequest,
  ReEncryptResponse,
  { source: KeyResource; destination: KeyResource }
> = {
  name: 'ReEncrypt',
  input: structure<ReEncryptRequest>({
    CiphertextBlob: ciphertextBlob,
    SourceEncryptionContext: encryptionContext,
    SourceKeyId: keyId,
    DestinationKeyId: required(keyId),
    DestinationEncryptionContext: encryptionContext,
    SourceEncryptionAlgorithm: encryptionAlgorithm,
    DestinationEncryptionAlgorithm: encryptionAlgorithm,
    GrantTokens: grantTokens,
    DryRun: dryRun,
    DryRunModifiers: dryRunModifiers,
  }),
  validate: (input) => {
    requireCiphertext(input, input.SourceKeyId);
    limitContext(input.SourceEncryptionContext);
    limitContext(input.DestinationEncryptionContext);
    refuseGrantTokens(input.GrantTokens);
  },
  targets: {
    source: ciphertextKeyTarget({
      operation: 'ReEncrypt',
      permission: 'kms:ReEncryptFrom',
      ciphertext: (input) => input.CiphertextBlob,
      reference: (input) => input.SourceKeyId,
      usage: 'ENCRYPT_DECRYPT',
      encryptionContext: (input) => input.SourceEncryptionContext,
      encryptionAlgorithm: (input) => input.SourceEncryptionAlgorithm ?? SYMMETRIC_DEFAULT,
      conditions: onSameKey,
    }),
    destination: keyTarget({
      operation: 'ReEncrypt',
      permission: 'kms:ReEncryptTo',
      reference: (input) => input.DestinationKeyId,
      accepts: 'key or alias',
      crossAccount: true,
      usage: 'ENCRYPT_DECRYPT',
      encryptionContext: (input) => input.DestinationEncryptionContext,
      encryptionAlgorithm: (input) => input.DestinationEncryptionAlgorithm ?? SYMMETRIC_DEFAULT,
      conditions: onSameKey,
    }),
  },
  effect: 'read',
  audit: {
    readOnly: true,
    request: [
      'SourceKeyId',
      'SourceEncryptionAlgorithm',
      'SourceEncryptionContext',
      'DestinationKeyId',
      'DestinationEncryptionAlgorithm',
      'DestinationEncryptionContext',
      'DryRun',
      'DryRunModifiers',
    ],
  },
  async handle({ input, targets, ports }) {
    const source = targets.source.key;
    const destination = targets.destination.key;
    requireSymmetricDefault(input.SourceEncryptionAlgorithm);
    requireSymmetricDefault(input.DestinationEncryptionAlgorithm);
    if (ignoresCiphertext(input)) return {};
    const { plaintext, materialId } = await decryptBlob(
      ports,
      source,
      input.CiphertextBlob,
      input.SourceEncryptionContext,
    );
    try {
      const handle = await currentHandle(ports, destination);
      return {
        CiphertextBlob: ports.custody.encrypt(handle, plaintext, input.DestinationEncryptionContext),
        SourceKeyId: source.arn,
        KeyId: destination.arn,
        SourceEncryptionAlgorithm: SYMMETRIC_DEFAULT,
        DestinationEncryptionAlgorithm: SYMMETRIC_DEFAULT,
        SourceKeyMaterialId: materialId,
        DestinationKeyMaterialId: handle.materialId,
      };
    } finally {
      plaintext.fill(0);
    }
  },
};

function onSameKey(
  key: string,
  _: Input<ReEncryptRequest>,
  all: Readonly<Record<string, unknown>>,
): readonly string[] | undefined {
  if (key !== 'kms:reencryptonsamekey') return undefined;
  const { source, destination } = all as { source: KeyResource; destination: KeyResource };
  return [String(source.key !== undefined && source.key?.arn === destination.key?.arn)];
}
