import type { DisableKeyRotationRequest } from '@aws-sdk/client-kms';
import { disableRotation } from '../../keys/rotation.ts';
import { keyId } from '../../wire/kms-shapes.ts';
import { required, structure } from '../../wire/shapes.ts';
import { changeRelatedKeys } from './change-related-keys.ts';
import type { KmsOperation } from './ports.ts';
import { forgetRotation } from './rotation-notes.ts';
import { requireLead, requireOwnMaterial } from './rotation-rules.ts';
import { type KeyResource, keyTarget } from './targets.ts';

export const disableKeyRotation: KmsOperation<DisableKeyRotationRequest, undefined, { key: KeyResource }> = {
  name: 'DisableKeyRotation',
  input: structure<DisableKeyRotationRequest>({ KeyId: required(keyId) }),
  targets: {
    key: keyTarget({
      operation: 'DisableKeyRotation',
      reference: (input) => input.KeyId,
      accepts: 'key',
      crossAccount: false,
    }),
  },
  effect: 'change',
  audit: { readOnly: false, request: ['KeyId'] },
  async handle({ targets, transaction, consequences }) {
    const { key } = targets.key;
    requireOwnMaterial(key);
    // What is never rotated is not refused here, as AWS does not refuse it: there is nothing to disable.
    requireLead(key);
    await forgetRotation(transaction, key.record);
    await changeRelatedKeys(transaction, key.record, disableRotation, consequences);
    return undefined;
  },
};
