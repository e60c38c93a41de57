import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { writeFileDurably } from './durable-file.ts';

let directory: string;
let path: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'keyhold-durable-'));
  path = join(directory, 'file');
});

afterEach(() => rmSync(directory, { recursive: true }));

test('writes the whole content, for its owner alone, and leaves nothing beside it', () => {
  const content = 'é'.repeat(100_000);
  writeFileDurably(path, content);
  expect(readFileSync(path, 'utf8')).toBe(content);
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect(readdirSync(directory)).toEqual(['file']);
});

test('replaces a file, also one that others could read', () => {
  writeFileSync(path, 'old');
  chmodSync(path, 0o644);
  writeFileDurably(path, 'new');
  expect(readFileSync(path, 'utf8')).toBe('new');
  expect(statSync(path).mode & 0o777).toBe(0o600);
});

test('replaces by renaming, so that whoever has the old file open still reads it whole', () => {
  writeFileDurably(path, 'old');
  const before = statSync(path).ino;
  writeFileDurably(path, 'new');
  expect(statSync(path).ino).not.toBe(before);
});

test('an exclusive write never replaces', () => {
  writeFileDurably(path, 'first', { exclusive: true });
  expect(() => writeFileDurably(path, 'second', { exclusive: true })).toThrow(
    expect.objectContaining({ code: 'EEXIST' }),
  );
  expect(readFileSync(path, 'utf8')).toBe('first');
  expect(readdirSync(directory)).toEqual(['file']);
});

test('what a crash left half-written under the temporary name does no harm', () => {
  writeFileSync(`${path}.new`, 'half');
  writeFileDurably(path, 'whole');
  expect(readFileSync(path, 'utf8')).toBe('whole');
  expect(readdirSync(directory)).toEqual(['file']);
});

// A limit on the size of files behaves as a full disk does: the write that reaches it comes up short, the next one fails.
test.skipIf(process.platform === 'win32')(
  'a disk that fills up half-way leaves the old file, not half of the new',
  () => {
    writeFileDurably(path, 'old');
    const module = fileURLToPath(new URL('./durable-file.ts', import.meta.url));
    const script = `
    import { writeFileDurably } from ${JSON.stringify(module)};
    try {
      writeFileDurably(${JSON.stringify(path)}, 'x'.repeat(4096));
      console.log('written');
    } catch (error) {
      console.log(error.code);
    }`;
    const command = `ulimit -f 1 && exec "$0" --input-type=module-typescript --eval "$1"`;
    const said = execFileSync('bash', ['-c', command, process.execPath, script], { encoding: 'utf8', stdio: 'pipe' });
    expect(said.trim()).toBe('EFBIG');
    expect(readFileSync(path, 'utf8')).toBe('old');
  },
);
