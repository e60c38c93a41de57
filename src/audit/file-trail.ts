import { closeSync, fdatasync, fdatasyncSync, ftruncateSync, mkdirSync, openSync, writeSync } from 'node:fs';
import { KeyholdError } from '../runtime/errors.ts';
import type { AuditTrail } from './audit-trail.ts';
import { type ChainLink, chainLine, linkOf } from './hash-chain.ts';
import { streamFile } from './stream-files.ts';
import { readTail, type StreamTail } from './stream-tail.ts';

const LINE_FEED = 0x0a;
const KEPT_BUFFER_BYTES = 256 * 1024;
/** How long a written record may stay in the operating system's memory before it is on the disk. */
const SYNC_INTERVAL_MS = 1000;

export interface FileTrailOptions {
  readonly directory: string;
  /** Letters and digits; names the stream and its file. No two open trails may share it. */
  readonly stream: string;
  /** Told when a file's end was torn by a crash and has been cut off: `bytes` that nobody was ever answered for. */
  readonly onTornTail?: (path: string, bytes: number) => void;
  readonly onSyncFailure?: (path: string, cause: unknown) => void;
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
 * chain's consistency (`docs/decisions/0004-audit-durability.md`).
 *
 * INVARIANT: a line is written only behind the whole line that `head` describes. What a failed write left behind it, and
 * nobody was answered for, is cut off first; as long as that fails, so does every append.
 *
 * @throws KeyholdError AuditUnavailable if the file cannot be opened, or does not end in a record of this stream
 */
export function openFileTrail(options: FileTrailOptions): FileTrail {
  const { directory, stream } = options;
  const path = streamFile(directory, stream);
  const fd = openForAppending(directory, path);
  const recovered = recover(fd, stream);
  if (recovered.tornBytes > 0) options.onTornTail?.(path, recovered.tornBytes);
  if (options.onSynced !== undefined) {
    // After a crash, the newest lines may still be in the operating system's memory alone.
    fdatasyncSync(fd);
    options.onSynced(recovered.head);
  }

  options.onWritten?.(recovered.head.sequence);

  let head = recovered.head;
  let size = recovered.size;
  let waiting: string[] = [];
  let batch = newBatch();
  let scheduled = false;
  let closed = false;
  /** A write has failed, perhaps half-way: what stands behind `size` is cut off before anything else is written. */
  let torn = false;
  /** Lines are written here, hashed here, and go to the file from here: no copy of them is made. */
  let buffer = Buffer.allocUnsafeSlow(KEPT_BUFFER_BYTES);

  let unsynced = false;
  let syncing = false;
  const syncTimer = setInterval(() => {
    if (!unsynced || syncing) return;
    unsynced = false;
    syncing = true;
    const written = head;
    fdatasync(fd, (cause) => {
      syncing = false;
      if (cause === null) return options.onSynced?.(written);
      unsynced = true;
      options.onSyncFailure?.(path, cause);
    });
  }, SYNC_INTERVAL_MS);
  syncTimer.unref();

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
      cutOffTorn();
      torn = true;
      writeWhole(fd, buffer.subarray(0, length));
      torn = false;
      size += length;
      if (buffer.length > KEPT_BUFFER_BYTES) buffer = Buffer.allocUnsafeSlow(KEPT_BUFFER_BYTES);
      head = link;
      unsynced = true;
      options.onWritten?.(head.sequence);
      settled.resolve();
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
    if (!torn) return;
    ftruncateSync(fd, size);
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
      fdatasyncSync(fd);
      closeSync(fd);
      options.onSynced?.(head);
    },
  };
}

function openForAppending(directory: string, path: string): number {
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    return openSync(path, 'a+', 0o600);
  } catch (cause) {
    throw new KeyholdError('AuditUnavailable', `the audit file cannot be opened: ${(cause as Error).message}`, {
      cause,
    });
  }
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

/** Finds the newest whole line, cuts off what a crash left behind it, and gives the link to go on from. */
function recover(fd: number, stream: string): StreamTail {
  const tail = readTail(fd, stream);
  if (tail.tornBytes > 0) ftruncateSync(fd, tail.size);
  return tail;
}
