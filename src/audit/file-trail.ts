import { closeSync, fdatasync, fdatasyncSync, ftruncateSync, writeSync } from 'node:fs';
import { promisify } from 'node:util';
import { type Clock, systemClock } from '../runtime/clock.ts';
import { syncDirectory, syncDirectorySoon } from '../runtime/durable-file.ts';
import { KeyholdError } from '../runtime/errors.ts';
import {
  type ActiveFile,
  beginFile,
  isDue,
  nameClosed,
  noRotation,
  type Rotation,
  recoverFile,
} from './active-file.ts';
import type { AuditTrail } from './audit-trail.ts';
import { type ChainLink, chainLine, linkOf } from './hash-chain.ts';
import { streamFile } from './stream-files.ts';

const LINE_FEED = 0x0a;
const KEPT_BUFFER_BYTES = 256 * 1024;
/** How long a written record may stay in the operating system's memory before it is on the disk. */
const SYNC_INTERVAL_MS = 1000;
/** How long a file that could not be closed is written to before that is tried again. */
const ROTATION_RETRY_MS = 5000;

const syncData = promisify(fdatasync);

export interface FileTrailOptions {
  readonly directory: string;
  /** Letters and digits; names the stream and its file. No two open trails may share it. */
  readonly stream: string;
  /** Told when a file's end was torn by a crash and has been cut off: `bytes` that nobody was ever answered for. */
  readonly onTornTail?: (path: string, bytes: number) => void;
  readonly onSyncFailure?: (path: string, cause: unknown) => void;
  /** Absent, the file only grows. */
  readonly rotation?: Rotation;
  /** Told when a file could not be closed: it is written to as before, and soon that is tried again. */
  readonly onRotationFailure?: (path: string, cause: unknown) => void;
  /** Of the files' age. */
  readonly clock?: Clock;
  /** Told of the last line that is in the file for good: when it is opened, and after each write. It is quick. */
  readonly onWritten?: (sequence: number) => void;
  /** Told how far the stream is on the disk: when it is opened, after each sync, and at close. */
  readonly onSynced?: (head: ChainLink) => void;
}

export interface FileTrail extends AuditTrail {
  /** The link that the next line will follow. */
  head(): ChainLink;
}

/**
 * An append-only file of chained lines with group commit: all records appended within one turn of the event loop go out in
 * one write(2), and only then are their requests answered. A crash of the process loses nothing that was answered. The
 * file is synced to the disk every second and at close, so a power cut can lose the last second's records, never the
 * chain's consistency (`docs/decisions/0004-audit-durability.md`). A file that is large or old is closed and another begun,
 * with which the chain goes on (`docs/decisions/0016-audit-files-rotate.md`).
 *
 * INVARIANT: a line is written only behind the whole line that `head` describes. What a failed write left behind it, and
 * nobody was answered for, is cut off first; as long as that fails, so does every append.
 *
 * INVARIANT: nothing is written to a new file before all of the old one is on the disk, so that no power cut leaves the
 * later lines without the earlier ones.
 *
 * @throws KeyholdError AuditUnavailable if the file cannot be opened, or does not end in a record of this stream
 */
export function openFileTrail(options: FileTrailOptions): FileTrail {
  const { directory, stream, rotation = noRotation, clock = systemClock } = options;
  const path = streamFile(directory, stream);
  const recovered = recoverFile(directory, stream);
  if (recovered.tornBytes > 0) options.onTornTail?.(path, recovered.tornBytes);

  let { head } = recovered;
  /** Undefined from when a file was closed until there is something to write to the next one. */
  let file: ActiveFile | undefined = recovered.file;
  let waiting: string[] = [];
  let batch = newBatch();
  let scheduled = false;
  let closed = false;
  /** A write has failed, perhaps half-way: what stands behind `size` is cut off before anything else is written. */
  let torn = false;
  /** Lines are written here, hashed here, and go to the file from here: no copy of them is made. */
  let buffer = Buffer.allocUnsafeSlow(KEPT_BUFFER_BYTES);

  let unsynced = false;
  /** What the files are called may not be on the disk yet. */
  let unsyncedNames = true;
  let syncing = false;
  let noRotationBeforeMs = Number.NEGATIVE_INFINITY;

  if (mayRotate()) tryToRotate();
  if (options.onSynced !== undefined) {
    // After a crash, the newest lines may still be in the operating system's memory alone.
    syncNow();
    options.onSynced(head);
  }
  options.onWritten?.(head.sequence);

  const syncTimer = setInterval(() => {
    if (mayRotate()) void rotateSoon();
    else if (unsynced || unsyncedNames) void sync();
  }, SYNC_INTERVAL_MS);
  syncTimer.unref();

  function syncNow(): void {
    if (file !== undefined) fdatasyncSync(file.fd);
    if (unsyncedNames) syncDirectory(directory);
    unsyncedNames = false;
  }

  /** Does not hold up the writing. */
  async function sync(): Promise<void> {
    if (syncing) return;
    const [written, names] = [head, unsyncedNames];
    syncing = true;
    unsynced = false;
    unsyncedNames = false;
    try {
      if (file !== undefined) await syncData(file.fd);
      if (names) await syncDirectorySoon(directory);
      options.onSynced?.(written);
    } catch (cause) {
      unsynced = true;
      unsyncedNames ||= names;
      options.onSyncFailure?.(path, cause);
    } finally {
      syncing = false;
    }
  }

  function mayRotate(): boolean {
    return !closed && file !== undefined && isDue(file, rotation, clock) && clock.now() >= noRotationBeforeMs;
  }

  /** Most of the file goes to the disk while it is still written to; what came meanwhile is all that writing waits for. */
  async function rotateSoon(): Promise<void> {
    if (syncing) return;
    await sync();
    if (mayRotate()) tryToRotate();
  }

  function tryToRotate(): void {
    try {
      rotate();
    } catch (cause) {
      noRotationBeforeMs = clock.now() + ROTATION_RETRY_MS;
      options.onRotationFailure?.(path, cause);
    }
  }

  function rotate(): void {
    if (file === undefined) return;
    const { fd } = file;
    cutOffTorn();
    fdatasyncSync(fd);
    nameClosed(directory, stream, file);
    file = undefined;
    unsyncedNames = true;
    closeSync(fd);
  }

  function flush(): void {
    scheduled = false;
    if (waiting.length === 0) return;
    const records = waiting;
    const settled = batch;
    waiting = [];
    batch = newBatch();
    try {
      let link = head;
      let length = 0;
      for (const record of records) {
        const line = chainLine(stream, link, record);
        // UTF-8 takes at most three bytes for one UTF-16 code unit.
        buffer = withRoomFor(buffer, length, 3 * line.length + 1);
        const start = length;
        length += buffer.write(line, start, 'utf8');
        link = linkOf(link, buffer.subarray(start, length));
        buffer[length++] = LINE_FEED;
      }
      if (file === undefined) {
        file = beginFile(directory, stream, head, clock);
        unsyncedNames = true;
      }
      cutOffTorn();
      torn = true;
      writeWhole(file.fd, buffer.subarray(0, length));
      torn = false;
      if (file.size === 0) file.begunMs = clock.now();
      file.size += length;
      if (buffer.length > KEPT_BUFFER_BYTES) buffer = Buffer.allocUnsafeSlow(KEPT_BUFFER_BYTES);
      head = link;
      unsynced = true;
      options.onWritten?.(head.sequence);
      settled.resolve();
      if (file.size >= rotation.maxBytes && mayRotate()) void rotateSoon();
    } catch (cause) {
      settled.reject(new KeyholdError('AuditUnavailable', 'the audit trail cannot be written', { cause }));
      try {
        cutOffTorn();
      } catch {
        // Then before the next write, which fails if this does.
      }
    }
  }

  function cutOffTorn(): void {
    if (!torn || file === undefined) return;
    ftruncateSync(file.fd, file.size);
    torn = false;
  }

  return {
    head: () => head,
    append(recordJson) {
      if (closed) return Promise.reject(new KeyholdError('AuditUnavailable', 'the audit trail is closed'));
      waiting.push(recordJson);
      if (!scheduled) {
        scheduled = true;
        // After the sockets that are readable now have been read: their requests share this write.
        setImmediate(flush);
      }
      return batch.promise;
    },
    async close() {
      if (closed) return;
      flush();
      closed = true;
      clearInterval(syncTimer);
      while (syncing) await new Promise((resolve) => setTimeout(resolve, 5));
      syncNow();
      if (file !== undefined) closeSync(file.fd);
      options.onSynced?.(head);
    },
  };
}

/** The same buffer, or a larger one with the same first `used` bytes. */
function withRoomFor(buffer: Buffer<ArrayBuffer>, used: number, more: number): Buffer<ArrayBuffer> {
  if (used + more <= buffer.length) return buffer;
  const larger = Buffer.allocUnsafeSlow(Math.max(2 * buffer.length, used + more));
  buffer.copy(larger, 0, 0, used);
  return larger;
}

function newBatch(): PromiseWithResolvers<void> {
  const batch = Promise.withResolvers<void>();
  // Every append returns this promise and awaits it; a batch nobody joined must not count as unhandled.
  batch.promise.catch(() => {});
  return batch;
}

/** Writes all of `bytes` at the end of the file. */
function writeWhole(fd: number, bytes: Uint8Array): void {
  let written = 0;
  while (written < bytes.length) written += writeSync(fd, bytes, written);
}
