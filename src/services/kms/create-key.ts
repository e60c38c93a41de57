import type { CreateKeyRequest, CreateKeyResponse, KeyMetadata } from '@aws-sdk/client-kms';
import { isAvailableIn, type KeySpec, type KeyUsage, keySpecs } from '../../crypto/key-specs.ts';
import type { NewMaterial } from '../../custody/contract.ts';
import type { KeyIdentity, KeyRecord } from '../../keys/key.ts';
import type { Random } from '../../runtime/random.ts';
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
import type { ConditionTable } from '../condition-table.ts';
import { kindConditions, requestTagConditions } from './condition-keys.ts';
import { createKeyRows, createKeyWithMaterial } from './create-key-rows.ts';
import { refuseCustomKeyStoreId } from './custom-key-stores.ts';
import { unsupported, validationFailure } from './errors.ts';
import { keyMetadata } from './key-metadata.ts';
import { policyOfNewKey } from './key-policy.ts';
import type { KmsOperation } from './ports.ts';
import { mergeTags, readTags } from './tag-rules.ts';
import { accountTarget } from './targets.ts';

interface Asked {
  readonly input: Input<CreateKeyRequest>;
}

const tagConditions = requestTagConditions(({ input }: Asked) => input.Tags);
const conditions: ConditionTable<Asked> = {
  'kms:BypassPolicyLockoutSafetyCheck': ({ input }) => [String(input.BypassPolicyLockoutSafetyCheck ?? false)],
  ...kindConditions(({ input }: Asked) => ({
    keySpec: specOf(input),
    keyUsage: usageOf(input),
    origin: originOf(input),
    multiRegionKeyType: input.MultiRegion === true ? 'PRIMARY' : undefined,
  })),
  ...tagConditions,
};

/** The key's identity and its material, which takes seconds to make where it is RSA. */
interface Prepared {
  readonly identity: KeyIdentity;
  readonly material: NewMaterial | undefined;
}

export const createKey: KmsOperation<
  CreateKeyRequest,
  CreateKeyResponse,
  { account: undefined; tagging: undefined },
  Prepared
> = {
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
  validate: checkCombination,
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
    implied: {
      Description: '',
      KeyUsage: 'ENCRYPT_DECRYPT',
      Origin: 'AWS_KMS',
      BypassPolicyLockoutSafetyCheck: false,
    },
    response: (output) => output,
    made: ({ KeyMetadata: { AWSAccountId = '', Arn = '' } = {} as KeyMetadata }) => ({
      ...{ accountId: AWSAccountId, type: 'AWS::KMS::Key', ARN: Arn },
    }),
  },
  async prepare({ input, scope, ports }) {
    if (!isAvailableIn(specOf(input), scope.region)) {
      throw unsupported(`KeySpec ${specOf(input)} is not supported in this region.`);
    }
    const { accountId } = scope.caller.principal;
    const identity = { accountId, region: scope.region, keyId: newKeyId(ports.random, input.MultiRegion) };
    // A key for imported material is made without any, and is pending import until some has come.
    if (originOf(input) === 'EXTERNAL') return { identity, material: undefined };
    return { identity, material: await ports.custody.create(identity, specOf(input)) };
  },
  async handle({ input, scope, ports, transaction, prepared }) {
    const { identity, material } = prepared;
    const policy = await policyOfNewKey(input, identity, scope, ports);
    const key: KeyRecord = {
      ...identity,
      createdAtMs: scope.nowMs,
      description: input.Description ?? '',
      keySpec: specOf(input),
      keyUsage: usageOf(input),
      origin: originOf(input),
      keyManager: 'CUSTOMER',
      lifecycle: { status: 'Enabled' },
      tags: mergeTags([], readTags(input.Tags ?? [])),
      ...(input.MultiRegion === true ? { multiRegion: { primaryRegion: scope.region, replicaRegions: [] } } : {}),
    };
    if (material === undefined) {
      await createKeyRows(transaction, key, policy);
      return { KeyMetadata: keyMetadata(key, scope.nowMs) };
    }
    const record = await createKeyWithMaterial(transaction, key, material, policy);
    return { KeyMetadata: keyMetadata(record, scope.nowMs) };
  },
};

/** AWS's rules for combinations of members ("CreateKey", API reference), and what it has in some Regions only. */
function checkCombination(input: Input<CreateKeyRequest>): void {
  if (input.KeySpec !== undefined && input.CustomerMasterKeySpec !== undefined) {
    throw validationFailure(
      'You cannot specify KeySpec and CustomerMasterKeySpec in the same request. CustomerMasterKeySpec is deprecated.',
    );
  }
  const spec = specOf(input);
  if (input.KeyUsage === undefined && spec !== 'SYMMETRIC_DEFAULT') {
    throw validationFailure('You must specify a KeyUsage value for all KMS keys except for symmetric encryption keys.');
  }
  if (!keySpecs[spec].usages.includes(usageOf(input))) {
    throw validationFailure(`KeyUsage ${usageOf(input)} is not compatible with KeySpec ${spec}`);
  }
  if (originOf(input) === 'EXTERNAL' && !keySpecs[spec].importable) {
    throw validationFailure(`KeySpec ${spec} is not supported for Origin EXTERNAL`);
  }
  refuseCustomKeyStoreId(input.CustomKeyStoreId);
  if (input.Origin === 'AWS_CLOUDHSM' || input.Origin === 'EXTERNAL_KEY_STORE') {
    throw validationFailure(`A custom key store must be specified for the origin ${input.Origin}.`);
  }
  if (input.XksKeyId !== undefined) {
    throw validationFailure('XksKeyId can only be specified with Origin EXTERNAL_KEY_STORE.');
  }
}

/** Related multi-Region keys share their id, which tells them from others ("How multi-Region keys work", developer guide). */
function newKeyId(random: Random, multiRegion: boolean | undefined): string {
  const uuid = random.uuid();
  return multiRegion === true ? `mrk-${uuid.replaceAll('-', '')}` : uuid;
}

function specOf(input: Input<CreateKeyRequest>): KeySpec {
  return input.KeySpec ?? input.CustomerMasterKeySpec ?? 'SYMMETRIC_DEFAULT';
}

function usageOf(input: Input<CreateKeyRequest>): KeyUsage {
  return input.KeyUsage ?? 'ENCRYPT_DECRYPT';
}

/** Origins of custom key stores have been refused by then. */
function originOf(input: Input<CreateKeyRequest>): KeyRecord['origin'] {
  return input.Origin === 'EXTERNAL' ? 'EXTERNAL' : 'AWS_KMS';
}
