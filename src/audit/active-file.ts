import {
  closeSync,
  existsSync,
  fstatSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  renameSync,
  type Stats,
  statSync,
} from 'node:fs';
import type { Clock } from '../runtime/clock.ts';
import { KeyholdError } from '../runtime/errors.ts';
import { type ChainLink, genesis } from './hash-chain.ts';
import { closedFile, firstSequenceIn, streamFile } from './stream-files.ts';
import { headOfClosed, readTail } from './stream-tail.ts';

/** The file of a stream that is appended to: how it is found after a crash, begun, and closed under its last name. */

/** When a file is closed and another one begun; Infinity where that is no reason. */
export interface Rotation {
  readonly maxBytes: number;
  /** Since its first line was written. */
  readonly maxAgeMs: number;
}

/** It never is. */
export const noRotation: Rotation = { maxBytes: Number.POSITIVE_INFINITY, maxAgeMs: Number.POSITIVE_INFINITY };

export interface ActiveFile {
  readonly fd: number;
  /** Of its whole lines, in bytes. */
  size: number;
  /** The sequence of its first line, which it will be called after; undefined if there stands something else. */
  readonly first: number | undefined;
  /** When its first line was written. */
  begunMs: number;
}

export interface RecoveredFile {
  readonly head: ChainLink;
  readonly file: ActiveFile;
  /** What was cut off. */
  readonly tornBytes: number;
}

const FILE_MODE = 0o600;

/**
 * Opens the file, finds the newest whole line, cuts off what a crash left behind it, and gives the link to go on from.
 *
 * @throws KeyholdError AuditUnavailable if the file cannot be opened, or does not end in a record of this stream
 */
export function recoverFile(directory: string, stream: string): RecoveredFile {
  const fd = openForAppending(directory, streamFile(directory, stream));
  try {
    const { head: found, size, tornBytes } = readTail(fd, stream);
    if (tornBytes > 0) ftruncateSync(fd, size);
    // Where a file was closed and nothing came after it, that one has the head.
    const head = size > 0 ? found : (headOfClosed(directory, stream) ?? genesis(stream));
    const first = size > 0 ? firstSequenceIn(fd) : head.sequence + 1;
    return { head, file: { fd, size, first, begunMs: begunMsOf(fstatSync(fd)) }, tornBytes };
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

function openForAppending(directory: string, path: string): number {
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    return openSync(path, 'a+', FILE_MODE);
  } catch (cause) {
    throw new KeyholdError('AuditUnavailable', `the audit file cannot be opened: ${(cause as Error).message}`, {
      cause,
    });
  }
}

/** A new file, which will follow `head`. Throws what the file system throws, also if there is one already. */
export function beginFile(directory: string, stream: string, head: ChainLink, clock: Clock): ActiveFile {
  const fd = openSync(streamFile(directory, stream), 'ax+', FILE_MODE);
  return { fd, size: 0, first: head.sequence + 1, begunMs: clock.now() };
}

export function isDue({ size, begunMs }: ActiveFile, { maxBytes, maxAgeMs }: Rotation, clock: Clock): boolean {
  return size > 0 && (size >= maxBytes || clock.now() - begunMs >= maxAgeMs);
}

/** Whether the file that a stream is appended to is to be closed when it is opened next. */
export function isDueAtOpening(directory: string, stream: string, rotation: Rotation, clock: Clock): boolean {
  const file = statSync(streamFile(directory, stream), { throwIfNoEntry: false });
  return (
    file !== undefined &&
    isDue({ fd: -1, size: file.size, first: undefined, begunMs: begunMsOf(file) }, rotation, clock)
  );
}

/**
 * Gives the file the name that it keeps. It is not closed.
 *
 * INVARIANT: all of it is on the disk.
 *
 * @throws KeyholdError AuditUnavailable if it is not the file that is there, or another one has the name; what the file
 * system throws
 */
export function nameClosed(directory: string, stream: string, { fd, first }: ActiveFile): void {
  const path = streamFile(directory, stream);
  if (first === undefined || statSync(path).ino !== fstatSync(fd).ino) throw notOurs(path);
  const closedPath = closedFile(directory, stream, first);
  // rename() would replace it silently.
  if (existsSync(closedPath)) throw notOurs(closedPath);
  renameSync(path, closedPath);
}

function notOurs(path: string): KeyholdError {
  return new KeyholdError('AuditUnavailable', `${path} is not the file that was written to`);
}

/** Not every file system tells when a file was made. */
function begunMsOf({ birthtimeMs, mtimeMs }: Stats): number {
  return birthtimeMs || mtimeMs;
}
