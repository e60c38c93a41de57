import { eventTimeMs } from '../../../audit/event-time.ts';
import type { TrailRecord } from '../../../services/cloudtrail/records.ts';
import type { LoggingWindow } from './delivery-record.ts';

/** When a trail logged. Events have whole seconds, so a window has all of its first and its last one. */

/** Older ones are forgotten where delivery fails for so long that a trail was stopped and started this often. */
const MOST_WINDOWS = 100;

export function isWithin(windows: readonly LoggingWindow[], eventTime: string): boolean {
  const ms = eventTimeMs(eventTime);
  return windows.some(({ fromMs, toMs }) => ms >= floor(fromMs) && (toMs === undefined || ms <= toMs));
}

/**
 * The windows of a trail that has changed: the last one has ended if the trail was stopped meanwhile, and a new one has begun
 * if it was started.
 *
 * @param trail as it is now; undefined if it was deleted
 */
export function windowsAfter(
  windows: readonly LoggingWindow[],
  trail: TrailRecord | undefined,
  nowMs: number,
): readonly LoggingWindow[] {
  const startedMs = trail?.isLogging === true ? (trail.startedLoggingAtMs ?? trail.createdAtMs) : undefined;
  const open = windows.at(-1);
  const isSame = open !== undefined && open.toMs === undefined && open.fromMs === startedMs;
  if (isSame) return windows;
  const ended = windows.map((each) =>
    each.toMs === undefined ? { ...each, toMs: endOf(each, trail, startedMs ?? nowMs) } : each,
  );
  return startedMs === undefined ? ended : [...ended.slice(1 - MOST_WINDOWS), { fromMs: startedMs }];
}

/** A trail says when it was stopped; of one that is gone, or was started again, that is known only roughly. */
function endOf({ fromMs }: LoggingWindow, trail: TrailRecord | undefined, latestMs: number): number {
  const stoppedMs = trail?.stoppedLoggingAtMs;
  return stoppedMs !== undefined && stoppedMs >= fromMs && stoppedMs <= latestMs ? stoppedMs : latestMs;
}

function floor(ms: number): number {
  return ms - (ms % 1000);
}
