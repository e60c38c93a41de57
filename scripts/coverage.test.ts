import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type CoveredService, coveragePage, coveredServices } from './coverage.ts';

const docs = join(import.meta.dirname, '../docs');

test('docs/coverage.md is what the declarations say', () => {
  expect(readFileSync(join(docs, 'coverage.md'), 'utf8')).toBe(coveragePage(coveredServices));
});

describe.each(coveredServices.map((service) => [service.title, service] as const))('%s', (_, service) => {
  test('knows every operation that is declared', () => {
    expect(service.knownOperations.length).toBeGreaterThan(10);
    for (const name of service.operations.keys()) expect(service.knownOperations).toContain(name);
  });

  test('an operation that is not declared is listed as missing, and changes the page', () => {
    const [name = ''] = service.operations.keys();
    const fewer: CoveredService = {
      ...service,
      operations: new Map([...service.operations].filter(([each]) => each !== name)),
    };
    const page = coveragePage([fewer]);
    expect(page).not.toContain(`| [${name}]`);
    expect(page).toMatch(new RegExp(`^These answer .*\\b${name}\\b`, 'm'));
  });
});

test('the files that the page links to exist, and KMS has one for every operation', () => {
  const links = [...coveragePage(coveredServices).matchAll(/\]\((\S+?)\)/g)].map(([, link]) => link as string);
  for (const link of links) expect(existsSync(join(docs, link)), link).toBe(true);
  const [kms] = coveredServices;
  expect(links.filter((link) => link.includes('/kms/')).length).toBe(kms?.operations.size);
});
