import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { Agent } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import * as cloudtrail from '@aws-sdk/client-cloudtrail';
import * as cloudwatch from '@aws-sdk/client-cloudwatch';
import * as iam from '@aws-sdk/client-iam';
import * as kms from '@aws-sdk/client-kms';
import * as sts from '@aws-sdk/client-sts';
import { describe, test } from 'vitest';
import type { TestServer } from './server.ts';

/**
 * AWS's own clients behind one small interface, so that one flow can be shown with each of them. A client that is not
 * installed is skipped with a note, but where KEYHOLD_REQUIRE_CLIENTS is 1, as in CI, its tests fail instead.
 */
export interface AwsClient {
  /**
   * Performs an operation, with bytes as Uint8Array and times as Date: `Encrypt` of KMS, `iam.CreateUser`, `sts.AssumeRole`.
   * Rejects with a {@link ClientRefusal} if the server refuses it.
   */
  call(operation: string, input?: ClientInput): Promise<ClientOutput>;
  close(): void;
}

/** A member's value. Bytes and times stand at the top only. */
type Value =
  | string
  | number
  | boolean
  | readonly (string | Readonly<Record<string, unknown>>)[]
  | Readonly<Record<string, string | Record<string, string>>>;
export type ClientInput = Readonly<Record<string, Value | Uint8Array | Date>>;

const BLOBS = [
  'Plaintext',
  'CiphertextBlob',
  'Signature',
  'Mac',
  'PublicKey',
  'SharedSecret',
  'PrivateKeyPlaintext',
  'PrivateKeyCiphertextBlob',
  'ImportToken',
] as const;

/** The members of all outputs that the flows look at. */
export interface ClientOutput extends Readonly<Partial<Record<(typeof BLOBS)[number], Buffer>>> {
  readonly KeyMetadata?: KeyMetadata;
  readonly ReplicaKeyMetadata?: KeyMetadata;
  readonly Aliases?: readonly { readonly AliasName: string; readonly TargetKeyId: string }[];
  readonly KeyId?: string;
  readonly SourceKeyId?: string;
  readonly GrantId?: string;
  readonly GrantToken?: string;
  readonly Grants?: readonly object[];
  readonly Rotations?: readonly object[];
  readonly Arn?: string;
  readonly User?: { readonly Arn: string; readonly UserId: string };
  readonly Role?: { readonly Arn: string; readonly RoleId: string };
  /** IAM answers with a structure, GetKeyPolicy of KMS with a text. */
  readonly Policy?: { readonly Arn: string } | string;
  readonly AccessKey?: { readonly AccessKeyId: string; readonly SecretAccessKey: string };
  readonly Credentials?: {
    readonly AccessKeyId: string;
    readonly SecretAccessKey: string;
    readonly SessionToken: string;
  };
}

interface KeyMetadata {
  readonly KeyId: string;
  readonly Arn: string;
  readonly KeyState: string;
  readonly ValidTo?: Date;
}

/** Who calls, and where to. Default: the server's administrator, in us-east-1. */
export interface Caller {
  readonly region?: string;
  /** In the sandbox: root of this account. */
  readonly accountId?: string;
  readonly credentials?: Credentials;
  /** Of the certificate authority that the server's certificate is of, where it is none of the system's: a file. */
  readonly caBundle?: string;
}

export interface Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
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
  /** Whether the version that is installed is new enough to have an operation. */
  knows(operation: string): boolean;
  connect(server: TestServer, caller?: Caller): AwsClient;
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

const REGION = 'us-east-1';

type ServiceName = 'kms' | 'iam' | 'sts' | 'cloudtrail' | 'cloudwatch';

/** `iam.CreateUser` → `['iam', 'CreateUser']`. */
function serviceAndName(operation: string): [ServiceName, string] {
  const [service = '', name] = operation.split('.');
  return name === undefined ? ['kms', service] : [service as ServiceName, name];
}

const sdks = { kms, iam, sts, cloudtrail, cloudwatch } as unknown as Readonly<
  Record<string, Readonly<Record<string, new (input: object) => kms.EncryptCommand>>>
>;

function commandOf(operation: string): (new (input: object) => kms.EncryptCommand) | undefined {
  const [service, name] = serviceAndName(operation);
  return sdks[service]?.[`${name}Command`];
}

/** The sandbox takes an account's number for an access key of its root user. */
function sandboxCredentials(accountId: string) {
  return { accessKeyId: accountId, secretAccessKey: 'anything' };
}

function credentialsOf({ accountId, credentials }: Caller): Credentials | undefined {
  return accountId === undefined ? credentials : sandboxCredentials(accountId);
}

function environmentOf({ awsEnvironment }: TestServer, caller: Caller = {}): NodeJS.ProcessEnv {
  const { region = REGION, caBundle } = caller;
  const credentials = credentialsOf(caller);
  return {
    ...awsEnvironment,
    AWS_REGION: region,
    AWS_DEFAULT_REGION: region,
    ...(caBundle === undefined ? {} : { AWS_CA_BUNDLE: caBundle }),
    ...(credentials === undefined
      ? {}
      : { AWS_ACCESS_KEY_ID: credentials.accessKeyId, AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey }),
    ...(credentials?.sessionToken === undefined ? {} : { AWS_SESSION_TOKEN: credentials.sessionToken }),
  };
}

export const javascriptSdk: ClientKind = {
  name: 'the AWS SDK for JavaScript',
  isInstalled: () => true,
  knows: (operation) => commandOf(operation) !== undefined,
  connect(server, caller = {}) {
    const { region = REGION, caBundle } = caller;
    const config = {
      endpoint: server.url,
      region,
      credentials: credentialsOf(caller) ?? server.credentials,
      maxAttempts: 1,
      ...(caBundle === undefined ? {} : { requestHandler: { httpsAgent: new Agent({ ca: readFileSync(caBundle) }) } }),
    };
    const clients = {
      kms: new kms.KMSClient(config),
      iam: new iam.IAMClient(config) as unknown as kms.KMSClient,
      sts: new sts.STSClient(config) as unknown as kms.KMSClient,
      cloudtrail: new cloudtrail.CloudTrailClient(config) as unknown as kms.KMSClient,
      cloudwatch: new cloudwatch.CloudWatchClient(config) as unknown as kms.KMSClient,
    };
    return {
      async call(operation, input = {}) {
        const Command = commandOf(operation);
        if (Command === undefined) throw new Error(`the SDK has no ${operation}`);
        const [service] = serviceAndName(operation);
        try {
          return normalized(await clients[service].send(new Command(input)));
        } catch (error) {
          if (isServiceException(error)) throw new ClientRefusal(error.name, error.message);
          throw error;
        }
      },
      close: () => {
        for (const client of Object.values(clients)) client.destroy();
      },
    };
  },
};

export const awsCli: ClientKind = {
  name: 'the AWS CLI',
  isInstalled: () => spawnSync('aws', ['--version']).status === 0,
  // What it has it misses the required options of; what it has not is an invalid choice.
  knows: (operation) => {
    const [service, name] = serviceAndName(operation);
    return !/invalid choice/i.test(String(spawnSync('aws', [service, kebab(name)]).stderr));
  },
  connect(server, caller) {
    const environment = environmentOf(server, caller);
    const files = mkdtempSync(join(tmpdir(), 'keyhold-cli-'));
    let fileCount = 0;
    /** Version 1 takes a blob's bytes on the command line and version 2 their base64; a file means the same to both. */
    const inFile = (bytes: Uint8Array): string => {
      const path = join(files, String(fileCount++));
      writeFileSync(path, bytes);
      return `fileb://${path}`;
    };
    const option = ([name, value]: [string, ClientInput[string]]): string[] => {
      if (typeof value === 'boolean') return [`--${value ? '' : 'no-'}${kebab(name)}`];
      const flag = `--${kebab(name)}`;
      if (value instanceof Uint8Array) return [flag, inFile(value)];
      if (value instanceof Date) return [flag, value.toISOString()];
      return [flag, typeof value === 'object' ? JSON.stringify(value) : String(value)];
    };
    return {
      async call(operation, input = {}) {
        const options = Object.entries(input).flatMap(option);
        const [service, name] = serviceAndName(operation);
        const args = [service, kebab(name), '--endpoint-url', server.url, '--output', 'json', ...options];
        const { status, stdout, stderr } = await run('aws', args, environment);
        const refused = /An error occurred \((\w+)\) when calling the \w+ operation(?: \([^)]*\))?: ?(.*)/s.exec(
          stderr,
        );
        if (refused !== null) throw new ClientRefusal(refused[1] ?? '', (refused[2] ?? '').trim());
        if (status !== 0) throw new Error(`aws ${args.join(' ')} ended with status ${status}:\n${stderr}`);
        return normalized(stdout === '' ? {} : JSON.parse(stdout));
      },
      close: () => rmSync(files, { recursive: true, force: true }),
    };
  },
};

export const boto3: ClientKind = {
  name: 'boto3',
  isInstalled: () => spawnSync('python3', ['-c', 'import boto3']).status === 0,
  knows(operation) {
    const [service, name] = serviceAndName(operation);
    const script = `import boto3; boto3.client('${service}', '${REGION}').${snake(name)}`;
    return spawnSync('python3', ['-c', script]).status === 0;
  },
  connect(server, caller) {
    const python = spawn('python3', ['-c', BOTO3_DRIVER, server.url], { env: environmentOf(server, caller) });
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
        const [service, name] = serviceAndName(operation);
        const request = { service, operation: snake(name), input: Object.fromEntries(plain) };
        python.stdin.write(`${JSON.stringify(request)}\n`);
        const line = await answers.next();
        if (line.done === true) throw new Error(`python3 ended:\n${complaint}`);
        const answer = JSON.parse(line.value) as { output?: object; error?: string; message?: string };
        if (answer.error !== undefined) throw new ClientRefusal(answer.error, answer.message ?? '');
        return normalized(answer.output ?? {});
      },
      close: () => python.stdin.end(),
    };
  },
};

/** Answers each line of JSON, an operation and its input, with another: its output or its error. */
const BOTO3_DRIVER = `
import base64, json, sys, boto3, botocore.exceptions

clients = {
    service: boto3.client(service, endpoint_url=sys.argv[1], config=boto3.session.Config(retries={'total_max_attempts': 1}))
    for service in ('kms', 'iam', 'sts', 'cloudtrail', 'cloudwatch')
}

def plain(value):
    return base64.b64encode(value).decode() if isinstance(value, bytes) else value.isoformat()

for line in sys.stdin:
    request = json.loads(line)
    arguments = {
        name: base64.b64decode(value['$bytes']) if isinstance(value, dict) and '$bytes' in value else value
        for name, value in request['input'].items()
    }
    try:
        answer = {'output': getattr(clients[request['service']], request['operation'])(**arguments)}
    except botocore.exceptions.ClientError as error:
        answer = {'error': error.response['Error']['Code'], 'message': error.response['Error']['Message']}
    print(json.dumps(answer, default=plain), flush=True)
`;

/** Runs a command to its end. */
export function run(command: string, args: readonly string[], env: NodeJS.ProcessEnv) {
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

function isServiceException(error: unknown): error is Error {
  const kinds = [
    kms.KMSServiceException,
    iam.IAMServiceException,
    sts.STSServiceException,
    cloudtrail.CloudTrailServiceException,
    cloudwatch.CloudWatchServiceException,
  ];
  return kinds.some((kind) => error instanceof kind);
}

/** Blobs as buffers, however a client gives them: bytes, or base64. Times as dates: seconds, or a text. */
function normalized(output: object): ClientOutput {
  const value = (name: string, given: unknown): unknown => {
    if ((BLOBS as readonly string[]).includes(name)) {
      return typeof given === 'string' ? Buffer.from(given, 'base64') : Buffer.from(given as Uint8Array);
    }
    if (name === 'ValidTo') return new Date(typeof given === 'number' ? given * 1000 : (given as string | Date));
    return name.endsWith('KeyMetadata') ? normalized(given as object) : given;
  };
  return Object.fromEntries(Object.entries(output).map(([name, given]) => [name, value(name, given)]));
}

/** `GenerateDataKey` → `generate-data-key`, `OKActions` → `ok-actions`. */
function kebab(name: string): string {
  return name.replace(/(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])/g, '-').toLowerCase();
}

function snake(name: string): string {
  return kebab(name).replaceAll('-', '_');
}
