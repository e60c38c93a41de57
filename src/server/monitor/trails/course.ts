import type { Logger } from 'pino';
import type { Clock } from '../../../runtime/clock.ts';
import type { FollowedTrail, StatusNote } from './followed-trail.ts';
import { type FileKind, trailFailure } from './trail-failure.ts';
import type { TrailMetrics } from './trail-metrics.ts';

/** How a trail's delivery goes. */
export interface Course {
  readonly followed: FollowedTrail;
  dueMs: number;
  /** When to try a digest again that failed. */
  digestDueMs: number;
  /** What failed last, of each kind of file. */
  readonly failures: Map<FileKind, string>;
}

export interface CourseKeeper {
  /** Gives whether it was done. What failed is noted, told once, and tried again after a while. */
  attempt(course: Course, kind: FileKind, work: () => Promise<void>): Promise<boolean>;
  /** Clears what has been noted of a failure. */
  succeeded(course: Course, kind: FileKind): Promise<void>;
}

export interface CourseKeeperOptions {
  readonly clock: Clock;
  readonly intervalMs: number;
  readonly metrics: Pick<TrailMetrics, 'failed'>;
  readonly log: Logger;
}

const RETRY_MS = 30_000;

export function courseKeeper({ clock, intervalMs, metrics, log }: CourseKeeperOptions): CourseKeeper {
  async function attempt(course: Course, kind: FileKind, work: () => Promise<void>): Promise<boolean> {
    const { followed, failures } = course;
    try {
      await work();
      return true;
    } catch (err) {
      const { status, reason } = trailFailure(err);
      const nowMs = clock.now();
      metrics.failed(kind);
      const retryMs = nowMs + Math.min(RETRY_MS, intervalMs);
      if (kind === 'log') course.dueMs = retryMs;
      else course.digestDueMs = retryMs;
      if (failures.get(kind) !== reason) {
        log.error({ err, trail: followed.key, kind }, 'a trail cannot be delivered; it will be tried again');
      }
      failures.set(kind, reason);
      await quietly(followed.startOver());
      await quietly(
        followed.note(
          kind === 'log'
            ? { latestDeliveryAttemptAtMs: nowMs, latestDeliveryError: status }
            : { latestDigestDeliveryError: status },
        ),
      );
      return false;
    }
  }

  async function succeeded({ followed, failures }: Course, kind: FileKind): Promise<void> {
    if (!failures.delete(kind)) return;
    log.info({ trail: followed.key, kind }, 'a trail is delivered again');
    const cleared: StatusNote =
      kind === 'log' ? { latestDeliveryError: undefined } : { latestDigestDeliveryError: undefined };
    await quietly(followed.note(cleared));
  }

  /** For what comes after a failure, and may fail for the same reason. */
  async function quietly(work: Promise<void>): Promise<void> {
    await work.catch((err: unknown) => log.debug({ err }, 'the status of a trail cannot be noted'));
  }

  return { attempt, succeeded };
}
