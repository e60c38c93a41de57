import { createPublicKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import {
  copyFileSync,
  cpSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openFileTrail } from './file-trail.ts';
import { type ChainLink, chainLine, genesis, linkOf } from './hash-chain.ts';
import { type Proof, proveAuditDirectory } from './prove.ts';
import { HEADS_STREAM, type StreamHead, signedHeadsRecord } from './signed-heads.ts';
import { closedFile, segmentsOf, streamFile, streamsOf } from './stream-files.ts';
import { headOnDisk, tailOf } from './stream-tail.ts';

/** Streams of several files, some of which retention may have removed. */

let root = '';
let directory = '';
let key: KeyObject;
const publicKey = () => createPublicKey(key).export({ type: 'spki', format: 'der' });

beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), 'keyhold-prove-files-'));
  directory = join(root, 'audit');
  key = generateKeyPairSync('ed25519').privateKey;
  // w0 has lines 1 to 4, 5 to 8, 9 to 12 and, in the file that is appended to, 13 to 16; each four are signed.
  for (let file = 0; file < 4; file++) {
    await write('w0', 4);
    await write('w1', 2);
    await signHeads();
  }
});
afterEach(() => rmSync(root, { recursive: true }));

let written = 0;
/** Into a new file each time. */
async function write(stream: string, records: number): Promise<void> {
  const rotation = { maxBytes: 1, maxAgeMs: Number.POSITIVE_INFINITY };
  const closing = openFileTrail({ directory, stream, rotation });
  await closing.close();
  const trail = openFileTrail({ directory, stream });
  for (let i = 0; i < records; i++) await trail.append(JSON.stringify({ eventName: 'Encrypt', number: ++written }));
  await trail.close();
}

async function signHeads(begins: readonly StreamHead[] = []): Promise<void> {
  const heads = streamsOf(directory).map((stream) => ({ stream, ...headOnDisk(directory, stream) }));
  const trail = openFileTrail({ directory, stream: HEADS_STREAM });
  const said = { time: new Date().toISOString(), at: 'interval' as const, begins, heads };
  const signer = { publicKey: publicKey(), sign: (message: Uint8Array) => sign(null, message, key) };
  await trail.append(signedHeadsRecord(trail.head(), said, signer));
  await trail.close();
}

const prove = (): Proof => proveAuditDirectory({ directory, publicKey: publicKey() });

function firstProblem(): string {
  const [problem] = prove().problems;
  return problem === undefined ? 'none' : `${problem.stream} line ${problem.line} ${problem.what}`;
}

const closed = (first: number, stream = 'w0') => closedFile(directory, stream, first);
const active = () => streamFile(directory, 'w0');
const linesOf = (path: string) => readFileSync(path, 'utf8').split('\n').slice(0, -1);
const setLines = (path: string, lines: readonly string[]) =>
  writeFileSync(path, lines.map((line) => `${line}\n`).join(''));

/** Removes the first files of w0, as retention does; `unsigned` is what somebody else does. */
async function retire(firsts: readonly number[], { unsigned = false } = {}): Promise<void> {
  const last = closed(firsts.at(-1) as number);
  const { head } = tailOf(last, 'w0') as { head: ChainLink };
  if (!unsigned) await signHeads([{ stream: 'w0', ...head }]);
  for (const first of firsts) rmSync(closed(first));
}

test('is proved as it was written, file after file', () => {
  expect(readdirSync(directory).filter((name) => name.startsWith('w0.'))).toHaveLength(4);
  expect(segmentsOf(directory, 'w0').map(({ first }) => first)).toEqual([1, 5, 9, 13]);
  expect(prove()).toMatchObject({
    streams: [
      { stream: 'w0', records: 16, signed: 16 },
      { stream: 'w1', records: 8, signed: 8 },
    ],
    problems: [],
    notes: [],
  });
});

test('is proved between the closing of a file and the first line of the next', () => {
  renameSync(active(), closed(13));
  expect(firstProblem()).toBe('none');
  writeFileSync(active(), '');
  expect(firstProblem()).toBe('none');
  writeFileSync(active(), '{"stream":"w0"');
  expect(firstProblem()).toBe('none');
});

describe('what someone did to files is found', () => {
  test('any byte of any file', async () => {
    await fc.assert(
      fc.property(
        fc.constantFrom(closed(1), closed(5), closed(9), active()),
        fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }),
        fc.integer({ min: 1, max: 255 }),
        (path, place, difference) => {
          const whole = readFileSync(path);
          const changed = Buffer.from(whole);
          const offset = Math.floor(place * whole.length);
          changed[offset] = (changed[offset] as number) ^ difference;
          writeFileSync(path, changed);
          const { problems } = prove();
          writeFileSync(path, whole);
          expect(problems[0]?.stream).toBe('w0');
        },
      ),
      { numRuns: 300 },
    );
    expect(firstProblem()).toBe('none');
  });

  test.each<[string, (lines: string[]) => string[]]>([
    ['a line deleted', (lines) => lines.toSpliced(1, 1)],
    ['the first line deleted', (lines) => lines.slice(1)],
    ['the last line deleted', (lines) => lines.slice(0, -1)],
    ['a line inserted', (lines) => lines.toSpliced(1, 0, lines[2] as string)],
    ['a line doubled', (lines) => lines.toSpliced(3, 0, lines[3] as string)],
    ['two lines exchanged', ([a, b, c, d]) => [a, c, b, d] as string[]],
    ['all lines removed', () => []],
  ])('%s, in whichever file', (_, change) => {
    for (const path of [closed(1), closed(5), closed(9), active()]) {
      const lines = linesOf(path);
      setLines(path, change(lines));
      expect(firstProblem(), path).toMatch(/^w0 line \d+ /);
      setLines(path, lines);
    }
    expect(firstProblem()).toBe('none');
  });

  test('a closed file dropped, and which lines were in it', () => {
    for (const [first, problem] of [
      [1, 'w0 line 1 is missing: the next one that is there, 5, begins a file'],
      [5, 'w0 line 5 is missing: the next one that is there, 9, begins a file'],
      [9, 'w0 line 9 is missing: the next one that is there, 13, begins a file'],
    ] as const) {
      const whole = readFileSync(closed(first));
      rmSync(closed(first));
      expect(firstProblem()).toBe(problem);
      writeFileSync(closed(first), whole);
    }
    rmSync(active());
    expect(firstProblem()).toMatch(/^w0 line 13 is missing: 16 records were signed at/);
    rmSync(closed(9));
    expect(firstProblem()).toMatch(/^w0 line 9 is missing: 12 records were signed at/);
    for (const first of [1, 5]) rmSync(closed(first));
    expect(firstProblem()).toBe('w0 line 1 is missing, with the whole stream: 16 records were signed');
  });

  test('two closed files exchanged', () => {
    renameSync(closed(5), join(root, 'five'));
    renameSync(closed(9), closed(5));
    renameSync(join(root, 'five'), closed(9));
    expect(firstProblem()).toBe('w0 line 5 has sequence 9 where 5 is due');
  });

  test('a closed file renamed, copied, or of another stream', () => {
    renameSync(closed(5), closed(6));
    expect(firstProblem()).toBe('w0 line 5 is missing: the next one that is there, 6, begins a file');
    renameSync(closed(6), closed(4));
    expect(firstProblem()).toBe('w0 line 5 is due where a file begins that is called after 4');
    renameSync(closed(4), closed(5));
    copyFileSync(closed(5), closed(7));
    expect(firstProblem()).toBe('w0 line 9 is due where a file begins that is called after 7');
    rmSync(closed(7));
    copyFileSync(closed(3, 'w1'), closed(5));
    expect(firstProblem()).toBe('w0 line 5 belongs to stream "w1"');
  });

  test('a closed file put back to an older copy, or cut off', () => {
    const lines = linesOf(closed(5));
    setLines(closed(5), lines.slice(0, 2));
    expect(firstProblem()).toBe('w0 line 7 is missing: the next one that is there, 9, begins a file');
    setLines(closed(5), lines);
    truncateSync(closed(9), statSync(closed(9)).size - 1);
    expect(firstProblem()).toMatch(/^w0 line 12 ends without a line feed in a closed file/);
    truncateSync(closed(9), 0);
    expect(firstProblem()).toBe('w0 line 9 is missing: the next one that is there, 13, begins a file');
  });

  test('the newest closed file cut off while nothing came after it, also when the stream has gone on from there', async () => {
    renameSync(active(), closed(13));
    const lines = linesOf(closed(13));
    setLines(closed(13), lines.slice(0, 2));
    expect(firstProblem()).toMatch(/^w0 line 15 is missing: 16 records were signed at/);
    await write('w0', 1);
    await signHeads();
    expect(firstProblem()).toMatch(/^w0 line 16 is missing: 16 records were signed at/);
    await write('w0', 4);
    await signHeads();
    expect(firstProblem()).toMatch(/^w0 line 13 or a later one, up to 16, is not the one that was signed at/);
  });

  test('the whole of w0 put back to an older copy of its files, and gone on with', async () => {
    const older = join(root, 'older');
    cpSync(directory, older, { recursive: true });
    await write('w0', 4);
    await signHeads();
    for (const name of readdirSync(directory)) if (name.startsWith('w0.')) rmSync(join(directory, name));
    for (const name of readdirSync(older)) {
      if (name.startsWith('w0.')) copyFileSync(join(older, name), join(directory, name));
    }
    expect(firstProblem()).toMatch(/^w0 line 17 is missing: 20 records were signed at/);
    await write('w0', 9);
    await signHeads();
    expect(firstProblem()).toMatch(/^w0 line 17 or a later one, up to 20, is not the one that was signed at/);
  });

  test('signed heads that were put into several files', () => {
    const heads = streamFile(directory, HEADS_STREAM);
    const lines = linesOf(heads);
    setLines(closedFile(directory, HEADS_STREAM, 1), lines.slice(0, 2));
    setLines(heads, lines.slice(2));
    expect(firstProblem()).toBe('heads line 1 is in a closed file, of which this stream has none');
  });

  test('a chain written anew in all files from one line on', () => {
    const files = [closed(1), closed(5), closed(9), active()];
    let link = genesis('w0');
    for (const path of files) {
      const forged = linesOf(path).map((line) => {
        const record = line.slice(line.indexOf('"record":') + '"record":'.length, -1);
        const changed = link.sequence === 5 ? record.replace('Encrypt', 'Decrypt') : record;
        const written = chainLine('w0', link, changed);
        link = linkOf(link, written);
        return written;
      });
      setLines(path, forged);
    }
    expect(firstProblem()).toMatch(/^w0 line 5 or a later one, up to 8, is not the one that was signed at/);
  });
});

describe('retention', () => {
  test('may have removed what signed heads say, and what it has kept is proved', async () => {
    await retire([1, 5]);
    expect(prove()).toMatchObject({
      streams: [
        { stream: 'w0', records: 16, signed: 16, removed: 8 },
        { stream: 'w1', records: 8, signed: 8 },
      ],
      problems: [],
      notes: [],
    });
    await write('w0', 2);
    await signHeads();
    await retire([9]);
    expect(prove()).toMatchObject({ streams: [{ removed: 12, records: 18, signed: 18 }, {}], problems: [] });
  });

  test('may have been interrupted: what may be removed and is still there is no fault', async () => {
    const [one, five] = [readFileSync(closed(1)), readFileSync(closed(5))];
    await retire([1, 5]);
    writeFileSync(closed(5), five);
    expect(prove()).toMatchObject({
      problems: [],
      streams: [{ removed: 4, records: 16 }, {}],
      notes: ['w0 still has lines before 9, which may be removed'],
    });
    writeFileSync(closed(1), one);
    expect(prove()).toMatchObject({ problems: [], streams: [{ records: 16 }, {}] });
    // A file system may keep removals in another order than that in which they were made.
    rmSync(closed(5));
    expect(firstProblem()).toBe('none');
  });

  test('is told from somebody who removes files', async () => {
    await retire([1, 5], { unsigned: true });
    expect(firstProblem()).toBe('w0 line 1 is missing: the next one that is there, 9, begins a file');
  });

  test('is told from somebody who removes more than it does', async () => {
    await retire([1]);
    rmSync(closed(5));
    expect(firstProblem()).toBe('w0 line 5 is missing: the next one that is there, 9, begins a file');
    rmSync(closed(9));
    rmSync(active());
    expect(prove().problems[0]).toMatchObject({ stream: 'w0', what: expect.stringContaining('is missing') });
  });

  test('of one stream allows nothing in another', async () => {
    await retire([1]);
    rmSync(closed(1, 'w1'));
    expect(firstProblem()).toBe('w1 line 1 is missing: the next one that is there, 3, begins a file');
  });

  test('vouches for the first line that it keeps', async () => {
    await retire([1, 5]);
    const lines = linesOf(closed(9));
    setLines(closed(9), lines.with(0, (lines[0] as string).replace(/"previous":"./, '"previous":"x')));
    expect(firstProblem()).toBe('w0 line 9 does not name the hash of the line before it');
    setLines(closed(9), lines.slice(1));
    expect(firstProblem()).toBe('w0 line 9 has sequence 10 where 9 is due');
  });

  test('does not hide that what is left of the removable was changed', async () => {
    const five = linesOf(closed(5));
    await retire([1, 5]);
    setLines(closed(5), five.with(1, (five[1] as string).replace('Encrypt', 'Decrypt')));
    expect(firstProblem()).toMatch(/^w0 line 7 does not name the hash/);
    setLines(closed(5), five.with(3, (five[3] as string).replace('Encrypt', 'Decrypt')));
    expect(firstProblem()).toMatch(/^w0 line 8 or a later one|^w0 line 5 or a later one/);
  });

  test('cannot be claimed by whoever cannot sign', async () => {
    const [line = '', ...rest] = linesOf(streamFile(directory, HEADS_STREAM));
    const { head } = tailOf(closed(1), 'w0') as { head: ChainLink };
    const begins = `"begins":[${JSON.stringify({ stream: 'w0', ...head })}],"heads"`;
    setLines(streamFile(directory, HEADS_STREAM), [line.replace('"heads":[', `${begins}:[`), ...rest]);
    rmSync(closed(1));
    expect(firstProblem()).toBe('heads line 1 has a signature that does not verify');
  });

  test('may go on while the trail is verified: newer signed heads are looked at then', async () => {
    // So long that reading it is told of.
    const trail = openFileTrail({ directory, stream: 'long' });
    await Promise.all(Array.from({ length: 70 }, () => trail.append(`{"text":"${'x'.repeat(1024 * 1024)}"}`)));
    await trail.close();
    const { head } = tailOf(closed(1), 'w0') as { head: ChainLink };
    const heads = streamFile(directory, HEADS_STREAM);
    const before = readFileSync(heads);
    await signHeads([{ stream: 'w0', ...head }]);
    const after = readFileSync(heads);
    writeFileSync(heads, before);
    let told = 0;
    const onProgress = () => {
      if (told++ > 0) return;
      writeFileSync(heads, after);
      rmSync(closed(1));
    };
    expect(proveAuditDirectory({ directory, publicKey: publicKey(), onProgress })).toMatchObject({
      problems: [],
      streams: [{ stream: 'long' }, { stream: 'w0', removed: 4 }, {}],
    });
    expect(told).toBe(2);
  });
});
