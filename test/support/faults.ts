import { spawnSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { KMSServiceException } from '@aws-sdk/client-kms';
import { expect } from 'vitest';
import { verifyAuditDirectory } from '../../src/audit/verify.ts';
import { runToEnd } from './server.ts';

/** Disks that fail, and what a server must have done all the same. Most of it takes root: tests without it are skipped. */

/** The request ids of what was answered with a result. */
export type Answered = Set<string>;

export async function succeed(
  use: Promise<{ $metadata: { requestId?: string | undefined } }>,
  answered: Answered,
): Promise<void> {
  answered.add((await use).$metadata.requestId ?? 'an answer without a request id');
}

export async function expectFault(use: Promise<unknown>): Promise<void> {
  const error = await use.then(
    () => undefined,
    (cause: unknown) => cause,
  );
  expect(error).toBeInstanceOf(KMSServiceException);
  const { name, message, $metadata } = error as KMSServiceException;
  expect({ name, message, status: $metadata.httpStatusCode }).toEqual({
    name: 'KMSInternalException',
    message: 'The request was rejected because of an internal error. Try again.',
    status: 500,
  });
}

/** Uses until there is a fault. */
export async function untilFault(use: () => Promise<unknown>): Promise<void> {
  for (;;) {
    const error = await use().then(
      () => undefined,
      (cause: unknown) => cause,
    );
    if (error === undefined) continue;
    await expectFault(Promise.reject(error));
    return;
  }
}

/** The chain is whole, and every answered request is in it; and `keyhold audit verify` proves it. */
export async function expectAudited(dataDir: string, answered: Answered): Promise<void> {
  const missing = new Set(answered);
  const verdicts = await verifyAuditDirectory(join(dataDir, 'audit'), ({ requestID }) =>
    missing.delete(requestID ?? ''),
  );
  expect(verdicts.map(({ problem }) => problem)).toEqual([undefined]);
  expect([...missing]).toEqual([]);
  const { status, stdout, stderr } = await runToEnd(['audit', 'verify', '--data-dir', dataDir]);
  const verified = { status: 0, stdout: expect.stringContaining('Verified up to signed heads'), stderr: '' };
  expect({ status, stdout, stderr }).toEqual(verified);
}

/** Takes all the room there is, but for `leaveBytes`. */
export function fillUp(path: string, leaveBytes = 0): void {
  const reserve = `${path}-reserve`;
  const write = (file: string, bytes: number): number => {
    const fd = openSync(file, 'a');
    try {
      return writeSync(fd, Buffer.alloc(bytes));
    } finally {
      closeSync(fd);
    }
  };
  if (leaveBytes > 0) write(reserve, leaveBytes);
  untilNoSpace(() => write(path, 4096));
  rmSync(reserve, { force: true });
}

/** Makes empty files until the file system has no more. Gives their paths. */
export function takeAllFiles(path: string): string[] {
  const taken: string[] = [];
  untilNoSpace(() => {
    const file = `${path}-${taken.length}`;
    closeSync(openSync(file, 'wx'));
    return taken.push(file);
  });
  return taken;
}

function untilNoSpace(take: () => number): void {
  try {
    while (take() > 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
  }
}

/** @returns whether it could be done */
export function mountTmpfs(path: string, options: string): boolean {
  return spawnSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', path]).status === 0;
}

/** Whatever is mounted there, also several things one over the other. */
export function unmount(path: string): void {
  while (spawnSync('umount', [path]).status === 0);
}

/** Makes a directory read-only for whoever comes by its path from now on. */
export function mountReadOnly(path: string): void {
  const mount = (...args: string[]) => spawnSync('mount', args, { encoding: 'utf8' });
  if (mount('--bind', path, path).status !== 0) throw new Error(`${path} cannot be mounted`);
  for (let attempt = 1; ; attempt++) {
    const { status, stderr } = mount('-o', 'remount,ro,bind', path);
    if (status === 0) return;
    // Someone has opened a file for writing since; the server does so when it signs, for a moment.
    if (!stderr.includes('busy') || attempt === 100) throw new Error(`mount: ${stderr}`);
  }
}

/** Whether file systems can be mounted, which takes root and the right to do so. */
export const canMount = tried((path) => {
  const mounted = mountTmpfs(path, 'size=4096');
  unmount(path);
  return mounted;
});

/** Makes a file immutable, also for those who have it open, root included; or no longer. */
export function setImmutable(path: string, immutable: boolean): boolean {
  return spawnSync('chattr', [immutable ? '+i' : '-i', path]).status === 0;
}

/** Whether `setImmutable` keeps root from writing to a file that is open. */
export const canMakeImmutable = tried((path) => {
  const file = join(path, 'file');
  const fd = openSync(file, 'a');
  try {
    if (!setImmutable(file, true)) return false;
    writeSync(fd, 'x');
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  } finally {
    closeSync(fd);
    setImmutable(file, false);
  }
});

function tried(attempt: (path: string) => boolean): boolean {
  const path = mkdtempSync(join(tmpdir(), 'keyhold-test-'));
  try {
    return attempt(path);
  } finally {
    rmSync(path, { recursive: true });
  }
}
