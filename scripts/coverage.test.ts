import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { kmsOperations } from '../src/services/kms/index.ts';
import { coveragePage, knownOperations } from './coverage.ts';

const docs = join(import.meta.dirname, '../docs');

test('docs/coverage.md is what the declarations say', () => {
  expect(readFileSync(join(docs, 'coverage.md'), 'utf8')).toBe(coveragePage(kmsOperations));
});

test('AWS KMS knows every operation that is declared', () => {
  expect(knownOperations.length).toBeGreaterThan(50);
  for (const name of kmsOperations.keys()) expect(knownOperations).toContain(name);
});

test('an operation that is not declared is listed as missing, and changes the page', () => {
  const fewer = new Map(kmsOperations);
  fewer.delete('Encrypt');
  const [working, missing] = coveragePage(fewer).split('## Operations that do not work yet');
  expect(working).not.toContain('[Encrypt]');
  expect(missing).toContain('- Encrypt\n');
});

test('the files that the page links to exist', () => {
  const links = [...coveragePage(kmsOperations).matchAll(/\]\((\S+?)\)/g)].map(([, link]) => link as string);
  expect(links.length).toBe(kmsOperations.size);
  for (const link of links) expect(existsSync(join(docs, link)), link).toBe(true);
});
