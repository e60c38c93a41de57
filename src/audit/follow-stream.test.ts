import { appendFileSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type FollowedLine, followStream, type StreamFollower } from './follow-stream.ts';
import { type ChainLink, chainLine, genesis, linkOf } from './hash-chain.ts';
import { closedFile, streamFile } from './stream-files.ts';
import { BEGINNING } from './stream-position.ts';

let directory: string;
let path: string;
let link: ChainLink;
let written: number;
const followers: StreamFollower[] = [];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'keyhold-follow-'));
  path = streamFile(directory, 'w0');
  link = genesis('w0');
  written = 0;
});

afterEach(() => {
  for (const follower of followers.splice(0)) follower.close();
  rmSync(directory, { recursive: true });
});

function append(...texts: readonly string[]): void {
  for (const text of texts) {
    const line = chainLine('w0', link, JSON.stringify({ text }));
    appendFileSync(path, `${line}\n`);
    link = linkOf(link, line);
  }
  written = link.sequence;
}

/** As a worker does when its file has become large. */
function closeFile(): void {
  const [, first] = /"sequence":(\d+)/.exec(readFileSync(path, 'utf8')) as unknown as [string, string];
  renameSync(path, closedFile(directory, 'w0', Number(first)));
}

function follow(after = BEGINNING): StreamFollower {
  const follower = followStream({ directory, stream: 'w0', after, written: () => written });
  followers.push(follower);
  return follower;
}

function textsOf(lines: readonly FollowedLine[]): string[] {
  return lines.map(({ text }) => (JSON.parse(text) as { record: { text: string } }).record.text);
}

/** All that is there, however many reads it takes. */
function readAll(follower: StreamFollower): string[] {
  const texts: string[] = [];
  for (;;) {
    const lines = follower.read();
    if (lines.length === 0) return texts;
    texts.push(...textsOf(lines));
  }
}

test('reads each line once, as it comes', () => {
  const follower = follow();
  expect(follower.read()).toEqual([]);
  append('a', 'ü');
  expect(textsOf(follower.read())).toEqual(['a', 'ü']);
  expect(follower.read()).toEqual([]);
  append('c');
  expect(textsOf(follower.read())).toEqual(['c']);
});

test('says where each line is', () => {
  append('a', 'ü', 'c');
  closeFile();
  append('d');
  const follower = follow();
  const lines = [...follower.read(), ...follower.read()];
  expect(lines.map(({ sequence, segment }) => [sequence, segment])).toEqual([
    [1, 1],
    [2, 1],
    [3, 1],
    [4, 4],
  ]);
  for (const { segment, offset, length, text } of lines) {
    const file = readFileSync(segment === 4 ? path : closedFile(directory, 'w0', segment));
    expect(file.toString('utf8', offset, offset + length)).toBe(text);
  }
});

test('goes on in the next file, also when several were closed meanwhile', () => {
  const follower = follow();
  append('a');
  expect(readAll(follower)).toEqual(['a']);
  append('b');
  closeFile();
  append('c');
  closeFile();
  expect(readAll(follower)).toEqual(['b', 'c']);
  append('d');
  expect(readAll(follower)).toEqual(['d']);
});

test('goes on behind a position, wherever the file is called by then', () => {
  append('a', 'b');
  const first = follow();
  readAll(first);
  const position = first.position();
  append('c');
  expect(readAll(follow(position))).toEqual(['c']);
  closeFile();
  expect(readAll(follow(position))).toEqual(['c']);
  const end = follow(position);
  readAll(end);
  append('d');
  expect(readAll(follow(end.position()))).toEqual(['d']);
  expect(readAll(follow({ sequence: 2, segment: 0, offset: 0 }))).toEqual(['c', 'd']);
});

test('passes over what is not kept any more', () => {
  append('a');
  closeFile();
  append('b');
  closeFile();
  append('c');
  rmSync(closedFile(directory, 'w0', 1));
  expect(readAll(follow())).toEqual(['b', 'c']);
});

test('does not take for a record what a worker may yet cut off', () => {
  append('a');
  const follower = follow();
  const before = readFileSync(path);
  append('half');
  written = 1;
  expect(readAll(follower)).toEqual(['a']);
  writeFileSync(path, before);
  link = { sequence: 1, hash: link.hash };
  append('whole');
  expect(readAll(follower)).toEqual(['whole']);
});

test('reads lines that are longer than what it reads at once', () => {
  const long = 'x'.repeat(3 * 1024 * 1024);
  append('a', long, 'c');
  expect(readAll(follow())).toEqual(['a', long, 'c']);
});

test('says so where lines are missing, and goes on', () => {
  append('a', 'b', 'c');
  const lines = readFileSync(path, 'utf8').split('\n');
  writeFileSync(path, [lines[0], lines[2], ''].join('\n'));
  appendFileSync(path, 'no line of a stream\n');
  const gaps: unknown[] = [];
  const onGap = (...gap: unknown[]) => gaps.push(gap);
  const follower = followStream({ directory, stream: 'w0', written: () => written, onGap });
  followers.push(follower);
  expect(readAll(follower)).toEqual(['a', 'c']);
  expect(gaps).toEqual([
    [2, 3],
    [4, undefined],
  ]);
});
