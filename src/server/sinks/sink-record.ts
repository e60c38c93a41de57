import type { AuditRecord } from '../../audit/record.ts';

/** A record on its way to a sink. */
export interface SinkRecord {
  readonly record: AuditRecord;
  /** The same as one line of JSON, as it stands in its stream. */
  readonly json: string;
}

/** Such as `kms`, of `kms.amazonaws.com`. */
export function serviceOf({ eventSource }: AuditRecord): string {
  return eventSource.replace(/\..*/, '');
}
