import { closeSync, fsyncSync, linkSync, openSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { dirname } from 'node:path';

/**
 * Writes a whole file with mode 0600 so that a crash leaves either the old content or the new, never half of it: into a
 * temporary neighbour first, to the disk, then under its name, and the directory to the disk as well.
 *
 * @param options.exclusive fails with EEXIST if the file is there already
 */
export function writeFileDurably(
  path: string,
  content: string | Uint8Array,
  options: { exclusive?: boolean } = {},
): void {
  const temporary = `${path}.new`;
  rmSync(temporary, { force: true });
  const fd = openSync(temporary, 'wx', 0o600);
  try {
    // Not writeSync(), which writes less than it was given when the disk fills up, and says so only by what it returns.
    writeFileSync(fd, content);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
  if (options.exclusive === true) {
    // rename() would replace silently; link() refuses.
    try {
      linkSync(temporary, path);
    } finally {
      rmSync(temporary, { force: true });
    }
  } else {
    renameSync(temporary, path);
  }
  syncDirectory(dirname(path));
}

/** Makes sure that what files a directory holds, and what they are called, outlives a power cut. */
export function syncDirectory(path: string): void {
  // Windows cannot open a directory, and does not need this.
  if (process.platform === 'win32') return;
  const fd = openSync(path, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/** The same, off the event loop. */
export async function syncDirectorySoon(path: string): Promise<void> {
  if (process.platform === 'win32') return;
  const directory = await open(path, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
