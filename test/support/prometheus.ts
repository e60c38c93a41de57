import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { projectRoot } from './server.ts';

/** Prometheus's own tool, which knows nothing of us, and its text format. */
export const promtool = {
  name: 'promtool (of Debian, the package prometheus)',
  isInstalled: () => spawnSync('promtool', ['--version']).status === 0,
};

/** What promtool says, to a text on its standard input; it says of what is well and with status 0 that it is. */
export function runPromtool(
  args: readonly string[],
  input = '',
): { readonly status: number | null; readonly said: string } {
  const { status, stdout, stderr } = spawnSync('promtool', args, { cwd: projectRoot, input, encoding: 'utf8' });
  return { status, said: `${stdout}${stderr}` };
}

/** The value of each series, by its name and labels as they are written. */
export type Figures = ReadonlyMap<string, number>;

export function figuresOf(text: string): Figures {
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    lines.map((line) => {
      const space = line.lastIndexOf(' ');
      return [line.slice(0, space), Number(line.slice(space + 1))];
    }),
  );
}

/** The names that a query can find, in the text: those of histograms with their endings. */
export function namesIn(text: string): ReadonlySet<string> {
  const families = [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)];
  return new Set(
    families.flatMap(([, name = '', type]) =>
      type === 'histogram' ? [`${name}_bucket`, `${name}_sum`, `${name}_count`] : [name],
    ),
  );
}

/**
 * What alerts Prometheus would raise if a server had shown the first figures for three minutes and then, for three more, the
 * second: the promtool's words, which are SUCCESS if it would raise just those expected.
 */
export function testAlerts(
  before: Figures,
  after: Figures,
  expected: Readonly<Record<string, readonly object[]>>,
): ReturnType<typeof runPromtool> {
  const series = [...after.keys()].map((name) => {
    const [first, last] = [before.get(name) ?? '_', after.get(name)];
    const target = "job='keyhold',instance='k'".replaceAll("'", '"');
    const labelled = name.endsWith('}') ? `${name.slice(0, -1)},${target}}` : `${name}{${target}}`;
    return { series: labelled, values: `${first} ${first} ${first} ${last} ${last} ${last}` };
  });
  const test = {
    interval: '1m',
    input_series: series,
    alert_rule_test: Object.entries(expected).map(([alertname, exp_alerts]) => ({
      eval_time: '5m',
      alertname,
      exp_alerts,
    })),
  };
  const rule_files = [join(projectRoot, 'deploy/prometheus/keyhold-rules.yml')];
  return runPromtoolOn(['test', 'rules'], { rule_files, tests: [test] });
}

/** What promtool says of queries, which it reads in rules. */
export function checkQueries(queries: readonly string[]): ReturnType<typeof runPromtool> {
  const rules = queries.map((expr, at) => ({ record: `query_${at}`, expr }));
  return runPromtoolOn(['check', 'rules'], { groups: [{ name: 'queries', rules }] });
}

function runPromtoolOn(args: readonly string[], file: object): ReturnType<typeof runPromtool> {
  const directory = mkdtempSync(join(tmpdir(), 'keyhold-test-'));
  try {
    const path = join(directory, 'file.yml');
    // JSON is YAML.
    writeFileSync(path, JSON.stringify(file));
    return runPromtool([...args, path]);
  } finally {
    rmSync(directory, { recursive: true });
  }
}
