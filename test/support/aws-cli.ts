import { spawnSync } from 'node:child_process';
import { expect } from 'vitest';
import { run } from './clients.ts';
import type { TestServer } from './server.ts';

/** The AWS CLI as people type it: with its waiters, its pages, its profiles, and what it prints. */

/**
 * AWS CLI 1.29 and 2.13 began to read AWS_ENDPOINT_URL; Debian 12 has an older one, which needs an option for its own
 * requests, and has none for those to STS that it makes for a profile with a role.
 */
export function awsCliReadsEndpointUrl(): boolean {
  const { stdout, stderr } = spawnSync('aws', ['--version'], { encoding: 'utf8' });
  const [, major, minor] = /aws-cli\/(\d+)\.(\d+)/.exec(`${stdout}${stderr}`) ?? [];
  return Number(minor) >= (major === '1' ? 29 : 13);
}

/** @param environment beside that of the server: whose credentials, which profile */
export function awsCliFor(server: TestServer, environment: NodeJS.ProcessEnv = {}) {
  const execute = (args: readonly string[]) =>
    run('aws', [...args, '--endpoint-url', server.url, '--output', 'json'], {
      ...server.awsEnvironment,
      ...environment,
    });
  return {
    /** What the command prints, which is JSON or nothing. */
    async answer(...args: readonly string[]) {
      const { status, stdout, stderr } = await execute(args);
      expect(stderr.trim(), args.join(' ')).toBe('');
      expect(status).toBe(0);
      return stdout.trim() === '' ? undefined : JSON.parse(stdout);
    },
    /** What it says instead. */
    async refusal(...args: readonly string[]): Promise<string> {
      const { status, stderr } = await execute(args);
      expect(status, args.join(' ')).toBeGreaterThan(0);
      return stderr.trim();
    },
  };
}

/** The environment of someone with these credentials and no others, as IAM and STS answer with them. */
export function environmentWith(credentials: {
  readonly AccessKeyId: string;
  readonly SecretAccessKey: string;
  readonly SessionToken?: string;
}): NodeJS.ProcessEnv {
  return {
    AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
    AWS_ACCESS_KEY_ID: credentials.AccessKeyId,
    AWS_SECRET_ACCESS_KEY: credentials.SecretAccessKey,
    ...(credentials.SessionToken === undefined ? {} : { AWS_SESSION_TOKEN: credentials.SessionToken }),
  };
}
