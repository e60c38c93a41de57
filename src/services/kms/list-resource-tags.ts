import type { ListResourceTagsRequest, ListResourceTagsResponse } from '@aws-sdk/client-kms';
import { keyId, limitUpTo, marker } from '../../wire/kms-shapes.ts';
import { required, structure } from '../../wire/shapes.ts';
import { pageOfList } from '../pagination.ts';
import type { KmsOperation } from './ports.ts';
import { type KeyResource, keyTarget } from './targets.ts';

export const listResourceTags: KmsOperation<ListResourceTagsRequest, ListResourceTagsResponse, { key: KeyResource }> = {
  name: 'ListResourceTags',
  input: structure<ListResourceTagsRequest>({ KeyId: required(keyId), Limit: limitUpTo(50), Marker: marker }),
  targets: {
    key: keyTarget({
      operation: 'ListResourceTags',
      reference: (input) => input.KeyId,
      accepts: 'key',
      crossAccount: false,
    }),
  },
  effect: 'read',
  audit: { readOnly: true, request: ['KeyId', 'Limit', 'Marker'] },
  handle({ input, targets }) {
    const { tags } = targets.key.key.record;
    const { items, ...rest } = pageOfList(tags, 'ListResourceTags', input, 50, ({ key }) => key);
    return { Tags: items.map(({ key, value }) => ({ TagKey: key, TagValue: value })), ...rest };
  },
};
