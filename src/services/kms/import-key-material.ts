import type { ImportKeyMaterialRequest, ImportKeyMaterialResponse } from '@aws-sdk/client-kms';
import type { ImportRefusal, NewMaterial } from '../../custody/contract.ts';
import {
  asReplica,
  type ImportedMaterialsById,
  isKnown,
  pendingMaterialId,
  withoutExpired,
} from '../../keys/imported-materials.ts';
import type { KeyRecord } from '../../keys/key.ts';
import type { ImportFacts } from '../../keys/material.ts';
import { isReplica } from '../../keys/multi-region.ts';
import { keyName, keysTable } from '../../keys/tables.ts';
import { KeyholdError } from '../../runtime/errors.ts';
import type { Reader } from '../../store/sealed-store.ts';
import {
  encryptedKeyMaterial,
  expirationModel,
  importToken,
  importType,
  keyId,
  keyMaterialDescription,
  keyMaterialId,
} from '../../wire/kms-shapes.ts';
import { type Input, required, structure, timestamp } from '../../wire/shapes.ts';
import { namedMaterial } from './condition-keys.ts';
import { incorrectKeyMaterial, invalidCiphertext, unsupported, validationFailure } from './errors.ts';
import { loadMaterials, requireSymmetric, type StoredMaterials, saveMaterials } from './imported-material.ts';
import type { LoadedKey } from './key-source.ts';
import type { KmsOperation } from './ports.ts';
import { type KeyResource, keyTarget } from './targets.ts';

export const importKeyMaterial: KmsOperation<
  ImportKeyMaterialRequest,
  ImportKeyMaterialResponse,
  { key: KeyResource },
  NewMaterial
> = {
  name: 'ImportKeyMaterial',
  input: structure<ImportKeyMaterialRequest>({
    KeyId: required(keyId),
    ImportToken: required(importToken),
    EncryptedKeyMaterial: required(encryptedKeyMaterial),
    ValidTo: timestamp(),
    ExpirationModel: expirationModel,
    ImportType: importType,
    KeyMaterialDescription: keyMaterialDescription,
    KeyMaterialId: keyMaterialId,
  }),
  validate: checkCombination,
  targets: {
    key: keyTarget({
      operation: 'ImportKeyMaterial',
      reference: (input) => input.KeyId,
      accepts: 'key',
      crossAccount: false,
      origin: 'EXTERNAL',
      conditions: {
        'kms:KeyMaterialId': ({ input }) => namedMaterial(input),
        'kms:ExpirationModel': ({ input }) => [expirationModelOf(input)],
        'kms:ValidTo': ({ input }) => input.ValidTo && [input.ValidTo.toISOString()],
      },
    }),
  },
  effect: 'change',
  audit: {
    readOnly: false,
    request: ['KeyId', 'ValidTo', 'ExpirationModel', 'ImportType', 'KeyMaterialDescription', 'KeyMaterialId'],
    response: (output) => output,
  },
  // A private key takes some ten milliseconds to unwrap and to check.
  async prepare({ input, targets, scope, ports }) {
    const { record } = targets.key.key;
    requireSymmetric(record, {
      ImportType: input.ImportType,
      KeyMaterialDescription: input.KeyMaterialDescription,
      KeyMaterialId: input.KeyMaterialId,
    });
    checkValidTo(input.ValidTo, scope.nowMs);
    const { ImportToken, EncryptedKeyMaterial } = input;
    const { keySpec } = record;
    const received = await ports.materialImport.receive(
      record,
      keySpec,
      ImportToken,
      EncryptedKeyMaterial,
      scope.nowMs,
    );
    if (typeof received === 'string') throw refusal(received);
    return received;
  },
  async handle({ input, targets, scope, transaction, prepared, consequences }) {
    const { key } = targets.key;
    const { nowMs } = scope;
    const { materialId, material } = prepared;
    const stored = await loadMaterials(transaction, key.record);
    const { known, currentMaterialId } = await knownMaterials(transaction, key.record, stored, nowMs);
    admit(key, known, materialId, input);
    const before = known.get(materialId);
    // What waits in the primary key and has not been imported here is nothing of this key yet.
    const own = [...known].filter(([, material]) => isKnown(material, nowMs));
    const materials = new Map(own).set(materialId, {
      createdAtMs: nowMs,
      // The first material of a key is current at once; what comes later waits for RotateKeyOnDemand.
      ...(known.size === 0 ? { currentSinceMs: nowMs } : {}),
      ...before,
      ...material,
      imported: importFacts(before?.imported, input),
    });
    const current = currentMaterialId ?? materialId;
    await saveMaterials(transaction, key, stored, materials, nowMs, consequences, current);
    return { KeyId: key.arn, ...(key.record.keySpec === 'SYMMETRIC_DEFAULT' ? { KeyMaterialId: materialId } : {}) };
  },
};

/** AWS's rules for combinations of members ("ImportKeyMaterial", API reference). */
function checkCombination(input: Input<ImportKeyMaterialRequest>): void {
  if (expirationModelOf(input) === 'KEY_MATERIAL_EXPIRES') {
    if (input.ValidTo === undefined) {
      throw validationFailure('A validTo date must be set if the ExpirationModel is KEY_MATERIAL_EXPIRES');
    }
  } else if (input.ValidTo !== undefined) {
    throw validationFailure('A validTo date cannot be set if the ExpirationModel is KEY_MATERIAL_DOES_NOT_EXPIRE');
  }
  if (input.ImportType === 'NEW_KEY_MATERIAL' && input.KeyMaterialId !== undefined) {
    throw validationFailure('KeyMaterialId cannot be specified if the ImportType is NEW_KEY_MATERIAL');
  }
}

const LONGEST_VALIDITY_DAYS = 365;
const DAY_MS = 24 * 60 * 60 * 1000;

function checkValidTo(validTo: Date | undefined, nowMs: number): void {
  if (validTo === undefined) return;
  if (validTo.getTime() <= nowMs) throw validationFailure('ValidTo must be in the future');
  if (validTo.getTime() > nowMs + LONGEST_VALIDITY_DAYS * DAY_MS) {
    throw validationFailure(`ValidTo must be within ${LONGEST_VALIDITY_DAYS} days`);
  }
}

function expirationModelOf(input: Input<ImportKeyMaterialRequest>): string {
  return input.ExpirationModel ?? 'KEY_MATERIAL_EXPIRES';
}

function refusal(reason: ImportRefusal): KeyholdError {
  switch (reason) {
    case 'invalid token':
      return new KeyholdError('InvalidImportTokenException', 'The import token is invalid or for a different KMS key.');
    case 'expired token':
      return new KeyholdError('ExpiredImportTokenException', 'The import token has expired.');
    case 'invalid ciphertext':
      return invalidCiphertext();
    case 'unfit material':
      return incorrectKeyMaterial('The key material is not valid for the key spec of the KMS key.');
  }
}

/** A description stays until another is given; whether and when the material expires is said anew each time. */
function importFacts(
  before: ImportFacts | undefined,
  { KeyMaterialDescription, ValidTo }: Input<ImportKeyMaterialRequest>,
): ImportFacts {
  const description = KeyMaterialDescription ?? before?.description;
  return {
    ...(description === undefined ? {} : { description }),
    ...(ValidTo === undefined ? {} : { expiresAtMs: ValidTo.getTime() }),
  };
}

/** All material that the key knows, and which of it is current; a replica key knows what its primary key does. */
async function knownMaterials(
  reader: Reader,
  key: KeyRecord,
  stored: StoredMaterials,
  nowMs: number,
): Promise<{ known: ImportedMaterialsById; currentMaterialId: string | undefined }> {
  const own = withoutExpired(stored.materials, nowMs);
  if (key.multiRegion === undefined || !isReplica(key)) return { known: own, currentMaterialId: key.currentMaterialId };
  const { accountId, multiRegion, keyId } = key;
  const primary = { accountId, region: multiRegion.primaryRegion, keyId };
  const record = (await reader.get(keysTable, keyName(primary)))?.value;
  if (record === undefined) throw new KeyholdError('TamperedRecord', `replica ${keyName(key)} has no primary key`);
  const { materials } = await loadMaterials(reader, primary);
  return { known: asReplica(withoutExpired(materials, nowMs), own), currentMaterialId: record.currentMaterialId };
}

/**
 * Whether this material may come in. Without an import type, it must be material that the key knows, but for the first
 * ("ImportKeyMaterial", API reference); keys other than symmetric ones can have no other way to a second.
 */
function admit(
  { record, arn }: LoadedKey,
  known: ImportedMaterialsById,
  materialId: string,
  { ImportType: type, KeyMaterialId: named }: Input<ImportKeyMaterialRequest>,
): void {
  if (type === 'NEW_KEY_MATERIAL' && isReplica(record)) {
    throw unsupported(`${arn} is a replica key. New key material is imported into the primary key first.`);
  }
  if (named !== undefined && named !== materialId) {
    throw incorrectKeyMaterial('The key material is not the one that the KeyMaterialId identifies.');
  }
  const isNew = type === undefined ? known.size === 0 && !isReplica(record) : type === 'NEW_KEY_MATERIAL';
  if (!isNew) {
    if (known.has(materialId)) return;
    throw incorrectKeyMaterial('The key material has not been imported into this KMS key before.');
  }
  if (named !== undefined || known.has(materialId)) {
    throw incorrectKeyMaterial(
      known.has(materialId)
        ? 'The key material is already associated with this KMS key.'
        : 'No key material has been imported into this KMS key before.',
    );
  }
  const pending = pendingMaterialId(known);
  if (pending === undefined) return;
  throw new KeyholdError(
    'KMSInvalidStateException',
    `New key material (id: ${materialId}) cannot be imported into KMS key ${arn}, because another key material (id: ${pending}) is pending rotation.`,
  );
}
