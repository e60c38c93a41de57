import { afterAll, beforeAll, expect, test } from 'vitest';
import { awsCliFor } from './support/aws-cli.ts';
import { awsCli, describeWith } from './support/clients.ts';
import { cleanUp, startServer, type TestServer } from './support/server.ts';

/** `aws iam`, as people type it: managed policies and the policy simulator. */
describeWith(awsCli, 'the AWS CLI', () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startServer();
  });
  afterAll(() => cleanUp(server));

  const iam = (...args: readonly string[]) => awsCliFor(server).answer('iam', ...args);

  const policy = (Action: string) =>
    JSON.stringify({ Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action, Resource: '*' }] });

  test('makes a policy, gives it to a user, and simulates what that allows', async () => {
    const { Policy } = await iam('create-policy', '--policy-name=encrypts', '--policy-document', policy('kms:Encrypt'));
    const arn = `--policy-arn=${Policy.Arn}`;
    expect(Policy).toMatchObject({ PolicyName: 'encrypts', DefaultVersionId: 'v1', AttachmentCount: 0 });
    await iam('create-policy-version', arn, '--policy-document', policy('kms:*'), '--set-as-default');
    const { PolicyVersion } = await iam('get-policy-version', arn, '--version-id=v1');
    expect(PolicyVersion).toMatchObject({ Document: JSON.parse(policy('kms:Encrypt')), IsDefaultVersion: false });

    const { User } = await iam('create-user', '--user-name=alice');
    await iam('attach-user-policy', '--user-name=alice', arn);
    expect(await iam('list-attached-user-policies', '--user-name=alice')).toEqual({
      AttachedPolicies: [{ PolicyName: 'encrypts', PolicyArn: Policy.Arn }],
    });
    const boundary = '--permissions-boundary=arn:aws:iam::aws:policy/ReadOnlyAccess';
    await iam('put-user-permissions-boundary', '--user-name=alice', boundary);

    const actions = ['--action-names', 'kms:Decrypt', 'kms:DescribeKey'];
    const { EvaluationResults } = await iam('simulate-principal-policy', `--policy-source-arn=${User.Arn}`, ...actions);
    expect(EvaluationResults).toEqual([
      {
        EvalActionName: 'kms:Decrypt',
        EvalResourceName: '*',
        EvalDecision: 'implicitDeny',
        MatchedStatements: [],
        MissingContextValues: [],
        PermissionsBoundaryDecisionDetail: { AllowedByPermissionsBoundary: false },
      },
      {
        EvalActionName: 'kms:DescribeKey',
        EvalResourceName: '*',
        EvalDecision: 'allowed',
        MatchedStatements: [
          {
            SourcePolicyId: 'encrypts',
            SourcePolicyType: 'IAM Policy',
            StartPosition: { Line: 1, Column: 38 },
            EndPosition: { Line: 1, Column: policy('kms:*').length - 1 },
          },
        ],
        MissingContextValues: [],
        PermissionsBoundaryDecisionDetail: { AllowedByPermissionsBoundary: true },
      },
    ]);

    expect(await awsCliFor(server).refusal('iam', 'delete-policy', arn)).toContain(
      'An error occurred (DeleteConflict) when calling the DeletePolicy operation: ' +
        'Cannot delete a policy attached to entities.',
    );
    const attached = await iam('list-policies', '--scope=All', '--only-attached', '--page-size=5');
    expect(attached.Policies.map((each: { PolicyName: string }) => each.PolicyName)).toEqual([
      'AdministratorAccess',
      'encrypts',
    ]);
  });

  test('simulates a policy that nobody has, at the moment of AWS’s own example', async () => {
    const text =
      '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"dynamodb:*","Resource":"*","Condition":{"DateGreaterThan":{"aws:CurrentTime":"2018-08-16T12:00:00Z"}}}}';
    const at = "ContextKeyName='aws:CurrentTime',ContextKeyValues='2019-04-25T11:00:00Z',ContextKeyType=date";
    const { EvaluationResults } = await iam(
      ...['simulate-custom-policy', '--policy-input-list', text, '--action-names', 'dynamodb:CreateBackup'],
      ...['--context-entries', at],
    );
    expect(EvaluationResults).toEqual([
      {
        EvalActionName: 'dynamodb:CreateBackup',
        EvalResourceName: '*',
        EvalDecision: 'allowed',
        MatchedStatements: [
          {
            SourcePolicyId: 'PolicyInputList.1',
            SourcePolicyType: 'IAM Policy',
            StartPosition: { Line: 1, Column: 38 },
            EndPosition: { Line: 1, Column: 167 },
          },
        ],
        MissingContextValues: [],
      },
    ]);
  });
});
