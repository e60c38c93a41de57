import type { TagResourceRequest } from '@aws-sdk/client-kms';
import { keyId, tags } from '../../wire/kms-shapes.ts';
import { required, structure } from '../../wire/shapes.ts';
import { changeKey } from './change-key.ts';
import { requestTagConditions } from './condition-keys.ts';
import type { KmsOperation } from './ports.ts';
import { mergeTags, readTags } from './tag-rules.ts';
import { type KeyResource, keyTarget } from './targets.ts';

export const tagResource: KmsOperation<TagResourceRequest, undefined, { key: KeyResource }> = {
  name: 'TagResource',
  input: structure<TagResourceRequest>({ KeyId: required(keyId), Tags: required(tags) }),
  targets: {
    key: keyTarget({
      operation: 'TagResource',
      reference: (input) => input.KeyId,
      accepts: 'key',
      crossAccount: false,
      conditions: requestTagConditions(({ input }) => input.Tags),
    }),
  },
  effect: 'change',
  audit: { readOnly: false, request: ['KeyId', 'Tags'] },
  async handle({ input, targets, transaction }) {
    const { key } = targets.key;
    const merged = mergeTags(key.record.tags, readTags(input.Tags));
    await changeKey(transaction, key, { ...key.record, tags: merged });
    return undefined;
  },
};
