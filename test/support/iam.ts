import * as iam from '@aws-sdk/client-iam';
import type { TestServer } from './server.ts';

/** IAM through the AWS SDK. */

export function iamClient(server: TestServer, credentials = server.credentials): iam.IAMClient {
  return new iam.IAMClient({ endpoint: server.url, region: 'us-east-1', credentials, maxAttempts: 1 });
}

export function document(...statements: object[]): string {
  return JSON.stringify({ Version: '2012-10-17', Statement: statements });
}

/** A policy that lets these principals assume a role. */
export function trustOf(Principal: object): string {
  return document({ Effect: 'Allow', Principal, Action: 'sts:AssumeRole' });
}

/** What a refused request is told: the exception's name and its text. */
export async function refusal(request: Promise<unknown>): Promise<string> {
  try {
    await request;
  } catch (error) {
    if (error instanceof iam.IAMServiceException) return `${error.name}: ${error.message}`;
    throw error;
  }
  throw new Error('the request was not refused');
}

/** Makes a user, for policies and grants to name: by its ARN, which this gives. */
export async function newUser(server: TestServer, UserName: string, Path = '/'): Promise<string> {
  const { User } = await iamClient(server).send(new iam.CreateUserCommand({ UserName, Path }));
  if (User?.Arn === undefined) throw new Error('CreateUser answers with the user');
  return User.Arn;
}

/** A client of a new user whose only policy has these statements. */
export async function userWith(server: TestServer, UserName: string, ...statements: object[]): Promise<iam.IAMClient> {
  const administrator = iamClient(server);
  await administrator.send(new iam.CreateUserCommand({ UserName }));
  const PolicyDocument = document(...statements);
  await administrator.send(new iam.PutUserPolicyCommand({ UserName, PolicyName: 'only', PolicyDocument }));
  const { AccessKey } = await administrator.send(new iam.CreateAccessKeyCommand({ UserName }));
  const { AccessKeyId: accessKeyId = '', SecretAccessKey: secretAccessKey = '' } = AccessKey ?? {};
  return iamClient(server, { accessKeyId, secretAccessKey });
}
