import type { DeleteImportedKeyMaterialRequest, DeleteImportedKeyMaterialResponse } from '@aws-sdk/client-kms';
import { withoutExpired, withoutMaterial } from '../../keys/imported-materials.ts';
import { KeyholdError } from '../../runtime/errors.ts';
import { keyId, keyMaterialId } from '../../wire/kms-shapes.ts';
import { required, structure } from '../../wire/shapes.ts';
import { namedMaterial } from './condition-keys.ts';
import { loadMaterials, requireSymmetric, saveMaterials } from './imported-material.ts';
import type { KmsOperation } from './ports.ts';
import { type KeyResource, keyTarget } from './targets.ts';

export const deleteImportedKeyMaterial: KmsOperation<
  DeleteImportedKeyMaterialRequest,
  DeleteImportedKeyMaterialResponse,
  { key: KeyResource }
> = {
  name: 'DeleteImportedKeyMaterial',
  input: structure<DeleteImportedKeyMaterialRequest>({ KeyId: required(keyId), KeyMaterialId: keyMaterialId }),
  targets: {
    key: keyTarget({
      operation: 'DeleteImportedKeyMaterial',
      reference: (input) => input.KeyId,
      accepts: 'key',
      crossAccount: false,
      origin: 'EXTERNAL',
      conditions: { 'kms:KeyMaterialId': ({ input }) => namedMaterial(input) },
    }),
  },
  effect: 'change',
  audit: { readOnly: false, request: ['KeyId', 'KeyMaterialId'], response: (output) => output },
  async handle({ input, targets, scope, transaction, consequences }) {
    const { key } = targets.key;
    requireSymmetric(key.record, { KeyMaterialId: input.KeyMaterialId });
    const stored = await loadMaterials(transaction, key.record);
    const known = withoutExpired(stored.materials, scope.nowMs);
    if (input.KeyMaterialId !== undefined && !known.has(input.KeyMaterialId)) {
      throw new KeyholdError('NotFoundException', `Key material '${input.KeyMaterialId}' does not exist`);
    }
    const materialId = input.KeyMaterialId ?? key.record.currentMaterialId;
    // A key into which nothing was ever imported has nothing to delete, which AWS does not mind.
    if (materialId === undefined) return { KeyId: key.arn };
    const left = withoutMaterial(known, materialId);
    await saveMaterials(transaction, key, stored, left, scope.nowMs, consequences);
    return { KeyId: key.arn, ...(key.record.keySpec === 'SYMMETRIC_DEFAULT' ? { KeyMaterialId: materialId } : {}) };
  },
};
