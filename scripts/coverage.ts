import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import * as cloudtrail from '@aws-sdk/client-cloudtrail';
import * as cloudwatch from '@aws-sdk/client-cloudwatch';
import * as iam from '@aws-sdk/client-iam';
import * as kms from '@aws-sdk/client-kms';
import * as sts from '@aws-sdk/client-sts';
import { algorithmsOf, type KeySpec, keySpecs } from '../src/crypto/key-specs.ts';
import { type AwsErrorCode, awsErrorCodes, KeyholdError } from '../src/runtime/errors.ts';
import { cloudTrailOperations } from '../src/services/cloudtrail/index.ts';
import { cloudWatchOperations } from '../src/services/cloudwatch/index.ts';
import { cloudWatchQuery } from '../src/services/cloudwatch/protocols.ts';
import { iamOperations } from '../src/services/iam/index.ts';
import { kmsOperations } from '../src/services/kms/index.ts';
import type { Target } from '../src/services/operation.ts';
import type { AnyOperation } from '../src/services/perform.ts';
import { stsOperations } from '../src/services/sts/index.ts';
import { awsJson, awsQuery, type Protocol } from '../src/wire/protocol.ts';

/**
 * Writes docs/coverage.md from the declarations of the operations and from what the AWS SDK knows. With `--check` it only
 * says whether the page is up to date, with exit status 1 if it is not.
 */

const PAGE = 'docs/coverage.md';
const ROOT = join(import.meta.dirname, '..');

/** A service as the page shows it. */
export interface CoveredService {
  readonly title: string;
  /** As its folder and its SDK are called: `kms`. */
  readonly name: string;
  readonly operations: ReadonlyMap<string, AnyOperation>;
  /** By the command classes that the SDK exports. */
  readonly knownOperations: readonly string[];
  /** The service's own, by the classes that the SDK exports. */
  readonly knownExceptions: readonly string[];
  readonly protocol: Protocol;
  /** What its operations work on, for saying of a condition key that all on these have it. */
  readonly nouns: Readonly<Record<string, string>>;
  readonly furtherSections?: () => string[];
  /** Of the exceptions that are not answered: why. */
  readonly whyNotAnswered: string;
}

export const coveredServices: readonly CoveredService[] = [
  {
    title: 'AWS KMS',
    name: 'kms',
    operations: kmsOperations,
    ...known(kms),
    protocol: awsJson,
    nouns: { key: 'keys' },
    furtherSections: keySpecSection,
    whyNotAnswered:
      '`InvalidAliasNameException` is not because AWS answers `ValidationException` in its place,\n' +
      '`DependencyTimeoutException` because there is nothing to wait for; the others belong to custom key stores.',
  },
  {
    title: 'AWS IAM',
    name: 'iam',
    operations: iamOperations,
    ...known(iam),
    protocol: awsQuery(),
    nouns: {
      user: 'users',
      group: 'groups',
      role: 'roles',
      policy: 'policies',
      'OpenID provider': 'OpenID providers',
    },
    whyNotAnswered: 'They belong to what is not covered.',
  },
  {
    title: 'AWS STS',
    name: 'sts',
    operations: stsOperations,
    ...known(sts),
    protocol: awsQuery(),
    nouns: {},
    whyNotAnswered: 'They belong to what is not covered.',
  },
  {
    title: 'AWS CloudTrail',
    name: 'cloudtrail',
    operations: cloudTrailOperations,
    ...known(cloudtrail),
    protocol: awsJson,
    nouns: { trail: 'trails' },
    whyNotAnswered: 'They belong to what is not covered.',
  },
  {
    title: 'Amazon CloudWatch',
    name: 'cloudwatch',
    operations: cloudWatchOperations,
    ...known(cloudwatch),
    protocol: cloudWatchQuery,
    nouns: { alarm: 'alarms' },
    whyNotAnswered: 'They belong to what is not covered.',
  },
];

function known(sdk: object): Pick<CoveredService, 'knownOperations' | 'knownExceptions'> {
  const names = Object.keys(sdk).sort();
  return {
    knownOperations: names
      .filter((name) => /^[A-Z]\w+Command$/.test(name))
      .map((name) => name.slice(0, -'Command'.length)),
    // By their class, for not all are called so: `ResourceNotFound`, `LimitExceededFault`.
    knownExceptions: names.filter(
      (name) =>
        (sdk as Record<string, { prototype?: unknown }>)[name]?.prototype instanceof Error &&
        !/ServiceException$/.test(name),
    ),
  };
}

export function coveragePage(services: readonly CoveredService[]): string {
  return [
    '# Coverage of AWS’s APIs',
    '',
    '<!-- Made by `node scripts/coverage.ts` from the declarations in src/services/. Do not edit. -->',
    '',
    'Of each service, which of the operations work that the AWS SDK for JavaScript knows, and how. Several lines in a cell',
    'are several things the operation works on, each of which is authorized by itself. *Named by* is what the request may',
    'name it with. *Other accounts* can call an operation only where it says so, and then only if the policy of what it',
    'works on or a grant allows it. *Audit* says whether the record calls the operation read-only, and which request',
    'members it shows. Condition keys are those besides the global ones (`src/services/global-conditions.ts`).',
    '',
    ...services.flatMap(serviceSection),
    ...commonErrorSection(services),
  ].join('\n');
}

function serviceSection(service: CoveredService): string[] {
  const { title, name, operations, knownOperations, furtherSections } = service;
  const declared = knownOperations
    .filter((each) => operations.has(each))
    .map((each) => operations.get(each) as AnyOperation);
  const working = declared.filter(({ notYet }) => notYet !== true);
  const refused = declared.filter(({ notYet }) => notYet === true);
  const missing = knownOperations.filter((each) => !operations.has(each));
  return [
    `## ${title}`,
    '',
    `${working.length} of the ${knownOperations.length} operations that \`@aws-sdk/client-${name}\` ${sdkVersion(name)} knows.`,
    '',
    ...operationTable(service, working),
    '',
    ...(refused.length === 0
      ? []
      : [
          'These validate and authorize a request as AWS does, and then answer `UnsupportedOperationException`:',
          '',
          ...refused.map((operation) => `- ${linkTo(service, operation)}`),
          '',
        ]),
    ...(missing.length === 0
      ? []
      : [`These answer \`${errorForm(service, 'UnknownOperationException').name}\`: ${missing.join(', ')}.`, '']),
    ...(furtherSections?.() ?? []),
    ...conditionSection(service),
    ...errorSection(service),
  ];
}

type Column = readonly [title: string, cell: (operation: AnyOperation) => string];

/** What no operation of a service has is no column of its table. */
const NOTHING = '—';

function operationTable(service: CoveredService, operations: readonly AnyOperation[]): string[] {
  const eachTarget = (text: (target: AnyTarget) => string) => (operation: AnyOperation) =>
    lines(targetsOf(operation).map(text));
  const columns: readonly Column[] = [
    ['Operation', (operation) => linkTo(service, operation)],
    [
      'Permission',
      eachTarget(({ permission, needsNoPermission }) => (needsNoPermission ? 'none' : `\`${permission}\``)),
    ],
    ['Named by', eachTarget(({ summary: { namedBy } }) => (namedBy === 'account' ? NOTHING : namedBy))],
    ['Key states', eachTarget(({ summary: { states } }) => (states.length === 0 ? NOTHING : states.join(', ')))],
    ['Other accounts', eachTarget(({ summary: { crossAccount } }) => (crossAccount ? 'yes' : NOTHING))],
    ['DryRun', ({ input }) => ('DryRun' in (input.description.members ?? {}) ? 'yes' : NOTHING)],
    ['Audit', ({ audit }) => [audit.readOnly ? 'read-only' : 'change', ...(audit.request as string[])].join(', ')],
  ];
  const shown = columns.filter(([, cell]) => operations.some((operation) => cell(operation) !== NOTHING));
  return table(
    shown.map(([title]) => title),
    operations.map((operation) => shown.map(([, cell]) => cell(operation))),
  );
}

function keySpecSection(): string[] {
  const known = Object.values(kms.KeySpec);
  const specs = Object.keys(keySpecs) as KeySpec[];
  return [
    '### Key specs',
    '',
    `${known.filter((spec) => Object.hasOwn(keySpecs, spec)).length} of the ${known.length} that the SDK knows. *Imported* says`,
    'whether material of one’s own can be imported into keys of the spec.',
    '',
    ...table(
      ['Key spec', 'Usages', 'Algorithms', 'Imported', 'Regions'],
      specs.map((spec) => {
        const { usages, importable, availability = 'all' } = keySpecs[spec];
        const algorithms = usages.flatMap((usage) => Object.values(algorithmsOf(spec, usage)).flat());
        return [`\`${spec}\``, usages.join('<br>'), algorithms.join(', '), importable ? 'yes' : 'no', availability];
      }),
    ),
    '',
  ];
}

function conditionSection({ operations, nouns }: CoveredService): string[] {
  const having = new Map<string, Set<string>>();
  /** Which operations work on what. */
  const on = new Map<string, Set<string>>();
  const add = (names: Map<string, Set<string>>, key: string, name: string) =>
    names.set(key, (names.get(key) ?? new Set()).add(name));
  for (const operation of operations.values()) {
    for (const { summary } of targetsOf(operation)) {
      for (const [noun, plural] of Object.entries(nouns)) {
        if (summary.namedBy.includes(noun)) add(on, plural, operation.name);
      }
      for (const key of summary.conditionKeys) add(having, key, operation.name);
    }
  }
  if (having.size === 0) return [];
  const listed = (names: ReadonlySet<string>) => {
    if (names.size === operations.size) return 'all';
    const whole = [...on].filter(([, those]) => [...those].every((name) => names.has(name)));
    const others = [...names].filter((name) => !whole.some(([, those]) => those.has(name))).sort();
    return [...whole.map(([plural]) => `all on ${plural}`), ...others].join(', ');
  };
  const rows = [...having].sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, names]) => [`\`${key}\``, listed(names)]);
  return ['### Condition keys', '', ...table(['Condition key', 'Operations'], rows), ''];
}

function errorSection(service: CoveredService): string[] {
  const { title, knownExceptions, whyNotAnswered } = service;
  const codes = awsErrorCodes.filter((code) => knownExceptions.includes(code));
  const silent = knownExceptions.filter((name) => !(awsErrorCodes as readonly string[]).includes(name));
  return [
    '### Errors',
    '',
    ...table(
      ['Error', 'HTTP status'],
      codes.toSorted().map((code) => {
        const { name, status } = errorForm(service, code);
        return [`\`${name}\``, String(status)];
      }),
    ),
    '',
    `Exceptions of ${title} that are not answered: ${silent.map((name) => `\`${name}\``).join(', ')}.`,
    whyNotAnswered,
    '',
  ];
}

/** What every service answers with, each in its own protocol. */
function commonErrorSection(services: readonly CoveredService[]): string[] {
  const common = awsErrorCodes.filter(
    (code) => !services.some(({ knownExceptions }) => knownExceptions.includes(code)),
  );
  const form = (service: CoveredService, code: AwsErrorCode) => {
    const { name, status } = errorForm(service, code);
    return `\`${name}\` ${status}`;
  };
  return [
    '## Errors of all services',
    '',
    ...table(
      services.map(({ title }) => title),
      common.toSorted().map((code) => services.map((service) => form(service, code))),
    ),
    '',
  ];
}

/** How a service tells of an error: by name, which the Query protocol has within its XML, and HTTP status. */
function errorForm({ protocol }: CoveredService, code: AwsErrorCode): { name: string; status: number } {
  const { status, type, body } = protocol.writeError(new KeyholdError(code), '');
  return { name: /<Code>(\w+)<\/Code>/.exec(String(body))?.[1] ?? type, status };
}

type AnyTarget = Target<unknown, unknown, unknown>;

function targetsOf(operation: AnyOperation): AnyTarget[] {
  return Object.values(operation.targets) as AnyTarget[];
}

function table(titles: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const row = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [row(titles), `|${'---|'.repeat(titles.length)}`, ...rows.map(row)];
}

/** One line where all are the same. */
function lines(texts: readonly string[]): string {
  return new Set(texts).size === 1 ? (texts[0] as string) : texts.join('<br>');
}

/** To the file that is named after the operation, if it has one to itself. */
function linkTo({ name }: CoveredService, operation: AnyOperation): string {
  const folder = `src/services/${name}`;
  const files = readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' });
  const file = files.find((path) => basename(path) === `${kebabCase(operation.name)}.ts`);
  return file === undefined ? operation.name : `[${operation.name}](../${folder}/${file})`;
}

/** As the files of operations are named: `GenerateDataKey` → `generate-data-key`. */
function kebabCase(name: string): string {
  return name.replace(/(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])/g, '-').toLowerCase();
}

function sdkVersion(service: string): string {
  const manifest = readFileSync(join(ROOT, `node_modules/@aws-sdk/client-${service}/package.json`), 'utf8');
  return (JSON.parse(manifest) as { version: string }).version;
}

if (import.meta.main) {
  const path = join(ROOT, PAGE);
  const page = coveragePage(coveredServices);
  if (!process.argv.includes('--check')) writeFileSync(path, page);
  else if (readFileSync(path, 'utf8') !== page) {
    console.error(`${PAGE}:1: is not what the declarations say: run node scripts/coverage.ts`);
    process.exitCode = 1;
  }
}
