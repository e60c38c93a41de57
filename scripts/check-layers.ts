import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Import, readSourceFacts, type SourceFacts } from './source-facts.ts';

/**
 * Holds `src/` to the architecture: which part may know which, and who alone may touch what. The rules are this file's
 * tables; `docs/architecture.md` tells the reasons. `npm run check` runs it: one line for each breach, exit status 1.
 */

/** What each part of `src/` may import. An entry `part (types)` allows `import type` only, `part/file.ts` that file only. */
const mayImport: Readonly<Record<string, readonly string[]>> = {
  runtime: [],
  crypto: ['runtime'],
  store: ['runtime', 'crypto'],
  audit: ['runtime', 'crypto'],
  // Domain keys stand in the raw store, of which custody knows the contract and nothing else.
  custody: ['runtime', 'crypto', 'store/contract.ts (types)'],
  authorization: ['runtime', 'crypto'],
  wire: ['runtime', 'crypto'],
  // Keys are data. What they know of custody is the shape of wrapped material, and of the store how a table is named.
  keys: ['runtime', 'crypto', 'custody (types)', 'store/sealed-store.ts'],
  // Metrics are made of audit records, of which they know the format.
  monitoring: ['runtime', 'crypto', 'audit/record.ts (types)'],
  services: ['runtime', 'crypto', 'store', 'audit', 'custody', 'authorization', 'wire', 'keys', 'monitoring'],
  config: ['runtime'],
  server: [
    'runtime',
    'crypto',
    'store',
    'audit',
    'custody',
    'authorization',
    'wire',
    'keys',
    'monitoring',
    'services',
    'config',
  ],
  'main.ts': ['runtime', 'config', 'server'],
};

/** One implementation of a contract each. The server chooses between them; everyone else knows the contract. */
const implementations = ['store/sqlite', 'store/memory', 'custody/software', 'custody/root-key'];

/** Functions of their inputs: no clock, no randomness, no I/O. Of Node they use what computes. */
const pureParts = ['crypto', 'authorization', 'keys', 'monitoring'];
const computingModules = ['node:buffer', 'node:crypto', 'node:net', 'node:util', 'node:zlib'];
/** Of `node:net` that is only to read addresses. */
const computingNames: Readonly<Record<string, readonly string[]>> = {
  'node:net': ['BlockList', 'isIP', 'isIPv4', 'isIPv6'],
};

const TIME_SOURCE = 'src/runtime/clock.ts';
const RANDOM_SOURCE = 'src/runtime/random.ts';
const randomFunctions = ['randomBytes', 'randomFill', 'randomFillSync', 'randomInt', 'randomUUID', 'webcrypto'];

export interface Breach {
  readonly path: string;
  readonly line: number;
  readonly what: string;
}

/** Checks the files below `<root>/src` against every rule, in the order of their paths. */
export function checkLayers(root: string): Breach[] {
  const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { dependencies?: object };
  const dependencies = new Set(Object.keys(manifest.dependencies ?? {}));
  const sources = readSourceFacts(root).filter(({ path }) => path.startsWith('src/'));
  const breaches: Breach[] = findCycles(sources);
  for (const source of sources) {
    breaches.push(...outsideOfSource(source));
    if (isTestCode(source.path)) continue;
    breaches.push(
      ...wrongDirections(source),
      ...chosenImplementations(source),
      ...foreignPackages(source, dependencies),
      ...impurities(source),
      ...exposures(source),
      ...environmentReads(source),
      ...ownTime(source),
      ...ownRandomness(source),
    );
  }
  return breaches.sort((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : a.line - b.line));
}

function wrongDirections({ path, imports }: SourceFacts): Breach[] {
  const part = partOf(path);
  const allowed = mayImport[part];
  if (allowed === undefined) return [{ path, line: 1, what: `belongs to no known part of src/: add it to ${SELF}` }];
  return imports.flatMap(({ line, file, typeOnly }) => {
    if (file === undefined || !file.startsWith('src/')) return [];
    if (isTestCode(file)) return [{ path, line, what: `imports ${file}, which is for tests` }];
    if (partOf(file) === part) return [];
    const fits = (entry: string) => file === `src/${entry}` || partOf(file) === entry;
    if (allowed.some((entry) => fits(entry) || (typeOnly && fits(entry.replace(' (types)', ''))))) return [];
    return [{ path, line, what: `${part} may import ${listed(allowed)}, and not ${file}` }];
  });
}

function chosenImplementations({ path, imports }: SourceFacts): Breach[] {
  return imports.flatMap(({ line, file }) => {
    const chosen = implementations.find((folder) => file?.startsWith(`src/${folder}/`));
    if (chosen === undefined || file === 'src/custody/root-key/contract.ts') return [];
    if (partOf(path) === 'server' || path.startsWith(`src/${chosen}/`)) return [];
    return [{ path, line, what: `only server chooses an implementation such as ${file}; use its contract` }];
  });
}

function foreignPackages({ path, imports }: SourceFacts, dependencies: ReadonlySet<string>): Breach[] {
  return imports.flatMap(({ line, specifier, file, typeOnly }) => {
    if (file !== undefined || specifier.startsWith('node:')) return [];
    const name = packageOf(specifier);
    if (dependencies.has(name) || (typeOnly && name.startsWith('@aws-sdk/'))) return [];
    return [{ path, line, what: `imports ${name}, which is not one of package.json's dependencies` }];
  });
}

function impurities({ path, imports }: SourceFacts): Breach[] {
  const part = partOf(path);
  if (!pureParts.includes(part)) return [];
  const computes = ({ specifier, names }: Import) =>
    computingModules.includes(specifier) &&
    (computingNames[specifier] === undefined || namesOnly(names, computingNames[specifier]));
  return imports
    .filter((each) => each.specifier.startsWith('node:') && !each.typeOnly && !computes(each))
    .map(({ line, specifier }) => ({ path, line, what: `${part} is pure and may not use ${specifier}` }));
}

/** A namespace import names nothing, and may reach everything. */
function namesOnly(names: readonly string[], allowed: readonly string[]): boolean {
  return names.length > 0 && names.every((name) => allowed.includes(name));
}

function exposures({ path, memberReads }: SourceFacts): Breach[] {
  if (['crypto', 'custody'].includes(partOf(path))) return [];
  return memberReads
    .filter(({ member }) => member === 'expose')
    .map(({ line }) => ({ path, line, what: 'only crypto and custody may expose the bytes of a secret' }));
}

function environmentReads({ path, memberReads, imports }: SourceFacts): Breach[] {
  if (partOf(path) === 'config' || path === 'src/main.ts') return [];
  const what = 'only config reads the environment';
  return [
    ...memberReads.filter(({ object, member }) => object === 'process' && member === 'env'),
    ...imports.filter(({ specifier }) => specifier === 'node:process' || specifier === 'process'),
  ].map(({ line }) => ({ path, line, what }));
}

function ownTime({ path, memberReads, implicitNows }: SourceFacts): Breach[] {
  if (path === TIME_SOURCE) return [];
  const reads = memberReads.filter(({ object, member }) => object === 'Date' && member === 'now');
  const what = `time comes from a Clock; only ${TIME_SOURCE} asks the system for it`;
  return [...implicitNows, ...reads.map(({ line }) => line)].map((line) => ({ path, line, what }));
}

function ownRandomness({ path, memberReads, imports }: SourceFacts): Breach[] {
  if (path === RANDOM_SOURCE) return [];
  const what = `randomness comes from a Random; only ${RANDOM_SOURCE} asks the system for it`;
  return [
    ...memberReads.filter(({ object, member }) => object === 'Math' && member === 'random'),
    ...memberReads.filter(({ member }) => member === 'getRandomValues' || randomFunctions.includes(member)),
    ...imports.filter(
      ({ specifier, names }) => specifier === 'node:crypto' && names.some((name) => randomFunctions.includes(name)),
    ),
  ].map(({ line }) => ({ path, line, what }));
}

function outsideOfSource({ path, imports }: SourceFacts): Breach[] {
  return imports
    .filter(({ file }) => file !== undefined && !file.startsWith('src/'))
    .map(({ line, file }) => ({ path, line, what: `src may not import ${file}, which is outside of it` }));
}

/** Depth-first search. Each cycle is told once, at the import that closes it. */
function findCycles(sources: readonly SourceFacts[]): Breach[] {
  const importsOf = new Map(sources.map(({ path, imports }) => [path, imports]));
  const breaches: Breach[] = [];
  const done = new Set<string>();
  const trail: string[] = [];

  function visit(path: string): void {
    if (done.has(path)) return;
    trail.push(path);
    for (const { file, line } of importsOf.get(path) ?? []) {
      if (file === undefined) continue;
      const start = trail.indexOf(file);
      if (start < 0) visit(file);
      else breaches.push({ path, line, what: `closes a cycle: ${[...trail.slice(start), file].join(' → ')}` });
    }
    trail.pop();
    done.add(path);
  }

  for (const { path } of sources) visit(path);
  return breaches;
}

/** The part of `src/` a file belongs to: `src/keys/key.ts` → `keys`, `src/main.ts` → `main.ts`. */
function partOf(path: string): string {
  return path.split('/')[1] ?? '';
}

function isTestCode(path: string): boolean {
  return /\.test(-[a-z]+)?\.ts$|\/test-support\.ts$/.test(path);
}

function packageOf(specifier: string): string {
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
}

function listed(entries: readonly string[]): string {
  return entries.length === 0 ? 'no other part' : `only ${entries.join(', ')}`;
}

const SELF = 'scripts/check-layers.ts';

if (import.meta.main) {
  const breaches = checkLayers(join(import.meta.dirname, '..'));
  for (const { path, line, what } of breaches) console.error(`${path}:${line}: ${what}`);
  if (breaches.length > 0) process.exitCode = 1;
}
