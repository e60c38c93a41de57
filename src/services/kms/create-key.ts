import type { CreateKeyRequest, CreateKeyResponse } from '@aws-sdk/client-kms';
import { type KeyRecord, keyArn } from '../../keys/key.ts';
import {
  keyName,
  keyOwnerName,
  keyOwnersTable,
  keysTable,
  materialName,
  materialsTable,
  policiesTable,
} from '../../keys/tables.ts';
import {
  customerMasterKeySpec,
  customKeyStoreId,
  description,
  keySpec,
  keyUsage,
  origin,
  policy,
  tags,
  xksKeyId,
} from '../../wire/kms-shapes.ts';
import { boolean, type Input, structure } from '../../wire/shapes.ts';
import { requestTagConditions } from './condition-keys.ts';
import { unsupported, validationFailure } from './errors.ts';
import { keyMetadata } from './key-metadata.ts';
import { checkKeyPolicy, defaultKeyPolicy } from './key-policy.ts';
import { refuseCustomKeyStore } from './not-yet.ts';
import type { KmsOperation } from './ports.ts';
import { mergeTags, readTags } from './tag-rules.ts';
import { accountTarget } from './targets.ts';

const tagConditions = requestTagConditions((input: Input<CreateKeyRequest>) => input.Tags);

export const createKey: KmsOperation<CreateKeyRequest, CreateKeyResponse, { account: undefined; tagging: undefined }> =
  {
    name: 'CreateKey',
    input: structure<CreateKeyRequest>({
      Policy: policy,
      Description: description,
      KeyUsage: keyUsage,
      CustomerMasterKeySpec: customerMasterKeySpec,
      KeySpec: keySpec,
      Origin: origin,
      CustomKeyStoreId: customKeyStoreId,
      BypassPolicyLockoutSafetyCheck: boolean(),
      Tags: tags,
      MultiRegion: boolean(),
      XksKeyId: xksKeyId,
    }),
    validate: refuseWhatCannotBeMade,
    targets: {
      account: accountTarget('kms:CreateKey', conditions),
      // A key that is made with tags takes the permission to tag as well ("CreateKey", API reference).
      tagging: {
        ...accountTarget<Input<CreateKeyRequest>>('kms:TagResource', tagConditions),
        applies: (input) => input.Tags !== undefined && input.Tags.length > 0,
      },
    },
    effect: 'change',
    audit: {
      readOnly: false,
      request: [
        'Policy',
        'Description',
        'KeyUsage',
        'CustomerMasterKeySpec',
        'KeySpec',
        'Origin',
        'CustomKeyStoreId',
        'BypassPolicyLockoutSafetyCheck',
        'Tags',
        'MultiRegion',
        'XksKeyId',
      ],
      response: (output) => output,
    },
    async handle({ input, scope, ports, transaction }) {
      const { accountId } = scope.caller.principal;
      const identity = { accountId, region: scope.region, keyId: ports.random.uuid() };
      const policyText = input.Policy ?? defaultKeyPolicy(accountId);
      checkKeyPolicy(policyText, keyArn(identity), scope, input.BypassPolicyLockoutSafetyCheck);
      const keyTags = mergeTags([], readTags(input.Tags ?? []));

      const { materialId, material } = ports.custody.createSymmetric(identity);
      const record: KeyRecord = {
        ...identity,
        createdAtMs: scope.nowMs,
        description: input.Description ?? '',
        keySpec: 'SYMMETRIC_DEFAULT',
        keyUsage: 'ENCRYPT_DECRYPT',
        origin: 'AWS_KMS',
        keyManager: 'CUSTOMER',
        currentMaterialId: materialId,
        lifecycle: { status: 'Enabled' },
        tags: keyTags,
      };
      await transaction.create(materialsTable, materialName(identity, materialId), material);
      await transaction.create(policiesTable, keyName(identity), { policy: policyText });
      await transaction.create(keyOwnersTable, keyOwnerName(identity.region, identity.keyId), { accountId });
      await transaction.create(keysTable, keyName(identity), record);
      return { KeyMetadata: keyMetadata(record) };
    },
  };

/** AWS's rules for combinations first, then what this server does not make yet, said plainly. */
function refuseWhatCannotBeMade(input: Input<CreateKeyRequest>): void {
  if (input.KeySpec !== undefined && input.CustomerMasterKeySpec !== undefined) {
    throw validationFailure(
      'You cannot specify KeySpec and CustomerMasterKeySpec in the same request. CustomerMasterKeySpec is deprecated.',
    );
  }
  const spec = specOf(input);
  const usage = usageOf(input);
  if (spec === 'SYMMETRIC_DEFAULT' && usage !== 'ENCRYPT_DECRYPT') {
    throw validationFailure(`KeyUsage ${usage} is not compatible with KeySpec ${spec}`);
  }
  if (spec !== 'SYMMETRIC_DEFAULT') throw unsupported(`KeySpec ${spec} is not supported yet.`);
  refuseCustomKeyStore(input.CustomKeyStoreId);
  if (originOf(input) !== 'AWS_KMS') throw unsupported(`Origin ${originOf(input)} is not supported yet.`);
  if (input.XksKeyId !== undefined) {
    throw validationFailure('XksKeyId can only be specified with Origin EXTERNAL_KEY_STORE.');
  }
  if (input.MultiRegion === true) throw unsupported('Multi-Region keys are not supported yet.');
}

function conditions(key: string, input: Input<CreateKeyRequest>): readonly string[] | undefined {
  switch (key) {
    case 'kms:keyspec':
    case 'kms:customermasterkeyspec':
      return [specOf(input)];
    case 'kms:keyusage':
    case 'kms:customermasterkeyusage':
      return [usageOf(input)];
    case 'kms:keyorigin':
      return [originOf(input)];
    case 'kms:multiregion':
      return [String(input.MultiRegion ?? false)];
    case 'kms:bypasspolicylockoutsafetycheck':
      return [String(input.BypassPolicyLockoutSafetyCheck ?? false)];
    default:
      return tagConditions(key, input);
  }
}

function specOf(input: Input<CreateKeyRequest>): string {
  return input.KeySpec ?? input.CustomerMasterKeySpec ?? 'SYMMETRIC_DEFAULT';
}

function usageOf(input: Input<CreateKeyRequest>): string {
  return input.KeyUsage ?? 'ENCRYPT_DECRYPT';
}

function originOf(input: Input<CreateKeyRequest>): string {
  return input.Origin ?? 'AWS_KMS';
}
