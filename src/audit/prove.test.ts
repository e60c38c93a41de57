import { createPublicKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { appendFileSync, cpSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openFileTrail } from './file-trail.ts';
import { type ChainLink, chainLine, genesis, linkOf } from './hash-chain.ts';
import { type Proof, type ProofOptions, proveAuditDirectory } from './prove.ts';
import { HEADS_STREAM, type Heads, signedHeadsRecord } from './signed-heads.ts';
import { streamFile, streamsOf } from './stream-files.ts';
import { headOnDisk } from './stream-tail.ts';

let root = '';
let directory = '';
let anchor = '';
let key: KeyObject;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'keyhold-prove-'));
  directory = join(root, 'audit');
  anchor = join(root, 'anchor.jsonl');
  key = generateKeyPairSync('ed25519').privateKey;
});
afterEach(() => rmSync(root, { recursive: true }));

const publicKeyOf = (privateKey: KeyObject) => createPublicKey(privateKey).export({ type: 'spki', format: 'der' });

function prove(options: Partial<ProofOptions> = {}): Proof {
  return proveAuditDirectory({ directory, publicKey: publicKeyOf(key), ...options });
}

/** The first problem, in one line. */
function firstProblem(options: Partial<ProofOptions> = {}): string {
  const [problem] = prove(options).problems;
  return problem === undefined ? 'none' : `${problem.stream} line ${problem.line} ${problem.what}`;
}

let written = 0;
async function write(stream: string, records: number): Promise<void> {
  const trail = openFileTrail({ directory, stream });
  for (let i = 0; i < records; i++) await trail.append(JSON.stringify({ eventName: 'Encrypt', number: ++written }));
  await trail.close();
}

let seconds = 0;
/** Signs the heads of all streams as they end now, and anchors them. */
async function signHeads(at: Heads['at'] = 'interval', follows?: ChainLink): Promise<ChainLink> {
  const time = new Date(Date.UTC(2026, 10, 22) + 1000 * ++seconds).toISOString();
  const heads = streamsOf(directory).map((stream) => ({
    stream,
    ...headOnDisk(directory, stream),
  }));
  const trail = openFileTrail({ directory, stream: HEADS_STREAM });
  const said = { time, at, heads, ...(follows === undefined ? {} : { follows }) };
  const record = signedHeadsRecord(trail.head(), said, {
    publicKey: publicKeyOf(key),
    sign: (message) => sign(null, message, key),
  });
  appendFileSync(anchor, `${chainLine(HEADS_STREAM, trail.head(), record)}\n`);
  await trail.append(record);
  await trail.close();
  return trail.head();
}

/** Two streams, signed three times, and all of it at the end. */
async function signedTrail(): Promise<void> {
  for (let round = 0; round < 3; round++) {
    await write('w0', 4);
    await write('w1', 2);
    await signHeads();
  }
}

function linesOf(stream: string): string[] {
  return readFileSync(streamFile(directory, stream), 'utf8').split('\n').slice(0, -1);
}

function setLines(stream: string, lines: readonly string[]): void {
  writeFileSync(streamFile(directory, stream), lines.map((line) => `${line}\n`).join(''));
}

/** Writes a stream anew with other records, as whoever can write the file can: its chain has no key. */
function forge(stream: string, records: readonly string[]): void {
  let link = genesis(stream);
  const lines = records.map((record) => {
    const line = chainLine(stream, link, record);
    link = linkOf(link, line);
    return line;
  });
  setLines(stream, lines);
}

const recordOf = (line: string) => line.slice(line.indexOf('"record":') + '"record":'.length, -1);

describe('a trail as it was written', () => {
  test('is proved up to the newest signed heads', async () => {
    await signedTrail();
    expect(prove({ anchor, noted: headOnDisk(directory, HEADS_STREAM) })).toEqual({
      streams: [
        { stream: 'w0', records: 12, signed: 12 },
        { stream: 'w1', records: 6, signed: 6 },
      ],
      signed: { sequence: 3, time: expect.stringMatching(/^2026-11-22T/), streams: 2 },
      problems: [],
      notes: [],
    });
  });

  test('may go on after them, by whole lines and the beginning of one', async () => {
    await signedTrail();
    await write('w0', 3);
    appendFileSync(streamFile(directory, 'w0'), '{"stream":"w0","se');
    appendFileSync(streamFile(directory, HEADS_STREAM), '{"stream":"heads');
    await write('w2', 1);
    const { problems, streams, notes } = prove({ anchor });
    expect(problems).toEqual([]);
    expect(streams).toContainEqual({ stream: 'w0', records: 15, signed: 12 });
    expect(notes).toEqual([
      'the signed heads end in 16 bytes of an unfinished line',
      expect.stringContaining('w0 ends in 18 bytes of an unfinished line'),
      'w2 is in no signed heads yet',
    ]);
  });

  test('is proved by signatures that were made before the streams grew, and while nothing grew', async () => {
    await write('w0', 0);
    await signHeads('start');
    await write('w0', 2);
    await signHeads();
    await signHeads('stop');
    await signHeads('start');
    await write('w0', 2);
    await signHeads('stop');
    expect(firstProblem({ anchor })).toBe('none');
  });

  test('may lack what the anchor was torn in, and hold the same heads twice there', async () => {
    await signedTrail();
    const [first = '', ...rest] = readFileSync(anchor, 'utf8').split('\n');
    writeFileSync(anchor, [first, first, first.slice(0, 50), ...rest].join('\n'));
    expect(firstProblem({ anchor })).toBe('none');
    expect(prove({ anchor }).notes).toEqual([expect.stringContaining('line 3 of the anchor holds no signed heads')]);
  });
});

describe('what someone did to a signed trail is found, whatever they can write but the key', () => {
  test('any byte of any file', async () => {
    await signedTrail();
    await fc.assert(
      fc.property(
        fc.constantFrom('w0', 'w1', HEADS_STREAM),
        fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }),
        fc.integer({ min: 1, max: 255 }),
        (stream, place, difference) => {
          const path = streamFile(directory, stream);
          const whole = readFileSync(path);
          const changed = Buffer.from(whole);
          const offset = Math.floor(place * whole.length);
          changed[offset] = (changed[offset] as number) ^ difference;
          writeFileSync(path, changed);
          const [problem] = prove().problems;
          writeFileSync(path, whole);
          // The last line feed of all is what a crash takes. What stands before it is then an unfinished line, and is missing.
          const line = whole.subarray(0, offset).filter((byte) => byte === 0x0a).length + 1;
          if (stream === HEADS_STREAM && offset === whole.length - 1) return;
          expect(problem?.stream).toBe(stream);
          expect(Math.abs((problem?.line ?? 0) - line)).toBeLessThanOrEqual(1);
        },
      ),
      { numRuns: 300 },
    );
  });

  /** What can be done to the lines of a stream at a place in it. */
  const edits: Readonly<Record<string, (lines: readonly string[], at: number) => string[]>> = {
    change: (lines, at) => lines.with(at, (lines[at] as string).replace('Encrypt', 'Decrypt')),
    delete: (lines, at) => lines.toSpliced(at, 1),
    insert: (lines, at) => lines.toSpliced(at, 0, (lines[at] as string).replace('Encrypt', 'Decrypt')),
    double: (lines, at) => lines.toSpliced(at, 0, lines[at] as string),
    reorder: (lines, at) =>
      lines.with(at, lines[(at + 1) % lines.length] as string).with((at + 1) % lines.length, lines[at] as string),
    truncate: (lines, at) => lines.slice(0, at),
  };

  test.each(Object.keys(edits))('%s, anywhere, as it is and with the whole chain written anew', async (name) => {
    await signedTrail();
    await signHeads('stop');
    const edit = edits[name] as (lines: readonly string[], at: number) => string[];
    for (const stream of ['w0', 'w1']) {
      const lines = linesOf(stream);
      for (let at = 0; at < lines.length; at++) {
        const edited = edit(lines, at);
        setLines(stream, edited);
        const asItIs = prove().problems;
        forge(stream, edited.map(recordOf));
        const forged = prove().problems;
        setLines(stream, lines);
        for (const [problem] of [asItIs, forged]) expect(problem, `${stream} at ${at}`).toMatchObject({ stream });
      }
    }
    expect(firstProblem()).toBe('none');
  });

  test('names the lines between the signatures that a rewritten chain lies between', async () => {
    await signedTrail();
    const lines = linesOf('w0');
    forge('w0', lines.with(5, (lines[5] as string).replace('Encrypt', 'Decrypt')).map(recordOf));
    expect(firstProblem()).toMatch(/^w0 line 5 or a later one, up to 8, is not the one that was signed at 2026-/);
  });

  test('a file dropped, emptied, or put under another name', async () => {
    await signedTrail();
    const path = streamFile(directory, 'w1');
    const whole = readFileSync(path);
    rmSync(path);
    expect(firstProblem()).toBe('w1 line 1 is missing, with the whole stream: 6 records were signed');
    writeFileSync(path, '');
    expect(firstProblem()).toMatch(/^w1 line 1 is missing: 2 records were signed at/);
    writeFileSync(path, whole);
    renameSync(path, streamFile(directory, 'w3'));
    expect(firstProblem()).toMatch(/^w1 line 1 is missing/);
  });

  test('a stream put back to an older copy, also if it was gone on with and signed since', async () => {
    await signedTrail();
    setLines('w0', linesOf('w0').slice(0, 6));
    expect(firstProblem()).toMatch(/^w0 line 7 is missing: 8 records were signed/);
    await write('w0', 1);
    await signHeads();
    expect(firstProblem()).toMatch(/^w0 line 8 is missing: 8 records/);
    await write('w0', 20);
    await signHeads();
    expect(firstProblem()).toMatch(/^w0 line 5 or a later one, up to 8, is not the one that was signed/);
  });

  test('records added to the streams of workers while no server ran', async () => {
    await write('w0', 2);
    await write('cli', 1);
    await signHeads('stop');
    await write('w0', 1);
    await write('cli', 1);
    await signHeads('start');
    expect(firstProblem()).toMatch(/^w0 line 3 was added while no server ran, between 2026-.* and 2026-/);
    expect(prove().problems).toHaveLength(1);
    await signHeads('stop');
    await write('w1', 1);
    expect(prove().problems.at(-1)).toMatchObject({
      stream: 'w1',
      line: 1,
      what: expect.stringContaining('after the server stopped'),
    });
  });

  test('signed heads that are missing, that another key signed, or whose signature is of other heads', async () => {
    await signedTrail();
    const lines = linesOf(HEADS_STREAM);
    rmSync(streamFile(directory, HEADS_STREAM));
    expect(firstProblem()).toMatch(/^heads line 1 is missing/);
    setLines(HEADS_STREAM, lines.with(0, (lines[0] as string).replace('"sequence":4', '"sequence":3')));
    expect(firstProblem()).toBe('heads line 1 has a signature that does not verify');
    const ours = key;
    key = generateKeyPairSync('ed25519').privateKey;
    setLines(HEADS_STREAM, []);
    await signHeads();
    key = ours;
    expect(firstProblem()).toMatch(/^heads line 1 is signed by another key, "[0-9a-f]{32}"/);
    setLines(HEADS_STREAM, lines);
    expect(firstProblem()).toBe('none');
  });
});

describe('a whole directory put back to an older copy', () => {
  async function putBack(): Promise<{ noted: ChainLink }> {
    await signedTrail();
    cpSync(directory, join(root, 'older'), { recursive: true });
    await write('w0', 5);
    const noted = await signHeads();
    rmSync(directory, { recursive: true });
    cpSync(join(root, 'older'), directory, { recursive: true });
    return { noted };
  }

  test('is found by the anchor, and by what the store notes; without both it is not', async () => {
    const { noted } = await putBack();
    expect(firstProblem()).toBe('none');
    expect(firstProblem({ noted })).toBe('heads line 4 is missing: the store notes signed heads up to 4');
    expect(firstProblem({ anchor })).toMatch(
      /^heads line 4 is missing: the anchor keeps signed heads up to 4 at least/,
    );
  });

  test('is found for good, however often it is gone on with', async () => {
    const { noted } = await putBack();
    await write('w0', 7);
    await signHeads('start', noted);
    await signHeads();
    expect(firstProblem()).toMatch(/^heads line 4 comes after signed heads 4, which are gone/);
    expect(firstProblem({ beginsAfter: 4 })).toMatch(/^heads line 4 comes after signed heads 4, which are gone/);
    expect(firstProblem({ anchor })).toBe('heads line 4 is not what the anchor keeps');
  });

  test('is told from a trail that was begun anew, whose older part lies in an archive', async () => {
    await signedTrail();
    const noted = await signHeads('stop');
    renameSync(directory, join(root, 'archive'));
    await write('w0', 0);
    await signHeads('start', noted);
    await write('w0', 3);
    await signHeads();
    expect(firstProblem()).toMatch(/^heads line 1 comes after signed heads 4, which are gone/);
    expect(firstProblem({ beginsAfter: 3 })).toMatch(/^heads line 1 comes after signed heads 4/);
    expect(firstProblem({ beginsAfter: 4 })).toBe('none');
    expect(firstProblem({ directory: join(root, 'archive') })).toBe('none');
  });
});
