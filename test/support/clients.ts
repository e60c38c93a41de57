import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import * as sdk from '@aws-sdk/client-kms';
import { describe, test } from 'vitest';
import type { TestServer } from './server.ts';

/**
 * AWS's own clients behind one small interface, so that one flow can be shown with each of them. A client that is not
 * installed is skipped with a note, but where KEYHOLD_REQUIRE_CLIENTS is 1, as in CI, its tests fail instead.
 */
export interface AwsClient {
  /** Performs an operation, with bytes as Uint8Array. Rejects with a {@link ClientRefusal} if the server refuses it. */
  call(operation: string, input?: ClientInput): Promise<ClientOutput>;
  close(): void;
}

export type ClientInput = Readonly<Record<string, string | Uint8Array | Readonly<Record<string, string>>>>;

/** The members of all outputs that the flows look at. */
export interface ClientOutput {
  readonly KeyMetadata?: { readonly KeyId: string; readonly Arn: string; readonly KeyState: string };
  readonly Aliases?: readonly { readonly AliasName: string; readonly TargetKeyId: string }[];
  readonly KeyId?: string;
  readonly SourceKeyId?: string;
  readonly Plaintext?: Buffer;
  readonly CiphertextBlob?: Buffer;
}

/** What a client tells of an error response: the exception's name, and its text. */
export class ClientRefusal extends Error {
  constructor(name: string, message: string) {
    super(message);
    this.name = name;
  }
}

export interface ClientKind {
  /** As in a sentence: `the AWS CLI`. */
  readonly name: string;
  isInstalled(): boolean;
  connect(server: TestServer): AwsClient;
}

/** A `describe` of tests that need a client, or another program. */
export function describeWith(client: Pick<ClientKind, 'name' | 'isInstalled'>, title: string, tests: () => void): void {
  if (client.isInstalled()) {
    describe(title, tests);
  } else if (process.env['KEYHOLD_REQUIRE_CLIENTS'] === '1') {
    test(title, () => {
      throw new Error(`${client.name} is not installed, and KEYHOLD_REQUIRE_CLIENTS=1 says that it must be`);
    });
  } else {
    const note = `skipped: ${client.name} is not installed`;
    console.warn(note);
    describe.skip(`${title} (${note})`, tests);
  }
}

export const javascriptSdk: ClientKind = {
  name: 'the AWS SDK for JavaScript',
  isInstalled: () => true,
  connect(server) {
    const kms = server.kms();
    const commands = sdk as unknown as Record<string, new (input: object) => sdk.EncryptCommand>;
    return {
      async call(operation, input = {}) {
        const Command = commands[`${operation}Command`];
        if (Command === undefined) throw new Error(`the SDK has no ${operation}`);
        try {
          return withBuffers(await kms.send(new Command(input)));
        } catch (error) {
          if (error instanceof sdk.KMSServiceException) throw new ClientRefusal(error.name, error.message);
          throw error;
        }
      },
      close: () => kms.destroy(),
    };
  },
};

export const awsCli: ClientKind = {
  name: 'the AWS CLI',
  isInstalled: () => spawnSync('aws', ['--version']).status === 0,
  connect(server) {
    const files = mkdtempSync(join(tmpdir(), 'keyhold-cli-'));
    let fileCount = 0;
    /** Version 1 takes a blob's bytes on the command line and version 2 their base64; a file means the same to both. */
    const inFile = (bytes: Uint8Array): string => {
      const path = join(files, String(fileCount++));
      writeFileSync(path, bytes);
      return `fileb://${path}`;
    };
    const option = ([name, value]: [string, ClientInput[string]]): string[] => {
      const flag = `--${kebab(name)}`;
      if (value instanceof Uint8Array) return [flag, inFile(value)];
      return [flag, typeof value === 'object' ? JSON.stringify(value) : (value ?? '')];
    };
    return {
      async call(operation, input = {}) {
        const options = Object.entries(input).flatMap(option);
        const args = ['kms', kebab(operation), '--endpoint-url', server.url, '--output', 'json', ...options];
        const { status, stdout, stderr } = await run('aws', args, server.awsEnvironment);
        const refused = /An error occurred \((\w+)\) when calling the \w+ operation(?: \([^)]*\))?: ?(.*)/s.exec(
          stderr,
        );
        if (refused !== null) throw new ClientRefusal(refused[1] ?? '', (refused[2] ?? '').trim());
        if (status !== 0) throw new Error(`aws ${args.join(' ')} ended with status ${status}:\n${stderr}`);
        return withBuffers(stdout === '' ? {} : JSON.parse(stdout));
      },
      close: () => rmSync(files, { recursive: true, force: true }),
    };
  },
};

export const boto3: ClientKind = {
  name: 'boto3',
  isInstalled: () => spawnSync('python3', ['-c', 'import boto3']).status === 0,
  connect(server) {
    const python = spawn('python3', ['-c', BOTO3_DRIVER, server.url], { env: server.awsEnvironment });
    let complaint = '';
    python.stderr.setEncoding('utf8').on('data', (text: string) => {
      complaint += text;
    });
    const answers = createInterface(python.stdout)[Symbol.asyncIterator]();
    return {
      async call(operation, input = {}) {
        const plain = Object.entries(input).map(([name, value]) => [
          name,
          value instanceof Uint8Array ? { $bytes: Buffer.from(value).toString('base64') } : value,
        ]);
        python.stdin.write(`${JSON.stringify({ operation: snake(operation), input: Object.fromEntries(plain) })}\n`);
        const line = await answers.next();
        if (line.done === true) throw new Error(`python3 ended:\n${complaint}`);
        const answer = JSON.parse(line.value) as { output?: object; error?: string; message?: string };
        if (answer.error !== undefined) throw new ClientRefusal(answer.error, answer.message ?? '');
        return withBuffers(answer.output ?? {});
      },
      close: () => python.stdin.end(),
    };
  },
};

/** Answers each line of JSON, an operation and its input, with another: its output or its error. */
const BOTO3_DRIVER = `
import base64, json, sys, boto3, botocore.exceptions

kms = boto3.client('kms', endpoint_url=sys.argv[1], config=boto3.session.Config(retries={'total_max_attempts': 1}))

def plain(value):
    return base64.b64encode(value).decode() if isinstance(value, bytes) else value.isoformat()

for line in sys.stdin:
    request = json.loads(line)
    arguments = {
        name: base64.b64decode(value['$bytes']) if isinstance(value, dict) and '$bytes' in value else value
        for name, value in request['input'].items()
    }
    try:
        answer = {'output': getattr(kms, request['operation'])(**arguments)}
    except botocore.exceptions.ClientError as error:
        answer = {'error': error.response['Error']['Code'], 'message': error.response['Error']['Message']}
    print(json.dumps(answer, default=plain), flush=True)
`;

function run(command: string, args: readonly string[], env: NodeJS.ProcessEnv) {
  const child = spawn(command, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
  const output = { stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output.stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    output.stderr += text;
  });
  return new Promise<{ status: number | null; stdout: string; stderr: string }>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (status) => resolve({ status, ...output }));
  });
}

/** Blobs as buffers, whether a client gives them as bytes or in base64. */
function withBuffers(output: object): ClientOutput {
  const blobs = ['Plaintext', 'CiphertextBlob'];
  return Object.fromEntries(
    Object.entries(output).map(([name, value]) => {
      if (!blobs.includes(name)) return [name, value];
      return [name, typeof value === 'string' ? Buffer.from(value, 'base64') : Buffer.from(value as Uint8Array)];
    }),
  );
}

/** `GenerateDataKey` → `generate-data-key`. */
function kebab(name: string): string {
  return name.replace(/(?<!^)[A-Z]/g, '-$&').toLowerCase();
}

function snake(name: string): string {
  return kebab(name).replaceAll('-', '_');
}
