import type {
  GetKeyLastUsageRequest,
  GetKeyLastUsageResponse,
  KeyLastUsageTrackingOperation,
} from '@aws-sdk/client-kms';
import { later } from '../../keys/last-usage.ts';
import { keyName, lastUsagesTable } from '../../keys/tables.ts';
import { keyId } from '../../wire/kms-shapes.ts';
import { required, structure } from '../../wire/shapes.ts';
import type { KmsOperation } from './ports.ts';
import { type KeyResource, keyTarget } from './targets.ts';

export const getKeyLastUsage: KmsOperation<GetKeyLastUsageRequest, GetKeyLastUsageResponse, { key: KeyResource }> = {
  name: 'GetKeyLastUsage',
  input: structure<GetKeyLastUsageRequest>({ KeyId: required(keyId) }),
  targets: {
    key: keyTarget({
      operation: 'GetKeyLastUsage',
      reference: (input) => input.KeyId,
      accepts: 'key',
      crossAccount: false,
    }),
  },
  effect: 'read',
  audit: { readOnly: true, request: ['KeyId'] },
  async handle({ targets, ports }) {
    const { record, arn } = targets.key.key;
    // What is noted comes first: written down while the store is read, it would be found in neither place.
    const unwritten = ports.usages.unwritten(arn);
    const written = (await ports.store.get(lastUsagesTable, keyName(record)))?.value;
    const usage = later(written, unwritten);
    return {
      KeyId: record.keyId,
      KeyLastUsage:
        usage === undefined
          ? {}
          : {
              Operation: usage.operation as KeyLastUsageTrackingOperation,
              Timestamp: new Date(usage.atMs),
              CloudTrailEventId: usage.eventId,
              KmsRequestId: usage.requestId,
            },
      TrackingStartDate: new Date(Math.max(ports.usages.trackedSinceMs, record.createdAtMs)),
      KeyCreationDate: new Date(record.createdAtMs),
    };
  },
};
