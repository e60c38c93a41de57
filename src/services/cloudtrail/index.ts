import type { Random } from '../../runtime/random.ts';
import type { Store } from '../../store/sealed-store.ts';
import { awsJson } from '../../wire/protocol.ts';
import type { AnyOperation, Service } from '../perform.ts';
import { addTags } from './add-tags.ts';
import { createTrail } from './create-trail.ts';
import { deleteTrail } from './delete-trail.ts';
import { describeTrails } from './describe-trails.ts';
import { getEventSelectors } from './get-event-selectors.ts';
import { getInsightSelectors } from './get-insight-selectors.ts';
import { getTrail } from './get-trail.ts';
import { getTrailStatus } from './get-trail-status.ts';
import { listPublicKeys } from './list-public-keys.ts';
import { listTags } from './list-tags.ts';
import { listTrails } from './list-trails.ts';
import { lookupEvents } from './lookup-events.ts';
import type { LookupTokens } from './lookup-tokens.ts';
import type { CloudTrailPorts, EventHistory } from './ports.ts';
import { putEventSelectors } from './put-event-selectors.ts';
import { removeTags } from './remove-tags.ts';
import { startLogging } from './start-logging.ts';
import { stopLogging } from './stop-logging.ts';
import { updateTrail } from './update-trail.ts';

/** The table of CloudTrail's operations: one file each. */
const operations: readonly AnyOperation[] = [
  addTags,
  createTrail,
  deleteTrail,
  describeTrails,
  getEventSelectors,
  getInsightSelectors,
  getTrail,
  getTrailStatus,
  listPublicKeys,
  listTags,
  listTrails,
  lookupEvents,
  putEventSelectors,
  removeTags,
  startLogging,
  stopLogging,
  updateTrail,
];

export const cloudTrailOperations: ReadonlyMap<string, AnyOperation> = new Map(
  operations.map((each) => [each.name, each]),
);

export interface CloudTrailDependencies {
  readonly store: Store;
  readonly random: Random;
  readonly eventHistory: EventHistory;
  readonly lookupTokens: LookupTokens;
}

export function cloudTrailService({ store, ...rest }: CloudTrailDependencies): Service {
  return {
    name: 'cloudtrail',
    spoken: [
      { protocol: awsJson, address: 'CloudTrail_20131101' },
      // Botocore, and so the AWS CLI, writes Java's package before it.
      { protocol: awsJson, address: 'com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101' },
    ],
    eventSource: 'cloudtrail.amazonaws.com',
    operations: cloudTrailOperations,
    store,
    ports: (transaction): CloudTrailPorts => ({ store: transaction ?? store, ...rest }),
  };
}
