import type { TrailRecord } from '../../../services/cloudtrail/records.ts';

export const STARTED_MS = Date.UTC(2026, 10, 26, 9, 58, 7, 500);

/** A trail that logs everything. */
export function trailRecord(different: Partial<TrailRecord> = {}): TrailRecord {
  return {
    accountId: '111122223333',
    homeRegion: 'eu-central-1',
    name: 'everything',
    bucketName: 'our-bucket',
    includeGlobalServiceEvents: true,
    isMultiRegion: true,
    logFileValidation: true,
    recursiveLogging: true,
    tags: [],
    isLogging: true,
    startedLoggingAtMs: STARTED_MS,
    createdAtMs: STARTED_MS,
    ...different,
  };
}
