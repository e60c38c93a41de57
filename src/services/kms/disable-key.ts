import type { DisableKeyRequest } from '@aws-sdk/client-kms';
import { disable } from '../../keys/lifecycle.ts';
import { keyId } from '../../wire/kms-shapes.ts';
import { required, structure } from '../../wire/shapes.ts';
import { shownKey } from './audited.ts';
import { changeKey } from './change-key.ts';
import type { KmsOperation } from './ports.ts';
import { type KeyResource, keyTarget } from './targets.ts';

export const disableKey: KmsOperation<DisableKeyRequest, undefined, { key: KeyResource }> = {
  name: 'DisableKey',
  input: structure<DisableKeyRequest>({ KeyId: required(keyId) }),
  targets: {
    key: keyTarget({
      operation: 'DisableKey',
      reference: (input) => input.KeyId,
      accepts: 'key',
      crossAccount: false,
    }),
  },
  effect: 'change',
  audit: { readOnly: false, request: ['KeyId'], response: shownKey },
  async handle({ targets, transaction }) {
    const { key } = targets.key;
    await changeKey(transaction, key, disable(key.record));
    return undefined;
  },
};
