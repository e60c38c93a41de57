import { setTimeout as pause } from 'node:timers/promises';
import type { Logger } from 'pino';
import { endsOfStreams, type StreamPosition } from '../../../audit/stream-position.ts';
import { type TrailRecord, trailsTable } from '../../../services/cloudtrail/records.ts';
import type { Epoch } from '../../../store/change-feed.ts';
import { type Course, courseKeeper } from './course.ts';
import { areSame, type Positions, type TrailDeliveryRecord, trailDeliveriesTable } from './delivery-record.ts';
import {
  type DeliveryPorts,
  type FollowedTrail,
  followTrail,
  forgetDelivery,
  newDelivery,
  undigested,
} from './followed-trail.ts';
import { fileOf } from './object-names.ts';
import { readRecords } from './read-records.ts';
import { readStreams } from './read-streams.ts';
import type { TrailMetrics } from './trail-metrics.ts';

/**
 * Delivers the trails: every so often it reads the audit streams from where it left off, and gives each trail the records
 * that it selects. All trails that are equally far share one reading. A trail that cannot be delivered stays where it is, is
 * tried again, and holds up no other.
 */
export interface TrailDelivery {
  /** Delivers what is there, and ends. */
  stop(): Promise<void>;
}

export interface TrailDeliveryOptions extends DeliveryPorts {
  /** The audit directory. */
  readonly directory: string;
  /** Up to which sequence a stream is written for good. */
  readonly written: (stream: string) => number;
  /** Behind which line of each stream the monitor is with what it reads: where trails begin that are started now. */
  readonly readUpTo: () => ReadonlyMap<string, StreamPosition>;
  /** Told up to which line of a stream no trail needs it any more. */
  readonly consumed: (stream: string, sequence: number) => void;
  /** Moves whenever anything in the store changes. */
  readonly epoch: Epoch;
  readonly intervalMs: number;
  readonly metrics: TrailMetrics;
  readonly log: Logger;
}

const LOOK_MS = 100;
/** Of one reading: each has some files open. */
const MOST_TRAILS_AT_ONCE = 16;

export function deliverTrails(options: TrailDeliveryOptions): TrailDelivery {
  const { store, directory, written, readUpTo, epoch, clock, buckets, intervalMs, consumed, metrics, log } = options;
  const courses = new Map<string, Course>();
  const records = readRecords(store, log);
  const { attempt, succeeded } = courseKeeper(options);
  /** When each trail was last started, as of the look before. */
  let started = new Map<string, number | undefined>();
  let stopping = false;
  let wake = () => {};
  let seenEpoch: number | undefined;
  /** As of the look before: a trail that is new now was not there then. */
  let before = readUpTo();

  /** Goes on with what the last run had begun. */
  async function resume(): Promise<void> {
    const trails = await records.all(trailsTable);
    const deliveries = await records.all(trailDeliveriesTable);
    const wanted = new Set(
      [...deliveries.values()].flatMap((each) => (each === undefined ? [] : undigested(each).map(fileOf))),
    );
    for (const trail of trails.values()) {
      if (trail === undefined) continue;
      tolerate(() => buckets.sweep(trail.bucketName, trail.accountId, (file) => wanted.has(file)));
    }
    for (const [key, delivery] of deliveries) {
      const trail = trails.get(key);
      if (delivery === undefined || records.isUnreadable(key)) continue;
      if (trail?.createdAtMs === delivery.createdAtMs) {
        const course = follow(key, trail, { ...delivery, positions: stillThere(delivery.positions, directory) });
        await attempt(course, 'log', () => course.followed.adopt(trail, clock.now()));
      } else {
        // Of a trail that was deleted while nobody looked, what was delivered gets its place. How to go on, nothing tells.
        for (const file of undigested(delivery)) tolerate(() => buckets.place(file));
        await forgetDelivery(store, key);
      }
    }
  }

  function tolerate(work: () => void): void {
    try {
      work();
    } catch (err) {
      log.warn({ err }, 'what a crash left of a trail cannot be put in order');
    }
  }

  function follow(key: string, trail: TrailRecord, delivery: TrailDeliveryRecord): Course {
    const course: Course = {
      followed: followTrail(key, { trail, delivery }, options),
      dueMs: 0,
      digestDueMs: 0,
      failures: new Map(),
    };
    courses.set(key, course);
    return course;
  }

  /** Brings what is followed in line with the trails that there are. */
  async function lookForChanges(): Promise<void> {
    const now = readUpTo();
    const current = epoch.current();
    if (current !== seenEpoch) await followTrails();
    seenEpoch = current;
    before = now;
  }

  async function followTrails(): Promise<void> {
    const trails = await records.all(trailsTable);
    for (const [key, course] of courses) {
      const trail = trails.get(key);
      if (!records.isUnreadable(key) && !isSame(course.followed.trail, trail)) await change(course, trail);
    }
    const startedBefore = started;
    started = new Map(Array.from(trails, ([key, trail]) => [key, trail?.startedLoggingAtMs]));
    for (const [key, trail] of trails) {
      // One that is stopped now may have logged since the look before.
      const hasBegun =
        trail?.isLogging === true || (seenEpoch !== undefined && started.get(key) !== startedBefore.get(key));
      if (trail === undefined || !hasBegun || courses.has(key)) continue;
      // One that was started while nobody looked is looked for everywhere: the times of events tell what is of its own.
      const from = seenEpoch === undefined ? {} : Object.fromEntries(before);
      const course = follow(key, trail, newDelivery(trail, from));
      course.dueMs = nextDue(trail.startedLoggingAtMs ?? clock.now());
      // So that a crash before its first delivery takes nothing from it.
      await attempt(course, 'log', () => course.followed.adopt(trail, clock.now()));
      if (course.followed.isEnded) await deliver([course]);
      await endIfDone(course);
    }
  }

  /** What was recorded before the change is delivered as the trail was then. */
  async function change(course: Course, trail: TrailRecord | undefined): Promise<void> {
    const { followed } = course;
    const noticedAtMs = clock.now();
    const isAnother = trail?.createdAtMs !== followed.trail.createdAtMs;
    followed.noteLogging(isAnother ? undefined : trail);
    await deliver([course]);
    if (isAnother || (followed.trail.logFileValidation && trail?.logFileValidation === false)) {
      await attempt(course, 'digest', () => countDigests(followed.endDigests(clock.now())));
    }
    if (isAnother) return end(course, true);
    await attempt(course, 'log', () => followed.adopt(trail, noticedAtMs));
    await endIfDone(course);
  }

  /** A trail that was stopped is done with once all of it has been delivered. */
  async function endIfDone(course: Course): Promise<void> {
    if (!course.followed.isEnded || course.failures.has('log')) return;
    if (await attempt(course, 'digest', () => countDigests(course.followed.endDigests(clock.now())))) {
      await end(course, false);
    }
  }

  async function end({ followed }: Course, isDeleted: boolean): Promise<void> {
    courses.delete(followed.key);
    await followed.forget(isDeleted);
  }

  async function countDigests(digests: Promise<number>): Promise<void> {
    metrics.delivered('digest', await digests, clock.now());
  }

  /** Delivers to these trails all that is recorded up to now, those that are equally far by one reading. */
  async function deliver(due: readonly Course[]): Promise<void> {
    const groups: Course[][] = [];
    for (const course of due) {
      const group = groups.find(
        (each) =>
          each.length < MOST_TRAILS_AT_ONCE &&
          areSame((each[0] as Course).followed.positions, course.followed.positions),
      );
      if (group === undefined) groups.push([course]);
      else group.push(course);
    }
    for (const group of groups) await deliverGroup(group);
  }

  async function deliverGroup(group: readonly Course[]): Promise<void> {
    const active = new Set(group);
    const from = (group[0] as Course).followed.positions;
    let reached = from;

    async function forEach(work: (followed: FollowedTrail) => Promise<void> | void): Promise<void> {
      for (const course of active) {
        if (!(await attempt(course, 'log', async () => work(course.followed)))) active.delete(course);
      }
    }

    for await (const { records, positions } of readStreams(directory, from, written)) {
      reached = positions;
      await forEach(async (followed) => {
        for (const { record, json } of records) followed.take(record, json);
        if (await followed.write()) await deliverOne(followed, reached);
      });
      if (active.size === 0) return;
    }
    await forEach((followed) => deliverOne(followed, reached));
    for (const course of active) await succeeded(course, 'log');
  }

  async function deliverOne(followed: FollowedTrail, reached: Positions): Promise<void> {
    const files = await followed.deliver(reached);
    const nowMs = clock.now();
    metrics.delivered('log', files, nowMs);
    if (files > 0) await followed.note({ latestDeliveryAttemptAtMs: nowMs, latestDeliveryAtMs: nowMs });
  }

  async function deliverDigests(course: Course): Promise<void> {
    const { followed } = course;
    const due = followed.dueDigests(clock.now());
    if (due.length === 0 || course.digestDueMs > clock.now()) return;
    const done = await attempt(course, 'digest', async () => {
      for (const region of due) {
        await followed.deliverDigest(region, clock.now());
        metrics.delivered('digest', 1, clock.now());
      }
      await followed.note({ latestDigestDeliveryAtMs: clock.now() });
    });
    if (done) await succeeded(course, 'digest');
  }

  /** What no trail has yet to deliver. */
  function tellConsumed(): void {
    for (const [stream, { sequence }] of readUpTo()) {
      const behind = Array.from(courses.values(), ({ followed }) => followed.positions[stream]?.sequence ?? 0);
      consumed(stream, Math.min(sequence, ...behind));
    }
  }

  function nextDue(nowMs: number): number {
    return nowMs - (nowMs % intervalMs) + intervalMs;
  }

  async function work(): Promise<void> {
    await lookForChanges();
    const nowMs = clock.now();
    // A clock that was set back must not put it off for longer than usual.
    const due = [...courses.values()].filter(({ dueMs }) => dueMs <= nowMs || dueMs > nowMs + intervalMs);
    for (const course of due) course.dueMs = nextDue(nowMs);
    await deliver(due);
    for (const course of courses.values()) await deliverDigests(course);
    for (const course of due) await endIfDone(course);
    tellConsumed();
    metrics.failing([...courses.values()].filter(({ failures }) => failures.size > 0).length);
  }

  async function run(): Promise<void> {
    let isResumed = false;
    while (!stopping) {
      try {
        if (!isResumed) await resume();
        isResumed = true;
        await work();
      } catch (err) {
        log.error({ err }, 'trails cannot be delivered; it will be tried again');
      }
      const waited = new AbortController();
      wake = () => waited.abort();
      if (!stopping) await pause(LOOK_MS, undefined, { signal: waited.signal }).catch(() => {});
    }
    try {
      await lookForChanges();
      await deliver([...courses.values()]);
    } catch (err) {
      log.error({ err }, 'trails are not delivered to the end; the next start goes on with them');
    }
  }

  const running = run();
  return {
    async stop() {
      stopping = true;
      wake();
      await running;
    },
  };
}

/** Without those of streams that are not as long any more: someone has begun them anew. */
function stillThere(positions: Positions, directory: string): Positions {
  const ends = endsOfStreams(directory);
  return Object.fromEntries(
    Object.entries(positions).filter(([stream, { sequence }]) => sequence <= (ends.get(stream)?.sequence ?? 0)),
  );
}

function isSame(a: TrailRecord, b: TrailRecord | undefined): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
