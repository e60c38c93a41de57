import { parseArgs } from 'node:util';
import { type Plan, runBenchmark } from './benchmark.ts';
import { canMeasureProcesses } from './process-usage.ts';
import { jsonReport, tableReport } from './report.ts';
import { workloads } from './workload.ts';

/** `npm run bench`. Exit status: 0 whether or not targets are met, 2 for a bad command line, 1 for a run that failed. */

const HELP = `Usage: npm run bench -- [options]

Measures Keyhold's operations against a bare node:http server that echoes the same requests.

  --quick         within 45 seconds: shorter, and with 5,000 keys where the whole run has 100,000
  --only <text>   nothing but the operations whose names contain the text, such as "Sign ECC"
  --audit         nothing but what auditing costs an Encrypt
  --json          print {"<operation>": {"requestsPerSecond", "p50Ms", "p99Ms", "cpuMicrosPerRequest", "ratioToBare"}, …}
  --profile       have Keyhold write CPU profiles (with 100 keys only), and print where they are
  --help          print this and exit`;

const CONNECTIONS = 16;
const whole: Plan = {
  workloads,
  keyCounts: [100, 100_000],
  connections: CONNECTIONS,
  roundMs: 500,
  measureMs: 90_000,
  wholeMs: 600_000,
  warmUpRequests: 20_000,
  warmUpMs: 4_000,
  contention: { rounds: 5, roundMs: 3_000, patienceMs: 30_000 },
  grants: { few: 10, many: 50_000, rounds: 25, decisionsPerRound: 2_000 },
  identityPolicies: { policies: 5, statementsEach: 10, rounds: 25, requestsPerRound: 2_000 },
  auditing: { rounds: 10, requestsPerRound: 20_000 },
  profile: false,
};
const quick: Plan = {
  ...whole,
  keyCounts: [100, 5_000],
  roundMs: 250,
  measureMs: 15_000,
  wholeMs: 30_000,
  warmUpRequests: 4_000,
  warmUpMs: 600,
  contention: { rounds: 1, roundMs: 2_000, patienceMs: 4_000 },
  grants: undefined,
  identityPolicies: { policies: 5, statementsEach: 10, rounds: 3, requestsPerRound: 1_000 },
  auditing: undefined,
};

const options = readOptions();
if (options?.help === true) console.log(HELP);
else if (options !== undefined) await run(options);

function readOptions() {
  try {
    const option = { type: 'boolean' } as const;
    return parseArgs({
      options: { quick: option, only: { type: 'string' }, audit: option, json: option, profile: option, help: option },
    }).values;
  } catch (error) {
    return refuse(`${(error as Error).message.split('. ')[0]}. See --help.`);
  }
}

async function run({ quick: isQuick, only, audit, json, profile }: NonNullable<ReturnType<typeof readOptions>>) {
  if (!canMeasureProcesses()) return refuse('the CPU time of processes is read from /proc, which this system lacks');
  const length = isQuick === true ? quick : whole;
  const plan = audit === true ? onlyAuditing(length) : only === undefined ? length : withOnly(length, only);
  if (plan.workloads.length === 0 && audit !== true)
    return refuse(`no operation's name contains '${only}'. See --help.`);
  const tell = (line: string) => console.error(`bench: ${line}`);
  const report = await runBenchmark(profile === true ? { ...plan, keyCounts: [100], profile } : plan, tell);
  if (json === true) console.log(JSON.stringify(jsonReport(report), undefined, 2));
  // With --json, standard output is for the machine that reads it.
  (json === true ? console.error : console.log)(tableReport(report));
}

function onlyAuditing(plan: Plan): Plan {
  return { ...withOnly(plan, ''), workloads: [], measureMs: 0, auditing: whole.auditing };
}

function withOnly(plan: Plan, text: string): Plan {
  return {
    ...plan,
    workloads: workloads.filter(({ name }) => name.includes(text)),
    contention: undefined,
    grants: undefined,
    identityPolicies: undefined,
    auditing: undefined,
  };
}

function refuse(message: string): undefined {
  console.error(`bench: ${message}`);
  process.exitCode = 2;
}
