import {
  createWriteStream,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  type Stats,
  statSync,
  type WriteStream,
} from 'node:fs';
import { join } from 'node:path';
import { syncDirectory, writeFileDurably } from '../../../runtime/durable-file.ts';
import { KeyholdError } from '../../../runtime/errors.ts';
import { fileOf, isBucketName, isKeyPrefix, type ObjectName } from './object-names.ts';

/**
 * Buckets as directories below `--trail-dir`: an object is the file that its key leads to. Files whose names begin with a
 * dot are none: `.incomplete/` of a bucket has what is being written, and `.<file>.metadata` what S3 would keep as an
 * object's metadata.
 *
 * INVARIANT: nothing is made or written outside of `--trail-dir`. Each part of a path is looked at by itself, and each
 * directory on the way is a directory and no link to one.
 */
export interface BucketDirectory {
  /** A new file for an object that is not complete yet. Throws what the system says. */
  openIncomplete(name: ObjectName): WriteStream;
  /** Gives a complete object its name, for good. An object that has it already is left alone. */
  place(name: ObjectName): void;
  isIncomplete(name: ObjectName): boolean;
  discard(name: ObjectName): void;
  /** Removes what a crash left of an account's incomplete objects, but for those that `isWanted`. */
  sweep(bucket: string, accountId: string, isWanted: (file: string) => boolean): void;
  /** Writes a whole object with metadata, for good. */
  put(name: ObjectName, content: Uint8Array, metadata: Readonly<Record<string, string>>): void;
}

/** What is not there is made with the first file. Throws StartupRefused if something else is there. */
export function checkTrailDir(root: string): void {
  let found: Stats;
  try {
    found = statSync(root);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw new KeyholdError('StartupRefused', `--trail-dir: ${(cause as Error).message}`, { cause });
  }
  if (!found.isDirectory()) throw new KeyholdError('StartupRefused', `--trail-dir ${root} is not a directory`);
}

const INCOMPLETE = '.incomplete';

export function bucketDirectory(root: string): BucketDirectory {
  /** Makes the directories on the way to an object's file, and gives its path. */
  function pathOf(name: ObjectName): string {
    const parts = name.key.split('/');
    return join(directory(name.bucket, parts.slice(0, -1)), parts.at(-1) as string);
  }

  function directory(bucket: string, parts: readonly string[]): string {
    mkdirSync(root, { recursive: true, mode: 0o700 });
    let path = root;
    for (const part of [bucket, ...parts]) {
      const parent = path;
      path = join(parent, part);
      if (makeDirectory(path)) syncDirectory(parent);
    }
    return path;
  }

  function incompletePath(name: ObjectName): string {
    refuseOdd(name);
    return join(directory(name.bucket, [INCOMPLETE]), fileOf(name));
  }

  function place(name: ObjectName): void {
    const from = incompletePath(name);
    const path = pathOf(name);
    if (existsSync(from)) renameSync(from, path);
    syncDirectory(join(path, '..'));
  }

  return {
    openIncomplete: (name) => createWriteStream(incompletePath(name), { flags: 'wx', mode: 0o600, flush: true }),
    place,
    isIncomplete: (name) => existsSync(incompletePath(name)),
    discard: (name) => rmSync(incompletePath(name), { force: true }),
    sweep(bucket, accountId, isWanted) {
      if (!isBucketName(bucket) || !existsSync(join(root, bucket, INCOMPLETE))) return;
      const path = directory(bucket, [INCOMPLETE]);
      for (const file of readdirSync(path)) {
        if (file.startsWith(`${accountId}_CloudTrail`) && !isWanted(file)) rmSync(join(path, file), { force: true });
      }
    },
    put(name, content, metadata) {
      refuseOdd(name);
      // First, so that who sees the object sees what belongs to it.
      writeFileDurably(join(pathOf(name), '..', `.${fileOf(name)}.metadata`), `${JSON.stringify(metadata)}\n`);
      writeFileDurably(incompletePath(name), content);
      place(name);
    },
  };
}

/** Gives whether it was not there. Throws, as the system would, if something else is. */
function makeDirectory(path: string): boolean {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) {
    mkdirSync(path, { mode: 0o700 });
    return true;
  }
  if (!found.isDirectory()) throw Object.assign(new Error(`${path} is not a directory`), { code: 'ENOTDIR' });
  return false;
}

/** Whatever made the name: it becomes a path only if each part of it can be no other than meant. */
function refuseOdd({ bucket, key }: ObjectName): void {
  const isPlain = isBucketName(bucket) && key.split('/').every((part) => isKeyPrefix(part));
  if (!isPlain) throw Object.assign(new Error('a bucket or a key that cannot be a path'), { code: 'EINVAL' });
}
