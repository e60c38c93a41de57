import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as sdk from '@aws-sdk/client-kms';
import { algorithmsOf, type KeySpec, keySpecs } from '../src/crypto/key-specs.ts';
import { awsErrorCodes, KeyholdError } from '../src/runtime/errors.ts';
import { kmsOperations } from '../src/services/kms/index.ts';
import type { Target, TargetSummary } from '../src/services/operation.ts';
import type { AnyOperation } from '../src/services/perform.ts';
import { errorResponse } from '../src/wire/error-response.ts';

/**
 * Writes docs/coverage.md from the declarations of the operations and from what the AWS SDK knows. With `--check` it only
 * says whether the page is up to date, with exit status 1 if it is not.
 */

const PAGE = 'docs/coverage.md';

/** AWS KMS's operations, by the command classes that the SDK exports. */
export const knownOperations = Object.keys(sdk)
  .filter((name) => /^[A-Z]\w+Command$/.test(name))
  .map((name) => name.slice(0, -'Command'.length))
  .sort();

/** AWS KMS's own exceptions, by the classes that the SDK exports. */
const knownExceptions = Object.keys(sdk)
  .filter((name) => /^[A-Z]\w+Exception$/.test(name) && name !== 'KMSServiceException')
  .sort();

const knownSpecs = Object.values(sdk.KeySpec);

export function coveragePage(operations: ReadonlyMap<string, AnyOperation>): string {
  const declared = knownOperations.filter((name) => operations.has(name));
  const done = declared.filter((name) => operations.get(name)?.notYet !== true);
  const refused = declared.filter((name) => operations.get(name)?.notYet === true);
  const missing = knownOperations.filter((name) => !operations.has(name));
  const answered = new Set<string>(awsErrorCodes);
  return [
    '# Coverage of the AWS KMS API',
    '',
    '<!-- Made by `node scripts/coverage.ts` from the declarations in src/services/kms/. Do not edit. -->',
    '',
    `${done.length} of the ${knownOperations.length} operations that \`@aws-sdk/client-kms\` ${sdkVersion()} knows.`,
    '',
    '## Operations that work',
    '',
    'Several lines in a cell are several things the operation works on, each of which is authorized by itself. *Named by*',
    'is what the request may name it with. *Other accounts* can call an operation only where it says so, and then only if',
    'the key policy or a grant allows it. *Audit* says whether the record calls the operation read-only, and which',
    'request members it shows.',
    '',
    '| Operation | Permission | Named by | Key states | Other accounts | DryRun | Audit |',
    '|---|---|---|---|---|---|---|',
    ...done.map((name) => row(operations.get(name) as AnyOperation)),
    '',
    '## Operations that do not work yet',
    '',
    'These validate and authorize a request as AWS does, and then answer `UnsupportedOperationException`:',
    '',
    ...refused.map((name) => `- [${name}](../src/services/kms/${kebabCase(name)}.ts)`),
    '',
    ...(missing.length === 0
      ? []
      : ['These answer `UnknownOperationException`:', '', ...missing.map((name) => `- ${name}`), '']),
    '## Key specs',
    '',
    `${knownSpecs.filter((spec) => Object.hasOwn(keySpecs, spec)).length} of the ${knownSpecs.length} that the SDK knows.`,
    '*Imported* says whether material of one’s own can be imported into keys of the spec.',
    '',
    '| Key spec | Usages | Algorithms | Imported | Regions |',
    '|---|---|---|---|---|',
    ...(Object.keys(keySpecs) as KeySpec[]).map(specRow),
    '',
    '## Condition keys',
    '',
    'What policies can ask for besides the global condition keys (`src/services/global-conditions.ts`).',
    '*All on keys* are the operations that work on a key; not one that an alias or the account is named for.',
    '',
    '| Condition key | Operations |',
    '|---|---|',
    ...conditionRows([...operations.values()]),
    '',
    '## Errors',
    '',
    '| Error | HTTP status |',
    '|---|---|',
    ...[...awsErrorCodes].sort().map((code) => `| \`${code}\` | ${errorResponse(new KeyholdError(code)).status} |`),
    '',
    'Exceptions of AWS KMS that are not answered. `InvalidAliasNameException` is not because AWS answers',
    '`ValidationException` in its place, `DependencyTimeoutException` because there is nothing to wait for; the others',
    'belong to custom key stores.',
    '',
    ...knownExceptions.filter((name) => !answered.has(name)).map((name) => `- \`${name}\``),
    '',
  ].join('\n');
}

function row(operation: AnyOperation): string {
  const targets = Object.values(operation.targets) as Target<unknown, unknown, unknown>[];
  const cell = (text: (summary: TargetSummary) => string) => lines(targets.map(({ summary }) => text(summary)));
  const audit = [operation.audit.readOnly ? 'read-only' : 'change', ...(operation.audit.request as string[])];
  return [
    '',
    `[${operation.name}](../src/services/kms/${kebabCase(operation.name)}.ts)`,
    lines(targets.map(({ permission }) => `\`${permission}\``)),
    cell(({ namedBy }) => (namedBy === 'account' ? '—' : namedBy)),
    cell(({ states }) => (states.length === 0 ? '—' : states.join(', '))),
    cell(({ crossAccount }) => (crossAccount ? 'yes' : 'no')),
    'DryRun' in (operation.input.description.members ?? {}) ? 'yes' : 'no',
    audit.join(', '),
    '',
  ]
    .join(' | ')
    .trim();
}

function specRow(spec: KeySpec): string {
  const { usages, importable, availability } = keySpecs[spec];
  const algorithms = usages.flatMap((usage) => Object.values(algorithmsOf(spec, usage)).flat());
  const regions = availability === undefined ? 'all' : availability;
  return `| \`${spec}\` | ${usages.join('<br>')} | ${algorithms.join(', ')} | ${importable ? 'yes' : 'no'} | ${regions} |`;
}

function conditionRows(operations: readonly AnyOperation[]): string[] {
  const having = new Map<string, Set<string>>();
  const onKeys = new Set<string>();
  for (const operation of operations) {
    for (const { summary } of Object.values(operation.targets) as Target<unknown, unknown, unknown>[]) {
      if (summary.namedBy.includes('key')) onKeys.add(operation.name);
      for (const key of summary.conditionKeys) {
        const names = having.get(key) ?? new Set();
        having.set(key, names.add(operation.name));
      }
    }
  }
  return [...having]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, names]) => `| \`${key}\` | ${listed(names, onKeys, operations.length)} |`);
}

function listed(names: ReadonlySet<string>, onKeys: ReadonlySet<string>, all: number): string {
  if (names.size === all) return 'all';
  const others = [...names].filter((name) => !onKeys.has(name)).sort();
  const everyOnKeys = [...onKeys].every((name) => names.has(name));
  return (everyOnKeys ? ['all on keys', ...others] : [...names].sort()).join(', ');
}

/** One line where all are the same. */
function lines(texts: readonly string[]): string {
  return new Set(texts).size === 1 ? (texts[0] as string) : texts.join('<br>');
}

/** As the files of operations are named: `GenerateDataKey` → `generate-data-key`. */
function kebabCase(name: string): string {
  return name.replace(/(?<=[a-z])[A-Z]/g, '-$&').toLowerCase();
}

function sdkVersion(): string {
  const manifest = readFileSync(join(import.meta.dirname, '../node_modules/@aws-sdk/client-kms/package.json'), 'utf8');
  return (JSON.parse(manifest) as { version: string }).version;
}

if (import.meta.main) {
  const path = join(import.meta.dirname, '..', PAGE);
  const page = coveragePage(kmsOperations);
  if (!process.argv.includes('--check')) writeFileSync(path, page);
  else if (readFileSync(path, 'utf8') !== page) {
    console.error(`${PAGE}:1: is not what the declarations say: run node scripts/coverage.ts`);
    process.exitCode = 1;
  }
}
