import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { basename, delimiter, join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { helpText } from '../src/config/config.ts';
import { awsCliReadsEndpointUrl } from './support/aws-cli.ts';
import {
  anchorsOf,
  type Block,
  blocksOf,
  documentationPages,
  localLinksOf,
  readPage,
} from './support/documentation.ts';
import { cleanUp, projectRoot, startServer, type TestServer, temporaryDirectory } from './support/server.ts';

const pages = documentationPages();
const blocks = pages.flatMap((page) => blocksOf(page));

test('the page of the data directory has every table of records', () => {
  const page = readPage('docs/formats/data-directory.md');
  const sources = readdirSync(join(projectRoot, 'src'), { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts') && !/\.test(-helper)?\.ts$/.test(path))
    .map((path) => readFileSync(join(projectRoot, 'src', path), 'utf8'));
  const tables = sources.flatMap((source) => [...source.matchAll(/\btable\('([a-z-]+)'\)/g)].map(([, name]) => name));
  expect(tables).toEqual(expect.arrayContaining(['keys', 'users']));
  expect(tables.filter((name) => !page.includes(`\`${name}\``))).toEqual([]);
});

test('the pages that must be there are', () => {
  expect(pages).toEqual(
    expect.arrayContaining([
      'CHANGELOG.md',
      'CONTRIBUTING.md',
      'README.md',
      'SECURITY.md',
      'docs/architecture.md',
      'docs/coverage.md',
      'docs/formats/audit-record.md',
      'docs/formats/ciphertext.md',
      'docs/formats/data-directory.md',
      'docs/formats/sealed-record.md',
      'docs/operations.md',
      'docs/seed.md',
    ]),
  );
});

test('every fenced block says whether it is run', () => {
  const unclear = blocks.filter(({ language }) => !['bash', 'ts', 'yaml', 'json', 'text'].includes(language));
  expect(unclear.map(({ page, line, language }) => `${page}:${line}: ${language}`)).toEqual([]);
});

test.each(pages)('the links of %s lead somewhere', (page) => {
  const dead = localLinksOf(page).filter(({ path, anchor }) => {
    if (!existsSync(join(projectRoot, path))) return true;
    return anchor !== undefined && !anchorsOf(readPage(path)).includes(anchor);
  });
  expect(dead).toEqual([]);
});

test('the README opens with the two lines that do all the set-up', () => {
  const first = blocks.find(({ page }) => page === 'README.md')?.text.split('\n') ?? [];
  expect(first[0]).toMatch(/^git clone .+ keyhold && cd keyhold$/);
  expect(first[1]).toMatch(/^npm ci && npm start +#/);
  expect(first[2]).toMatch(/^npm ci && npm test +#/);
});

test("the README's table of options says what --help says, in the same groups", () => {
  const [, options = ''] = /^Serving:$([\s\S]*)^Other commands:$/m.exec(helpText()) ?? [];
  const rows = `Serving:\n${options}`
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const [, option, help] = /^ {2}(--[\w-]+(?: <\S+>)?) +(.+)$/.exec(line) ?? [];
      return option === undefined ? `| **${line.replace(/:$/, '')}** | |` : `| \`${option}\` | ${help} |`;
    });
  expect(rows.length).toBeGreaterThan(30);
  const table = readPage('README.md')
    .split('\n')
    .filter((line) => /^\| (?:`--|\*\*)/.test(line));
  expect(table).toEqual(rows);
});

describe('test vectors', () => {
  const printed = blocks.filter(({ language }) => language === 'json');

  test.each(['audit-record', 'ciphertext', 'sealed-record'])('docs/formats/%s.md prints one', (name) => {
    expect(printed.map(({ page }) => page)).toContain(`docs/formats/${name}.md`);
  });

  test.each(printed)('$page:$line is one of test/vectors', ({ page, text }) => {
    const files = localLinksOf(page).filter(({ path }) => path.startsWith('test/vectors/'));
    const known = files.flatMap(({ path }) => readVectors(path));
    expect(known.length).toBeGreaterThan(0);
    expect(known.some((vector) => isDeepStrictEqual(vector, JSON.parse(text)))).toBe(true);
  });

  function readVectors(path: string): unknown[] {
    const file = JSON.parse(readPage(path)) as { vectors?: unknown[]; lines?: unknown[] };
    return file.vectors ?? file.lines ?? [];
  }
});

describe.each(pages.filter((page) => runnable(page).length > 0))('the examples of %s', (page) => {
  const servers = new Map<boolean, TestServer>();
  let checkout: string;

  beforeAll(async () => {
    checkout = temporaryDirectory();
    const needed = new Set(runnable(page).map(({ sandbox }) => sandbox));
    for (const sandbox of needed) {
      const args = [...(sandbox ? ['--sandbox'] : []), ...seedOf(page, sandbox)];
      servers.set(sandbox, await startServer({ args }));
    }
    for (const name of ['bin', 'node_modules', 'package.json', 'src'])
      symlinkSync(join(projectRoot, name), join(checkout, name));
    symlinkSync((servers.get(false) ?? (servers.get(true) as TestServer)).dataDir, join(checkout, 'data'));
  });

  afterAll(async () => {
    for (const server of servers.values()) await cleanUp(server);
    rmSync(checkout, { recursive: true, force: true });
  });

  for (const block of runnable(page)) {
    const missing = missingProgram(block);
    if (missing !== undefined)
      console.warn(`Skipped the example at ${page}:${block.line}, for there is no ${missing} here.`);
    test.skipIf(missing !== undefined)(`line ${block.line}`, () => {
      const server = servers.get(block.sandbox) as TestServer;
      const { status, stdout, stderr } = run(block, checkout, server);
      expect(status, `${page}:${block.line} failed:\n${stdout}\n${stderr}`).toBe(0);
      let rest = stdout;
      for (const words of block.prints) {
        expect(rest, `${page}:${block.line} prints "${words}"`).toContain(words);
        rest = rest.slice(rest.indexOf(words) + words.length);
      }
    });
  }
});

/** The options of a server that a page shows with a seed. */
function seedOf(page: string, sandbox: boolean): string[] {
  const seed = blocks.find((block) => block.page === page && block.language === 'yaml' && block.sandbox === sandbox);
  if (seed === undefined) return [];
  const file = join(temporaryDirectory(), 'seed.yaml');
  writeFileSync(file, seed.text, { mode: 0o600 });
  return ['--seed', file, ...(sandbox ? [] : ['--account-id', '111122223333'])];
}

function runnable(page: string): Block[] {
  return blocks.filter((block) => block.page === page && (block.language === 'bash' || block.language === 'ts'));
}

/** Newcomers may lack the clients; CI may not. */
function missingProgram({ language, text }: Block): string | undefined {
  if (language !== 'bash' || process.env['KEYHOLD_REQUIRE_CLIENTS'] === '1') return undefined;
  const programs = ['aws', 'openssl'].filter((name) => new RegExp(`\\b${name} `).test(text));
  return programs.find((name) => spawnSync(name, ['--version']).error !== undefined);
}

function run(block: Block, checkout: string, server: TestServer) {
  const tools = join(checkout, 'tools');
  if (/\baws /.test(block.text)) provideAws(tools);
  const path = [tools, join(projectRoot, 'node_modules/.bin'), process.env['PATH']].join(delimiter);
  const options = {
    cwd: checkout,
    env: { ...server.awsEnvironment, PATH: path },
    encoding: 'utf8',
    timeout: 50_000,
  } as const;
  if (block.language === 'bash') return spawnSync('bash', ['-euo', 'pipefail', '-c', block.text], options);
  const file = join(checkout, `${basename(block.page, '.md')}-${block.line}.mts`);
  writeFileSync(file, block.text);
  return spawnSync(process.execPath, ['--disable-warning=ExperimentalWarning', file], options);
}

/** For an AWS CLI that does not read AWS_ENDPOINT_URL yet, a stand-in turns it into an option. */
function provideAws(tools: string): void {
  if (awsCliReadsEndpointUrl()) return;
  const path = spawnSync('bash', ['-c', 'command -v aws'], { encoding: 'utf8' }).stdout.trim();
  mkdirSync(tools, { recursive: true });
  writeFileSync(join(tools, 'aws'), `#!/bin/sh\nexec '${path}' --endpoint-url "$AWS_ENDPOINT_URL" "$@"\n`);
  chmodSync(join(tools, 'aws'), 0o755);
}
