import { setTimeout as pause, setImmediate as turn } from 'node:timers/promises';
import type { Logger } from 'pino';
import { type FollowedLine, followStream, type StreamFollower } from '../../audit/follow-stream.ts';
import { recordTextOf } from '../../audit/hash-chain.ts';
import { recordOf } from '../../audit/record.ts';
import { streamsOf } from '../../audit/stream-files.ts';
import { BEGINNING, goOnFrom, type StreamPosition } from '../../audit/stream-position.ts';
import { monotonicMs } from '../../runtime/clock.ts';
import { beginPositions, type Positions, type PositionsFile } from './positions.ts';
import type { SinkHealth } from './sink-health.ts';
import type { SinkRecord } from './sink-record.ts';
import { ReceiverBusy, type Transport } from './transport.ts';

/**
 * Sends every record of every stream to one sink, from the audit files and at the sink's own pace: the files are the queue.
 * What is not known to have arrived is read and sent again, so a record can arrive twice, and none is left out. A new sink
 * begins with what is recorded from its first start on.
 */
export interface RunningSink {
  /** Sends what is left, for as long as there is patience, and ends. To be called when nobody writes any more. */
  stop(): Promise<void>;
}

export interface SinkOptions {
  readonly name: string;
  readonly transport: Transport;
  readonly positions: PositionsFile;
  /** The audit directory. */
  readonly directory: string;
  /** Up to which sequence a stream is written for good; infinite where nobody tells. */
  readonly written: (stream: string) => number;
  readonly health: SinkHealth;
  /** Told up to which line of a stream the sink has everything, and it is kept that it has. */
  readonly consumed: (stream: string, sequence: number) => void;
  readonly log: Logger;
}

const IDLE_MS = 100;
const SEND_PATIENCE_MS = 10_000;
const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 5000;
/** However long a receiver asks for. */
const MOST_ASKED_PAUSE_MS = 30_000;
const STOP_PATIENCE_MS = 5000;
const WELL_AFTER_MS = 1000;
const KEEP_INTERVAL_MS = 1000;
const LOOK_FOR_STREAMS_MS = 1000;
/** What waits to be settled is noted that coarsely, so that there are few notes of it. */
const CHECKPOINT_MS = 250;
/** A read brings as much at once, of each stream. */
const CHUNK_BYTES = 64 * 1024;
const MOST_RECORDS = 500;
const MOST_BYTES = 1024 * 1024;

interface Batch {
  readonly records: readonly SinkRecord[];
  /** Lines that are not what a worker wrote, or are gone. */
  readonly lost: number;
  /** When it was read, if there was nothing more then. */
  readonly completeAtMs: number | undefined;
}

interface Sent {
  readonly atMs: number;
  readonly positions: Positions;
}

/** Throws StartupRefused. */
export function startSink({
  name,
  transport,
  positions,
  directory,
  written,
  health,
  consumed,
  log,
}: SinkOptions): RunningSink {
  /** Behind what is known to have arrived. */
  let settled = new Map<string, StreamPosition>();
  const unsettled: Sent[] = [];
  const followers = new Map<string, StreamFollower>();
  let unkept = false;
  let nextKeepMs = 0;
  let nextLookMs = 0;
  let failingSinceMs: number | undefined;
  /** Since when it has taken records again. */
  let takesSinceMs: number | undefined;
  let stopping = false;
  /** Ends pauses. */
  const hurry = new AbortController();
  /** Ends everything. */
  const end = new AbortController();

  begin();

  function begin(): void {
    for (const [stream, kept] of beginPositions(positions, directory)) {
      settled.set(stream, goOnFrom(directory, stream, kept));
    }
    tellConsumed();
  }

  function lookForStreams(): void {
    for (const stream of streamsOf(directory)) {
      if (followers.has(stream)) continue;
      const after = settled.get(stream) ?? BEGINNING;
      settled.set(stream, after);
      const options = { directory, stream, after, written: () => written(stream), chunkBytes: CHUNK_BYTES };
      followers.set(stream, followStream(options));
    }
  }

  /** @param last looks for streams that began a moment ago as well */
  function read(last: boolean): Batch {
    const nowMs = monotonicMs();
    if (last || nowMs >= nextLookMs) {
      lookForStreams();
      nextLookMs = nowMs + LOOK_FOR_STREAMS_MS;
    }
    const records: SinkRecord[] = [];
    let lost = 0;
    let bytes = 0;
    const take = (line: FollowedLine, before: number) => {
      const record = recordOf(line.text);
      lost += line.sequence - before - 1;
      if (record === undefined) lost += 1;
      else records.push({ record, json: recordTextOf(line.text) });
      bytes += line.length;
    };
    const full = () => records.length >= MOST_RECORDS || bytes >= MOST_BYTES;
    for (const [stream, follower] of followers) {
      while (!full()) {
        let { sequence: before } = follower.position();
        const lines = follower.read();
        if (lines.length === 0) break;
        for (const line of lines) {
          take(line, before);
          before = line.sequence;
        }
      }
      if (!full()) continue;
      // The others come first the next time.
      followers.delete(stream);
      followers.set(stream, follower);
      break;
    }
    return { records, lost, completeAtMs: full() ? undefined : nowMs };
  }

  async function send({ records, lost, completeAtMs }: Batch): Promise<void> {
    if (records.length > 0) {
      const patience = AbortSignal.any([end.signal, AbortSignal.timeout(SEND_PATIENCE_MS)]);
      const { refused } = await transport.send(records, patience);
      health.delivered(records.length - refused);
      if (refused > 0) health.lost(refused);
    }
    if (lost > 0) {
      health.lost(lost);
      log.error({ sink: name, lost }, 'records are not in the audit files any more, or not as they were written');
    }
    if (records.length > 0 || lost > 0) {
      noteSent();
      takesSinceMs ??= monotonicMs();
    }
    // Of a datagram to nobody, and of what a receiver's system takes while the receiver dies, is heard a moment later.
    if (
      monotonicMs() - (takesSinceMs ?? Number.POSITIVE_INFINITY) >=
      Math.min(transport.settlesAfterMs, WELL_AFTER_MS)
    ) {
      wellAgain();
    }
    if (completeAtMs !== undefined && failingSinceMs === undefined) health.upToDate(monotonicMs() - completeAtMs);
    health.waiting(countWaiting());
  }

  function noteSent(): void {
    const sent = { atMs: monotonicMs(), positions: currentPositions() };
    const before = unsettled.at(-2);
    // The last note counts from its newest record on; it is replaced as long as the one before it is young.
    if (before !== undefined && sent.atMs - before.atMs < CHECKPOINT_MS) unsettled.pop();
    unsettled.push(sent);
  }

  function currentPositions(): Map<string, StreamPosition> {
    const current = new Map(settled);
    for (const [stream, follower] of followers) current.set(stream, follower.position());
    return current;
  }

  function settle(nowMs: number): void {
    for (let first = unsettled[0]; first !== undefined; first = unsettled[0]) {
      if (nowMs - first.atMs < transport.settlesAfterMs) return;
      settled = new Map(first.positions);
      unsettled.shift();
      unkept = true;
    }
  }

  function keep(): void {
    if (!unkept) return;
    try {
      positions.write(settled);
      unkept = false;
      tellConsumed();
    } catch (err) {
      // Then more is sent twice after a crash.
      log.error({ err, sink: name }, 'how far an audit sink has got cannot be kept; it will be tried again');
    }
  }

  function tellConsumed(): void {
    for (const [stream, { sequence }] of settled) consumed(stream, sequence);
  }

  /** Begins again behind what is known to have arrived. */
  function rewind(): void {
    for (const follower of followers.values()) follower.close();
    followers.clear();
    unsettled.length = 0;
    takesSinceMs = undefined;
    nextLookMs = 0;
  }

  function failed(err: unknown): void {
    health.failed();
    if (failingSinceMs !== undefined) return;
    failingSinceMs = monotonicMs();
    log.error({ err, sink: name }, 'an audit sink fails; it will be tried again');
  }

  function wellAgain(): void {
    if (failingSinceMs === undefined) return;
    const seconds = Math.round((monotonicMs() - failingSinceMs) / 1000);
    failingSinceMs = undefined;
    log.warn({ sink: name, seconds }, 'the audit sink takes records again');
  }

  /** Of the streams whose ends are known. */
  function countWaiting(): number {
    let waiting = 0;
    for (const [stream, { sequence }] of currentPositions()) {
      const ahead = written(stream) - sequence;
      if (Number.isFinite(ahead)) waiting += Math.max(0, ahead);
    }
    return waiting;
  }

  async function run(): Promise<void> {
    let pauseMs = FIRST_PAUSE_MS;
    for (;;) {
      // Whatever was written before the stop is read after it.
      const last = stopping;
      try {
        const broken = transport.broken();
        // Nothing is lost with a connection that had nothing to do: receivers close such.
        if (broken !== undefined && unsettled.length > 0) throw broken;
        health.waiting(countWaiting());
        const batch = read(last);
        await send(batch);
        settle(monotonicMs());
        if (monotonicMs() >= nextKeepMs) {
          keep();
          nextKeepMs = monotonicMs() + KEEP_INTERVAL_MS;
        }
        pauseMs = FIRST_PAUSE_MS;
        if (batch.records.length > 0) await turn();
        else if (last) return;
        else await rest(IDLE_MS);
      } catch (err) {
        failed(err);
        rewind();
        health.waiting(countWaiting());
        if (last) return;
        const askedMs = err instanceof ReceiverBusy ? Math.min(err.pauseMs, MOST_ASKED_PAUSE_MS) : 0;
        await rest(Math.max(pauseMs, askedMs));
        pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS);
      }
    }
  }

  async function rest(ms: number): Promise<void> {
    await pause(ms, undefined, { signal: hurry.signal }).catch(() => {});
  }

  async function finish(): Promise<void> {
    try {
      await transport.close();
      settle(Number.POSITIVE_INFINITY);
    } catch (err) {
      log.warn({ err, sink: name }, 'it is not known whether the last records arrived at an audit sink');
    }
    if (failingSinceMs !== undefined) log.error({ sink: name }, 'an audit sink has not got all records yet');
    keep();
    rewind();
  }

  health.upToDate(0);
  const running = run();
  return {
    async stop() {
      stopping = true;
      hurry.abort();
      const timer = setTimeout(() => end.abort(new Error('the server stops')), STOP_PATIENCE_MS);
      await running;
      clearTimeout(timer);
      await finish();
    },
  };
}
