import type { UntagResourceRequest } from '@aws-sdk/client-kms';
import { keyId, tagKeys } from '../../wire/kms-shapes.ts';
import { required, structure } from '../../wire/shapes.ts';
import { shownKey } from './audited.ts';
import { changeKey } from './change-key.ts';
import type { KmsOperation } from './ports.ts';
import { withoutTags } from './tag-rules.ts';
import { type KeyResource, keyTarget } from './targets.ts';

export const untagResource: KmsOperation<UntagResourceRequest, undefined, { key: KeyResource }> = {
  name: 'UntagResource',
  input: structure<UntagResourceRequest>({ KeyId: required(keyId), TagKeys: required(tagKeys) }),
  targets: {
    key: keyTarget({
      operation: 'UntagResource',
      reference: (input) => input.KeyId,
      accepts: 'key',
      crossAccount: false,
      conditions: { 'aws:TagKeys': ({ input }) => input.TagKeys },
    }),
  },
  effect: 'change',
  audit: { readOnly: false, request: ['KeyId', 'TagKeys'], response: shownKey },
  async handle({ input, targets, transaction }) {
    const { key } = targets.key;
    await changeKey(transaction, key, { ...key.record, tags: withoutTags(key.record.tags, input.TagKeys) });
    return undefined;
  },
};
