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
import { required, structure } from '../../wire/shapes.ts';
import type { ConditionTable } from '../condition-table.ts';
import {
  checkContext,
  ciphertextOf,
  decryptUnder,
  encryptionAlgorithmOf,
  encryptUnder,
  ignoresCiphertext,
  requireCiphertext,
  requireEncryptionAlgorithm,
  SYMMETRIC_DEFAULT,
} from './encryption.ts';
import type { ResolvedKey } from './key-reference.ts';
import type { KmsOperation } from './ports.ts';
import { ciphertextKeyTarget, type KeyResource, keyTarget } from './targets.ts';

const onSameKey: ConditionTable<{ readonly all: Readonly<Record<string, unknown>> }> = {
  'kms:ReEncryptOnSameKey': ({ all }) => {
    const { source, destination } = all as { source: ResolvedKey; destination: ResolvedKey };
    return [String(source.key !== undefined && source.key.arn === destination.key?.arn)];
  },
};

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
    checkContext(input.SourceEncryptionContext);
    checkContext(input.DestinationEncryptionContext);
  },
  targets: {
    source: ciphertextKeyTarget({
      operation: 'ReEncrypt',
      permission: 'kms:ReEncryptFrom',
      ciphertext: (input) => ciphertextOf(input),
      reference: (input) => input.SourceKeyId,
      usage: 'ENCRYPT_DECRYPT',
      encryptionContext: (input) => input.SourceEncryptionContext,
      encryptionAlgorithm: (input) => encryptionAlgorithmOf(input.SourceEncryptionAlgorithm),
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
      encryptionAlgorithm: (input) => encryptionAlgorithmOf(input.DestinationEncryptionAlgorithm),
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
    implied: {
      SourceEncryptionAlgorithm: SYMMETRIC_DEFAULT,
      DestinationEncryptionAlgorithm: SYMMETRIC_DEFAULT,
    },
    additional: ({ output: { SourceKeyMaterialId, DestinationKeyMaterialId } }) =>
      (SourceKeyMaterialId ?? DestinationKeyMaterialId) === undefined
        ? undefined
        : { destinationKeyMaterialId: DestinationKeyMaterialId, sourceKeyMaterialId: SourceKeyMaterialId },
  },
  async handle({ input, targets, ports }) {
    const source = targets.source.key;
    const destination = targets.destination.key;
    const from = encryptionAlgorithmOf(input.SourceEncryptionAlgorithm);
    const to = encryptionAlgorithmOf(input.DestinationEncryptionAlgorithm);
    requireEncryptionAlgorithm(source, from, input.SourceEncryptionContext);
    requireEncryptionAlgorithm(destination, to, input.DestinationEncryptionContext);
    if (ignoresCiphertext(input)) return {};
    const { CiphertextBlob, SourceEncryptionContext, DestinationEncryptionContext } = input;
    const opened = await decryptUnder(ports, source, from, CiphertextBlob, SourceEncryptionContext);
    try {
      const sealed = await encryptUnder(ports, destination, to, opened.plaintext, DestinationEncryptionContext);
      return {
        CiphertextBlob: sealed.ciphertext,
        SourceKeyId: source.arn,
        KeyId: destination.arn,
        SourceEncryptionAlgorithm: from,
        DestinationEncryptionAlgorithm: to,
        SourceKeyMaterialId: opened.materialId,
        DestinationKeyMaterialId: sealed.materialId,
      };
    } finally {
      opened.plaintext.fill(0);
    }
  },
};
