export type FileKind = 'log' | 'digest';

/** What went wrong with a trail: in S3's words for GetTrailStatus, which knows no others, and for the log. */
export interface TrailFailure {
  /** "Error responses", Amazon S3 API reference. */
  readonly status: string;
  /** Tells one failure from another, too. */
  readonly reason: string;
}

const statuses: Readonly<Record<string, string>> = {
  EACCES: 'AccessDenied',
  EPERM: 'AccessDenied',
  EROFS: 'AccessDenied',
  ENOTDIR: 'AccessDenied',
  EEXIST: 'AccessDenied',
  EINVAL: 'InvalidBucketName',
  ENOSPC: 'ServiceUnavailable',
  EDQUOT: 'ServiceUnavailable',
};

export function trailFailure(error: unknown): TrailFailure {
  const code = (error as { code?: unknown }).code;
  const known = typeof code === 'string' ? statuses[code] : undefined;
  return { status: known ?? 'InternalError', reason: typeof code === 'string' ? code : String(error) };
}
