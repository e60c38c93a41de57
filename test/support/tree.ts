import { createHash } from 'node:crypto';
import { lstatSync, readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';

/** Everything below a directory, by path: its kind, its mode and the hash of what it holds. Two of them are equal or not. */
export function treeOf(root: string): Record<string, string> {
  const tree: Record<string, string> = {};
  for (const path of filesAndDirectories(root)) {
    const stat = lstatSync(path);
    const mode = (stat.mode & 0o777).toString(8);
    const what = stat.isFile() ? createHash('sha256').update(readFileSync(path)).digest('hex') : 'directory';
    tree[relative(root, path) || '.'] = `${mode} ${what}`;
  }
  return tree;
}

/** The paths of the files below a directory. */
export function filesBelow(root: string): string[] {
  return filesAndDirectories(root).filter((path) => lstatSync(path).isFile());
}

function filesAndDirectories(path: string): string[] {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return [];
  if (!stat.isDirectory()) return [path];
  return [
    path,
    ...readdirSync(path)
      .sort()
      .flatMap((name) => filesAndDirectories(join(path, name))),
  ];
}
