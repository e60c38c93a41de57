import type { Clock } from '../runtime/clock.ts';
import type { AuditTrail } from './audit-trail.ts';

/** What could not be written, and nobody was refused for. */
export interface AuditLoss {
  readonly records: number;
  /** When the first of them was lost, and the last. */
  readonly fromMs: number;
  readonly toMs: number;
}

export interface ContinuingTrailOptions {
  readonly trail: AuditTrail;
  /** Appends the record of a loss to the same trail, into the same write as what is appended next. */
  readonly record: (loss: AuditLoss) => Promise<void>;
  readonly clock: Clock;
  /** Raises the alarm: at the first loss, and while it goes on once a minute. */
  readonly onAlarm: (loss: AuditLoss, cause: unknown) => void;
  /** Told when the record of a loss is written. */
  readonly onRecovered: (loss: AuditLoss) => void;
}

const RETRY_MS = 1000;
const ALARM_INTERVAL_MS = 60_000;

/**
 * A trail whose appends do not fail when it cannot be written: `--audit-on-failure continue`. What is lost is counted and
 * nothing else is kept of it. As soon as there is a way to write again, the trail says how much is missing from when to when,
 * before the first record that is there again; its chain and its sequence have no gap.
 */
export function continuingTrail(options: ContinuingTrailOptions): AuditTrail {
  const { trail, record, clock, onAlarm, onRecovered } = options;
  let lost: AuditLoss | undefined;
  let telling: Promise<void> | undefined;
  let nextAlarmMs = Number.NEGATIVE_INFINITY;
  /** Those that the trail writes together, for which it gives the same promise. */
  let write: { readonly written: Promise<void>; readonly settled: Promise<void>; records: number } | undefined;

  function lose(loss: AuditLoss): AuditLoss {
    lost =
      lost === undefined
        ? loss
        : {
            records: lost.records + loss.records,
            fromMs: Math.min(lost.fromMs, loss.fromMs),
            toMs: Math.max(lost.toMs, loss.toMs),
          };
    return lost;
  }

  function begin(written: Promise<void>): NonNullable<typeof write> {
    const settled = written.catch((cause: unknown) => {
      const nowMs = clock.now();
      const all = lose({ records: begun.records, fromMs: nowMs, toMs: nowMs });
      if (nowMs < nextAlarmMs) return;
      nextAlarmMs = nowMs + ALARM_INTERVAL_MS;
      onAlarm(all, cause);
    });
    const begun = { written, settled, records: 0 };
    return begun;
  }

  function tellOfLoss(): void {
    if (lost === undefined || telling !== undefined) return;
    const told = lost;
    lost = undefined;
    telling = record(told)
      .then(
        () => {
          nextAlarmMs = Number.NEGATIVE_INFINITY;
          onRecovered(told);
        },
        () => {
          lose(told);
        },
      )
      .finally(() => {
        telling = undefined;
      });
  }

  // Nobody may be asking for anything when there is a way to write again.
  const timer = setInterval(tellOfLoss, RETRY_MS);
  timer.unref();

  return {
    append(recordJson) {
      tellOfLoss();
      const written = trail.append(recordJson);
      if (write?.written !== written) write = begin(written);
      write.records += 1;
      return write.settled;
    },
    async close() {
      clearInterval(timer);
      tellOfLoss();
      await telling;
      await trail.close();
    },
  };
}
