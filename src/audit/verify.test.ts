import { appendFileSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openFileTrail } from './file-trail.ts';
import type { AuditRecord } from './record.ts';
import { streamFile } from './stream-files.ts';
import { verifyAuditDirectory } from './verify.ts';

let directory = '';
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'keyhold-audit-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

async function write(stream: string, records: readonly object[]): Promise<void> {
  const trail = openFileTrail({ directory, stream });
  for (const record of records) await trail.append(JSON.stringify(record));
  await trail.close();
}

const fiveRecords = [1, 2, 3, 4, 5].map((number) => ({ eventName: `Event${number}`, requestID: `request-${number}` }));

function linesOf(stream: string): string[] {
  return readFileSync(streamFile(directory, stream), 'utf8').split('\n').slice(0, -1);
}

function setLines(stream: string, lines: readonly string[]): void {
  writeFileSync(streamFile(directory, stream), lines.map((line) => `${line}\n`).join(''));
}

describe('a trail as it was written', () => {
  test('verifies, stream by stream, and hands out its records in order', async () => {
    await write('w1', fiveRecords.slice(0, 2));
    await write('w0', fiveRecords);
    const found: [string, AuditRecord][] = [];
    const verdicts = await verifyAuditDirectory(directory, (record, stream) => found.push([stream, record]));
    expect(verdicts).toEqual([
      { stream: 'w0', records: 5 },
      { stream: 'w1', records: 2 },
    ]);
    expect(found.map(([stream, { requestID }]) => `${stream} ${requestID}`)).toEqual([
      ...fiveRecords.map(({ requestID }) => `w0 ${requestID}`),
      'w1 request-1',
      'w1 request-2',
    ]);
  });

  test('verifies when there is nothing in it, and when there is none', async () => {
    expect(await verifyAuditDirectory(directory)).toEqual([]);
    await write('w0', []);
    expect(await verifyAuditDirectory(directory)).toEqual([{ stream: 'w0', records: 0 }]);
  });

  test('verifies with what other programs take for the end of a line', async () => {
    const context = { 'line\u2028separator\u2029': 'next\u0085line\u000b\r\n' };
    await write('w0', [{ context }, { context }]);
    const found: unknown[] = [];
    expect(await verifyAuditDirectory(directory, (record) => found.push(record))).toEqual([
      { stream: 'w0', records: 2 },
    ]);
    expect(found).toEqual([{ context }, { context }]);
  });

  test('verifies when lines are longer than what is read at once, or end with it', async () => {
    const lengths = [200_000, 1, 65_535, 65_536, 1];
    await write(
      'w0',
      lengths.map((length) => ({ text: 'é'.repeat(length) })),
    );
    expect(await verifyAuditDirectory(directory)).toEqual([{ stream: 'w0', records: lengths.length }]);
  });

  test('is only what is called like a stream', async () => {
    await write('w0', fiveRecords);
    for (const name of ['notes.txt', 'w0.copy.jsonl', '\u001b[2J.jsonl']) {
      writeFileSync(join(directory, name), 'not a stream');
    }
    expect(await verifyAuditDirectory(directory)).toEqual([{ stream: 'w0', records: 5 }]);
  });
});

const A_CHANGED_HASH = 'does not name the hash of the line before it';

describe('what someone did to the lines', () => {
  const at = (lines: readonly string[], index: number) => lines[index] as string;

  test.each<[string, (lines: string[]) => string[], number, string]>([
    [
      // It is the next line that tells.
      'a value changed',
      (lines) => lines.with(1, at(lines, 1).replace('request-2', 'request-9')),
      3,
      A_CHANGED_HASH,
    ],
    ['a space added', (lines) => lines.with(1, `${at(lines, 1)} `), 3, A_CHANGED_HASH],
    [
      'its hash changed',
      (lines) => lines.with(1, at(lines, 1).replace(/"previous":"./, '"previous":"x')),
      2,
      A_CHANGED_HASH,
    ],
    ['a line removed', (lines) => lines.toSpliced(1, 1), 2, 'has sequence 3 where 2 is due'],
    [
      'the first line removed',
      (lines) => lines.slice(1),
      1,
      'is missing: the next one that is there, 2, begins a file',
    ],
    ['two lines exchanged', (lines) => [0, 2, 1, 3, 4].map((i) => at(lines, i)), 2, 'has sequence 3 where 2 is due'],
    [
      'two lines exchanged and renumbered',
      (lines) => [0, 2, 1, 3, 4].map((i, index) => at(lines, i).replace(/"sequence":\d/, `"sequence":${index + 1}`)),
      2,
      A_CHANGED_HASH,
    ],
    ['a line doubled', (lines) => lines.toSpliced(1, 0, at(lines, 1)), 3, 'has sequence 2 where 3 is due'],
    [
      'a line inserted',
      (lines) => lines.toSpliced(1, 0, at(lines, 0).replace('"sequence":1', '"sequence":2')),
      2,
      A_CHANGED_HASH,
    ],
    ['an empty line inserted', (lines) => lines.toSpliced(1, 0, ''), 2, 'is not JSON'],
    ['a line of something else', (lines) => lines.with(1, 'null'), 2, 'is not a line of an audit stream'],
    ['a line that is a list', (lines) => lines.with(1, '[]'), 2, 'belongs to stream undefined'],
    ['a stream that is an object', (lines) => lines.with(1, '{"stream":{"toString":1}}'), 2, 'belongs to stream'],
    ['a line cut short', (lines) => lines.with(1, at(lines, 1).slice(0, -5)), 2, 'is not JSON'],
    [
      'a record that is none',
      (lines) => lines.with(1, at(lines, 1).replace(/"record":.*$/, '"record":null}')),
      2,
      'holds no record',
    ],
  ])('%s', async (_, change, line, what) => {
    await write('w0', fiveRecords);
    await write('w1', fiveRecords);
    setLines('w0', change(linesOf('w0')));
    const [damaged, whole] = await verifyAuditDirectory(directory);
    expect(damaged).toEqual({
      stream: 'w0',
      records: line - 1,
      problem: { line, what: expect.stringContaining(what) },
    });
    expect(whole).toEqual({ stream: 'w1', records: 5 });
  });

  test('lines taken from another stream, or a stream under another name', async () => {
    await write('w0', fiveRecords);
    await write('w1', fiveRecords);
    setLines('w0', linesOf('w0').with(1, linesOf('w1')[1] as string));
    renameSync(streamFile(directory, 'w1'), streamFile(directory, 'w2'));
    expect(await verifyAuditDirectory(directory)).toEqual([
      { stream: 'w0', records: 1, problem: { line: 2, what: 'belongs to stream "w1"' } },
      { stream: 'w2', records: 0, problem: { line: 1, what: 'belongs to stream "w1"' } },
    ]);
  });

  test('half a line at the end', async () => {
    await write('w0', fiveRecords);
    appendFileSync(streamFile(directory, 'w0'), '{"stream":"w0","seq');
    expect(await verifyAuditDirectory(directory)).toEqual([
      { stream: 'w0', records: 5, problem: { line: 6, what: 'ends without a line feed: it was cut off' } },
    ]);
  });

  test('any byte of any line but the last', async () => {
    await write('w0', fiveRecords);
    const whole = readFileSync(streamFile(directory, 'w0'));
    const lastLine = whole.lastIndexOf('\n', -2) + 1;
    await fc.assert(
      fc.asyncProperty(fc.nat(lastLine - 1), fc.integer({ min: 1, max: 255 }), async (offset, difference) => {
        const changed = Buffer.from(whole);
        changed[offset] = (changed[offset] as number) ^ difference;
        writeFileSync(streamFile(directory, 'w0'), changed);
        const [verdict] = await verifyAuditDirectory(directory);
        const line = whole.subarray(0, offset).filter((byte) => byte === 0x0a).length + 1;
        expect([line, line + 1]).toContain(verdict?.problem?.line);
      }),
      { numRuns: 150 },
    );
  });

  // That is what the heads of the chains are signed for: prove.test.ts.
  test('but not, by the lines alone, that the last one was changed or that whole ones were cut off the end', async () => {
    await write('w0', fiveRecords);
    const lines = linesOf('w0');
    setLines('w0', lines.with(4, at(lines, 4).replace('request-5', 'request-9')));
    expect(await verifyAuditDirectory(directory)).toEqual([{ stream: 'w0', records: 5 }]);
    setLines('w0', lines.slice(0, 3));
    expect(await verifyAuditDirectory(directory)).toEqual([{ stream: 'w0', records: 3 }]);
  });
});

test('a directory that is not there is an error, not an empty trail', async () => {
  await expect(verifyAuditDirectory(join(directory, 'missing'))).rejects.toThrow('ENOENT');
  mkdirSync(join(directory, 'directory.jsonl'));
  await expect(verifyAuditDirectory(directory)).rejects.toThrow('EISDIR');
});
