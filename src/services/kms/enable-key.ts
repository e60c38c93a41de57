import type { EnableKeyRequest } from '@aws-sdk/client-kms';
import { enable } from '../../keys/lifecycle.ts';
import { keyId } from '../../wire/kms-shapes.ts';
import { required, structure } from '../../wire/shapes.ts';
import { shownKey } from './audited.ts';
import { changeKey } from './change-key.ts';
import type { KmsOperation } from './ports.ts';
import { noteRotation } from './rotation-notes.ts';
import { type KeyResource, keyTarget } from './targets.ts';

export const enableKey: KmsOperation<EnableKeyRequest, undefined, { key: KeyResource }> = {
  name: 'EnableKey',
  input: structure<EnableKeyRequest>({ KeyId: required(keyId) }),
  targets: {
    key: keyTarget({
      operation: 'EnableKey',
      reference: (input) => input.KeyId,
      accepts: 'key',
      crossAccount: false,
    }),
  },
  effect: 'change',
  audit: { readOnly: false, request: ['KeyId'], response: shownKey },
  async handle({ targets, transaction }) {
    const { key } = targets.key;
    await changeKey(transaction, key, enable(key.record));
    await noteRotation(transaction, key.record);
    return undefined;
  },
};
