import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { boto3, run } from './clients.ts';
import type { TestServer } from './server.ts';

/** Ansible itself, with the modules of its collections for AWS, which call it through boto3. */

/** @param modules with their collections: `amazon.aws.kms_key` */
export function ansibleWith(...modules: readonly string[]) {
  return {
    name: `Ansible with ${modules.join(', ')}`,
    isInstalled() {
      // For a module that is missing, ansible-doc succeeds too and says nothing of it.
      const { stdout } = spawnSync('ansible-doc', ['--json', ...modules], { encoding: 'utf8' });
      return boto3.isInstalled() && modules.every((name) => stdout?.includes(`"${name}"`) === true);
    },
  };
}

/** A task of a playbook: a module with its parameters, and what else one can say of a task. */
export type Task = Readonly<Record<string, unknown>>;

/** What a module returns. */
export type TaskResult = Readonly<Record<string, unknown>> & {
  readonly changed: boolean;
  readonly msg?: string;
};

/** Runs one playbook, and gives what each task returned. Rejects when one fails. */
export async function runPlaybook(server: TestServer, tasks: readonly Task[]): Promise<TaskResult[]> {
  const directory = mkdtempSync(join(tmpdir(), 'keyhold-ansible-'));
  try {
    const defaults = { endpoint_url: server.url, region: 'us-east-1' };
    const play = {
      hosts: 'localhost',
      connection: 'local',
      gather_facts: false,
      module_defaults: { 'group/amazon.aws.aws': defaults, 'group/community.aws.aws': defaults },
      vars: { ansible_python_interpreter: pythonOfBoto3(), ansible_remote_tmp: join(directory, 'remote') },
      tasks,
    };
    const path = join(directory, 'playbook.json');
    writeFileSync(path, JSON.stringify([play]));
    const { status, stdout, stderr } = await run('ansible-playbook', ['--inventory', 'localhost,', path], {
      ...server.awsEnvironment,
      // Ansible refuses to run where it cannot tell UTF-8.
      LC_ALL: 'C.UTF-8',
      HOME: directory,
      ANSIBLE_HOME: join(directory, 'home'),
      ANSIBLE_LOCAL_TEMP: join(directory, 'local'),
      ANSIBLE_STDOUT_CALLBACK: 'ansible.posix.json',
    });
    // Warnings may come before the report.
    const report = stdout.indexOf('{');
    const results = report === -1 ? [] : resultsIn(stdout.slice(report));
    if (status === 0) return results;
    throw new Error(`ansible-playbook ended with status ${status}: ${results.at(-1)?.msg ?? stdout}\n${stderr}`);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Ansible runs under its own Python; its modules under this one. */
function pythonOfBoto3(): string {
  return String(spawnSync('python3', ['-c', 'import sys; print(sys.executable)']).stdout).trim();
}

interface Report {
  readonly plays: readonly { readonly tasks: readonly { readonly hosts: Readonly<Record<string, TaskResult>> }[] }[];
}

function resultsIn(report: string): TaskResult[] {
  const { plays } = JSON.parse(report) as Report;
  return plays.flatMap(({ tasks }) => tasks.flatMap(({ hosts }) => Object.values(hosts)));
}
