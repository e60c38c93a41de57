import { setTimeout as pause } from 'node:timers/promises';
import type { Logger } from 'pino';
import { followStream, type StreamFollower } from '../../audit/follow-stream.ts';
import { recordOf } from '../../audit/record.ts';
import { streamsOf } from '../../audit/stream-files.ts';
import { BEGINNING, endOfStream, type StreamPosition } from '../../audit/stream-position.ts';
import { monotonicMs } from '../../runtime/clock.ts';
import type { FollowedRecord, RecordConsumer } from './record-consumer.ts';

/**
 * Hands the records of all streams to their consumers, soon after they were written. They are read and parsed once for all
 * of them, from the position of the one that is furthest behind.
 */
export interface RecordFeed {
  /** Of each stream, behind the last line that was handed over. */
  positions(): ReadonlyMap<string, StreamPosition>;
  /** Reads what is there to its end, has it flushed, and ends. */
  stop(): Promise<void>;
}

export interface RecordFeedOptions {
  /** The audit directory. */
  readonly directory: string;
  readonly consumers: readonly RecordConsumer[];
  /** Up to which sequence a stream is written for good. */
  readonly written: (stream: string) => number;
  /** Told up to which line of a stream all consumers have flushed what they had. */
  readonly consumed?: (stream: string, sequence: number) => void;
  readonly log: Logger;
}

const IDLE_MS = 100;
const FLUSH_INTERVAL_MS = 1000;
const LOOK_FOR_STREAMS_MS = 1000;

interface FollowedStream {
  readonly follower: StreamFollower;
  /** Of each consumer, the last record that it has had. */
  readonly had: Map<RecordConsumer, number>;
  /** And the last one of which it has flushed what it made. */
  readonly flushed: Map<RecordConsumer, number>;
}

export function startRecordFeed({ directory, consumers, written, consumed, log }: RecordFeedOptions): RecordFeed {
  const streams = new Map<string, FollowedStream>();
  let stopping = false;
  let unflushed = false;
  let nextFlushMs = 0;
  let nextLookMs = 0;
  /** A stream that begins later is followed from its first record on, however late it is noticed. */
  let begun = false;

  function follow(stream: string): FollowedStream {
    // Where that cannot be told, everything is new rather than nothing.
    const now = begun ? BEGINNING : (endOfStream(directory, stream) ?? BEGINNING);
    const positions = new Map(consumers.map((each) => [each, each.position?.(stream) ?? now]));
    const after = [...positions.values()].reduce((a, b) => (a.sequence <= b.sequence ? a : b), now);
    const onGap = (due: number, found: number | undefined) =>
      log.error({ stream, due, found }, 'the audit stream has been changed: keyhold audit verify tells more');
    const follower = followStream({
      directory,
      stream,
      after,
      written: () => written(stream),
      onGap,
    });
    const had = new Map(Array.from(positions, ([each, { sequence }]) => [each, sequence]));
    consumed?.(stream, after.sequence);
    return { follower, had, flushed: new Map(had) };
  }

  function lookForStreams(): void {
    for (const stream of streamsOf(directory)) if (!streams.has(stream)) streams.set(stream, follow(stream));
    begun = true;
  }

  /** Gives whether there was anything. */
  function readOnce(): boolean {
    let any = false;
    for (const { follower, had } of streams.values()) {
      for (const line of follower.read()) {
        any = true;
        const record = recordOf(line.text);
        // What comes after such a line is read all the same.
        if (record !== undefined) hand({ ...line, record }, had);
      }
    }
    unflushed ||= any;
    return any;
  }

  function hand(record: FollowedRecord, had: Map<RecordConsumer, number>): void {
    for (const consumer of consumers) {
      if (record.sequence <= (had.get(consumer) ?? 0)) continue;
      had.set(consumer, record.sequence);
      try {
        consumer.take(record);
      } catch (err) {
        log.error({ err, consumer: consumer.name }, 'a record of the audit trail was not taken');
      }
    }
  }

  async function flush(): Promise<void> {
    unflushed = false;
    for (const consumer of consumers) {
      const had = Array.from(streams.values(), (each) => [each.flushed, each.had.get(consumer) ?? 0] as const);
      try {
        await consumer.flush?.();
        for (const [flushed, sequence] of had) flushed.set(consumer, sequence);
      } catch (err) {
        unflushed = true;
        log.error(
          { err, consumer: consumer.name },
          'what was made of the audit trail cannot be kept; it will be tried again',
        );
      }
    }
    for (const [stream, { follower, flushed }] of streams) {
      consumed?.(stream, Math.min(follower.position().sequence, ...flushed.values()));
    }
  }

  async function run(): Promise<void> {
    for (;;) {
      // Whatever was written before the stop is read after it.
      const last = stopping;
      const nowMs = monotonicMs();
      try {
        if (last || nowMs >= nextLookMs) {
          lookForStreams();
          nextLookMs = nowMs + LOOK_FOR_STREAMS_MS;
        }
        const any = readOnce();
        if (unflushed && (last || nowMs >= nextFlushMs)) {
          await flush();
          nextFlushMs = monotonicMs() + FLUSH_INTERVAL_MS;
        }
        if (any) await pause(0);
        else if (last) return;
        else await pause(IDLE_MS);
      } catch (err) {
        log.error({ err }, 'the audit trail cannot be read; it will be tried again');
        if (last) return;
        await pause(FLUSH_INTERVAL_MS);
      }
    }
  }

  const running = run();
  return {
    positions: () => new Map(Array.from(streams, ([stream, { follower }]) => [stream, follower.position()])),
    async stop() {
      stopping = true;
      await running;
      for (const { follower } of streams.values()) follower.close();
    },
  };
}
