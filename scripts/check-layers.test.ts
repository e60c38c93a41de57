import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { checkLayers } from './check-layers.ts';

const roots: string[] = [];

afterEach(() => {
  for (const root of roots.splice(0)) rmSync(root, { recursive: true, force: true });
});

/** A project of a few files that keeps every rule, with some of them replaced. Gives what the check says of it. */
function breachesWith(files: Record<string, string>): string[] {
  const root = mkdtempSync(join(tmpdir(), 'keyhold-layers-'));
  roots.push(root);
  const project: Record<string, string> = {
    'package.json': JSON.stringify({ dependencies: { pino: '1.0.0' }, devDependencies: { vitest: '1.0.0' } }),
    'tsconfig.json': JSON.stringify({ compilerOptions: { noLib: true, types: [] }, include: ['src', 'test', 'bench'] }),
    'src/main.ts': `import './config/config.ts';\nimport './server/start.ts';\nhand(process.env);`,
    'src/config/config.ts': `import '../runtime/errors.ts';\nread(process.env['KEYHOLD_LISTEN']);`,
    'src/runtime/errors.ts': `export const errors = [new Date(0), Date.UTC(2026, 0)];`,
    'src/runtime/clock.ts': `export const now = () => Date.now();`,
    'src/runtime/random.ts': `import { randomFillSync } from 'node:crypto';\nexport { randomFillSync };`,
    'src/crypto/box.ts': `import '../runtime/errors.ts';\nimport { createHmac } from 'node:crypto';\ncreateHmac(key.expose());`,
    'src/store/contract.ts': `import '../crypto/box.ts';\nexport type Row = object;`,
    'src/store/sealed-store.ts': `import './contract.ts';`,
    'src/store/sqlite/store.ts': `import '../contract.ts';\nimport { DatabaseSync } from 'node:sqlite';`,
    'src/audit/trail.ts': `import '../crypto/box.ts';\nimport { openSync } from 'node:fs';`,
    'src/custody/contract.ts': `import '../crypto/box.ts';\nimport type { Row } from '../store/contract.ts';\nkey.expose();`,
    'src/custody/software/software.ts': `import '../contract.ts';`,
    'src/authorization/decide.ts': `import '../runtime/errors.ts';\nimport { isIP } from 'node:net';`,
    'src/wire/shapes.ts': `import '../runtime/errors.ts';`,
    'src/keys/tables.ts': `import type {} from '../custody/contract.ts';\nimport '../store/sealed-store.ts';`,
    'src/services/kms/encrypt.ts': [
      `import '../../keys/tables.ts';`,
      `import '../../custody/contract.ts';`,
      `import '../../authorization/decide.ts';`,
      `import '../../wire/shapes.ts';`,
      `import '../../audit/trail.ts';`,
      `import type { KMS } from '@aws-sdk/client-kms';`,
    ].join('\n'),
    'src/services/kms/encrypt.test.ts': `import 'vitest';\nimport './encrypt.ts';\nDate.now();\nkey.expose();`,
    'src/server/start.ts': [
      `import '../services/kms/encrypt.ts';`,
      `import '../store/sqlite/store.ts';`,
      `import '../custody/software/software.ts';`,
      `import type {} from '../config/config.ts';`,
      `import pino from 'pino';`,
      `const worker = new URL('./worker.ts', import.meta.url);`,
    ].join('\n'),
    'src/server/worker.ts': `import '../services/kms/encrypt.ts';`,
    'test/black-box.test.ts': `import '../src/main.ts';\nDate.now();`,
    ...files,
  };
  for (const [path, text] of Object.entries(project)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  return checkLayers(root).map(({ path, line, what }) => `${path}:${line}: ${what}`);
}

test('a project that keeps the rules has no breaches', () => {
  expect(breachesWith({})).toEqual([]);
});

test('a breach is told with its file and line', () => {
  const breaches = breachesWith({ 'src/crypto/box.ts': `// One\n// Two\nimport '../wire/shapes.ts';` });
  expect(breaches).toEqual(['src/crypto/box.ts:3: crypto may import only runtime, and not src/wire/shapes.ts']);
});

const directions: [from: string, to: string][] = [
  ['runtime/errors.ts', 'crypto/box.ts'],
  ['crypto/box.ts', 'custody/contract.ts'],
  ['store/contract.ts', 'audit/trail.ts'],
  ['store/contract.ts', 'keys/tables.ts'],
  ['audit/trail.ts', 'store/contract.ts'],
  ['custody/contract.ts', 'store/contract.ts'],
  ['custody/contract.ts', 'keys/tables.ts'],
  ['authorization/decide.ts', 'store/contract.ts'],
  ['authorization/decide.ts', 'wire/shapes.ts'],
  ['wire/shapes.ts', 'authorization/decide.ts'],
  ['wire/shapes.ts', 'services/kms/encrypt.ts'],
  ['keys/tables.ts', 'custody/contract.ts'],
  ['keys/tables.ts', 'store/contract.ts'],
  ['keys/tables.ts', 'audit/trail.ts'],
  ['keys/tables.ts', 'authorization/decide.ts'],
  ['services/kms/encrypt.ts', 'server/start.ts'],
  ['services/kms/encrypt.ts', 'config/config.ts'],
  ['config/config.ts', 'server/start.ts'],
  ['main.ts', 'services/kms/encrypt.ts'],
];

test.each(directions)('%s may not import %s', (from, to) => {
  const up = '../'.repeat(from.split('/').length - 1) || './';
  const breaches = breachesWith({ [`src/${from}`]: `import '${up}${to}';` });
  expect(breaches.filter((each) => each.startsWith(`src/${from}:1: `) && each.endsWith(`not src/${to}`))).toHaveLength(
    1,
  );
});

test.each([
  ['import type', `import type { Row } from '../audit/trail.ts';`],
  ['import of types by name', `import { type Row } from '../audit/trail.ts';`],
  ['export from', `export { row } from '../audit/trail.ts';`],
  ['export star', `export * from '../audit/trail.ts';`],
  ['dynamic import', `const late = await import('../audit/trail.ts');`],
  ['import in a type', `type Row = import('../audit/trail.ts').Row;`],
  ['worker file', `new Worker(new URL('../audit/trail.ts', import.meta.url));`],
])('%s counts as an import', (_, statement) => {
  expect(breachesWith({ 'src/wire/shapes.ts': statement })).toEqual([
    'src/wire/shapes.ts:1: wire may import only runtime, crypto, and not src/audit/trail.ts',
  ]);
});

test('what only looks like an import does not count', () => {
  const text = `// import '../audit/trail.ts';\nconst text = "import '../audit/trail.ts'";\n/* process.env */`;
  expect(breachesWith({ 'src/wire/shapes.ts': text })).toEqual([]);
});

test('only the server chooses an implementation', () => {
  const breaches = breachesWith({ 'src/services/kms/encrypt.ts': `import '../../store/sqlite/store.ts';` });
  expect(breaches).toEqual([
    'src/services/kms/encrypt.ts:1: only server chooses an implementation such as src/store/sqlite/store.ts; use its contract',
  ]);
});

test('a cycle is told, of types too', () => {
  const breaches = breachesWith({
    'src/wire/shapes.ts': `import type { B } from './b.ts';`,
    'src/wire/b.ts': `import './c.ts';`,
    'src/wire/c.ts': `\nimport './shapes.ts';`,
  });
  expect(breaches).toHaveLength(1);
  expect(breaches[0]).toMatch(/ closes a cycle: (\S+) → \S+ → \S+ → \1$/);
});

test.each([
  [`key.expose();`, 'only crypto and custody may expose the bytes of a secret'],
  [`key['expose']();`, 'only crypto and custody may expose the bytes of a secret'],
  [`const { expose } = key;`, 'only crypto and custody may expose the bytes of a secret'],
  [`read(process.env);`, 'only config reads the environment'],
  [`read(process['env']);`, 'only config reads the environment'],
  [`const { env } = process;`, 'only config reads the environment'],
  [`import { env } from 'node:process';`, 'only config reads the environment'],
  [`Date.now();`, 'time comes from a Clock; only src/runtime/clock.ts asks the system for it'],
  [`new Date();`, 'time comes from a Clock; only src/runtime/clock.ts asks the system for it'],
  [`Date();`, 'time comes from a Clock; only src/runtime/clock.ts asks the system for it'],
  [`Math.random();`, 'randomness comes from a Random; only src/runtime/random.ts asks the system for it'],
  [
    `import { randomUUID } from 'node:crypto';`,
    'randomness comes from a Random; only src/runtime/random.ts asks the system for it',
  ],
  [`crypto.getRandomValues(x);`, 'randomness comes from a Random; only src/runtime/random.ts asks the system for it'],
  [`import 'vitest';`, `imports vitest, which is not one of package.json's dependencies`],
  [
    `import { KMS } from '@aws-sdk/client-kms';`,
    `imports @aws-sdk/client-kms, which is not one of package.json's dependencies`,
  ],
  [`import './shapes.test-helper.ts';`, 'imports src/wire/shapes.test-helper.ts, which is for tests'],
  [`import '../../test/black-box.test.ts';`, 'src may not import test/black-box.test.ts, which is outside of it'],
  [`import '../../bench/main.ts';`, 'src may not import bench/main.ts, which is outside of it'],
])('%s is refused outside of its place', (statement, what) => {
  const files = { 'src/wire/shapes.ts': `\n${statement}`, 'src/wire/shapes.test-helper.ts': '', 'bench/main.ts': '' };
  expect(breachesWith(files)).toEqual([`src/wire/shapes.ts:2: ${what}`]);
});

test.each([`import 'node:fs';`, `import { connect } from 'node:net';`, `import * as net from 'node:net';`])(
  'a pure part may not do I/O: %s',
  (statement) => {
    const [breach] = breachesWith({ 'src/authorization/decide.ts': statement });
    expect(breach).toContain('src/authorization/decide.ts:1: authorization is pure and may not use node:');
  },
);

test('tests in src may not reach outside of it either', () => {
  const breaches = breachesWith({ 'src/wire/shapes.test.ts': `import '../../test/black-box.test.ts';` });
  expect(breaches).toEqual([
    'src/wire/shapes.test.ts:1: src may not import test/black-box.test.ts, which is outside of it',
  ]);
});

test('a folder that the rules do not know is told', () => {
  expect(breachesWith({ 'src/helpers/misc.ts': '' })).toEqual([
    'src/helpers/misc.ts:1: belongs to no known part of src/: add it to scripts/check-layers.ts',
  ]);
});
