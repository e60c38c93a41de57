// biome-ignore-all lint/suspicious/noTemplateCurlyInString: policy variables and forms of ARNs look like template literals.
import * as iam from '@aws-sdk/client-iam';
import { CreateKeyCommand, EncryptCommand, PutKeyPolicyCommand } from '@aws-sdk/client-kms';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { document, iamClient, refusal } from './support/iam.ts';
import { cleanUp, startServer, type TestServer } from './support/server.ts';

/** The policy simulator as clients of IAM see it. */

let server: TestServer;
let admin: iam.IAMClient;
let alice: string;
let key: string;

const allow = (Action: string | string[], more = {}) => document({ Effect: 'Allow', Action, Resource: '*', ...more });

beforeAll(async () => {
  server = await startServer();
  admin = iamClient(server);
  key = `arn:aws:kms:us-east-1:${server.accountId}:key/1234abcd-12ab-34cd-56ef-1234567890ab`;
  alice = `arn:aws:iam::${server.accountId}:user/team/alice`;
  await admin.send(new iam.CreateUserCommand({ UserName: 'alice', Path: '/team/' }));
  await admin.send(new iam.CreateGroupCommand({ GroupName: 'signers' }));
  await admin.send(new iam.AddUserToGroupCommand({ UserName: 'alice', GroupName: 'signers' }));
  await admin.send(
    new iam.PutUserPolicyCommand({ UserName: 'alice', PolicyName: 'encrypts', PolicyDocument: allow('kms:Encrypt') }),
  );
  await admin.send(
    new iam.PutGroupPolicyCommand({
      GroupName: 'signers',
      PolicyName: 'signs',
      PolicyDocument: allow('kms:Sign', { Condition: { StringEquals: { 'kms:SigningAlgorithm': 'SM2DSA' } } }),
    }),
  );
  await admin.send(
    new iam.AttachUserPolicyCommand({
      UserName: 'alice',
      PolicyArn: 'arn:aws:iam::aws:policy/AWSKeyManagementServicePowerUser',
    }),
  );
});
afterAll(() => cleanUp(server));

async function ofAlice(input: Partial<iam.SimulatePrincipalPolicyCommandInput>): Promise<iam.EvaluationResult[]> {
  const { EvaluationResults = [] } = await admin.send(
    new iam.SimulatePrincipalPolicyCommand({ PolicySourceArn: alice, ActionNames: ['kms:Encrypt'], ...input }),
  );
  return EvaluationResults;
}

async function custom(
  policies: string[],
  input: Partial<iam.SimulateCustomPolicyCommandInput> = {},
): Promise<iam.EvaluationResult> {
  const { EvaluationResults = [] } = await admin.send(
    new iam.SimulateCustomPolicyCommand({ PolicyInputList: policies, ActionNames: ['kms:Encrypt'], ...input }),
  );
  expect(EvaluationResults).toHaveLength(1);
  return EvaluationResults[0] as iam.EvaluationResult;
}

const decisions = (results: readonly iam.EvaluationResult[]) =>
  results.map(({ EvalActionName, EvalDecision }) => [EvalActionName, EvalDecision]);
const sources = ({ MatchedStatements = [] }: Pick<iam.EvaluationResult, 'MatchedStatements'>) =>
  MatchedStatements.map(({ SourcePolicyId, SourcePolicyType }) => [SourcePolicyId, SourcePolicyType]);

describe('SimulatePrincipalPolicy', () => {
  test('takes a user’s own policies, managed ones and those of its groups, and says which statement decided', async () => {
    const results = await ofAlice({
      ActionNames: ['kms:Encrypt', 'kms:CreateKey', 'kms:Sign', 'kms:Decrypt'],
      ContextEntries: [
        { ContextKeyName: 'KMS:SigningAlgorithm', ContextKeyValues: ['SM2DSA'], ContextKeyType: 'string' },
      ],
    });
    expect(decisions(results)).toEqual([
      ['kms:Encrypt', 'allowed'],
      ['kms:CreateKey', 'allowed'],
      ['kms:Sign', 'allowed'],
      ['kms:Decrypt', 'implicitDeny'],
    ]);
    expect(results.map(sources)).toEqual([
      [['user_alice_encrypts', 'IAM Policy']],
      [['AWSKeyManagementServicePowerUser', 'IAM Policy']],
      [['group_signers_signs', 'IAM Policy']],
      [],
    ]);
    expect(results[0]).toEqual({
      EvalActionName: 'kms:Encrypt',
      EvalResourceName: '*',
      EvalDecision: 'allowed',
      MatchedStatements: [
        {
          SourcePolicyId: 'user_alice_encrypts',
          SourcePolicyType: 'IAM Policy',
          StartPosition: { Line: 1, Column: 38 },
          EndPosition: { Line: 1, Column: allow('kms:Encrypt').length - 1 },
        },
      ],
      MissingContextValues: [],
    });
  });

  test('shows AdministratorAccess where AWS’s simulator shows it', async () => {
    const PolicySourceArn = `arn:aws:iam::${server.accountId}:user/administrator`;
    const [result] = await ofAlice({ PolicySourceArn });
    expect(result?.MatchedStatements).toEqual([
      {
        SourcePolicyId: 'AdministratorAccess',
        SourcePolicyType: 'IAM Policy',
        StartPosition: { Line: 3, Column: 17 },
        EndPosition: { Line: 8, Column: 6 },
      },
    ]);
  });

  test('names the condition keys that it would have needed', async () => {
    const [result] = await ofAlice({ ActionNames: ['kms:Sign'] });
    expect(result).toMatchObject({ EvalDecision: 'implicitDeny', MissingContextValues: ['kms:SigningAlgorithm'] });
  });

  test('takes policies of the request besides, and leaves out those that it excludes', async () => {
    const PolicyInputList = [document({ Effect: 'Deny', Action: 'kms:Encrypt', Resource: '*' })];
    const [denied] = await ofAlice({ PolicyInputList });
    expect(denied?.EvalDecision).toBe('explicitDeny');
    expect(sources(denied as iam.EvaluationResult)).toEqual([['PolicyInputList.1', 'IAM Policy']]);

    const without = async (...PolicyExclusionList: iam.PolicyIdentifier[]) =>
      decisions(await ofAlice({ ActionNames: ['kms:Encrypt', 'kms:CreateKey'], PolicyExclusionList })).map(
        ([, decision]) => decision === 'allowed',
      );
    const inline = { PolicyName: 'encrypts', AttachmentType: 'user', AttachmentName: 'a*c?' } as const;
    expect(await without()).toEqual([true, true]);
    expect(await without({ PolicyType: 'inline' })).toEqual([false, true]);
    expect(await without({ PolicyType: 'aws-managed' })).toEqual([true, false]);
    expect(await without({ PolicyArn: 'arn:aws:iam::aws:policy/AWSKey*PowerUse?' })).toEqual([true, false]);
    expect(await without({ PolicyArn: 'arn:aws:iam::aws:policy/AWSKey*PowerUser?' })).toEqual([true, true]);
    expect(await without({ InlinePolicyIdentifier: inline })).toEqual([false, true]);
    expect(await without({ InlinePolicyIdentifier: { ...inline, AttachmentName: 'bob' } })).toEqual([true, true]);
    expect(await refusal(without({ PolicyArn: 'arn:aws:iam::aws:policy/A*B*' }))).toMatch(/^InvalidInput/);
    expect(await refusal(without({ PolicyArn: 'arn:aws:iam::aws:policy/*/A' }))).toMatch(/^InvalidInput/);
  });

  test('keeps to the permissions boundary, the one of the request before the user’s own', async () => {
    await admin.send(
      new iam.PutUserPermissionsBoundaryCommand({
        UserName: 'alice',
        PermissionsBoundary: 'arn:aws:iam::aws:policy/AWSKeyManagementServicePowerUser',
      }),
    );
    const [own] = await ofAlice({});
    expect(own).toMatchObject({
      EvalDecision: 'implicitDeny',
      PermissionsBoundaryDecisionDetail: { AllowedByPermissionsBoundary: false },
    });
    const [wider] = await ofAlice({ PermissionsBoundaryPolicyInputList: [allow('kms:*')] });
    expect(wider).toMatchObject({
      EvalDecision: 'allowed',
      PermissionsBoundaryDecisionDetail: { AllowedByPermissionsBoundary: true },
    });
    const [denying] = await ofAlice({
      PermissionsBoundaryPolicyInputList: [document({ Effect: 'Deny', Action: '*', Resource: '*' })],
    });
    expect(denying?.EvalDecision).toBe('explicitDeny');
    expect(sources(denying as iam.EvaluationResult)).toEqual([
      ['PermissionsBoundaryPolicyInputList.1', 'Permissions Boundary Policy'],
    ]);
    const [excluded] = await ofAlice({ PolicyExclusionList: [{ PolicyType: 'permission-boundary' }] });
    expect(excluded).toMatchObject({ EvalDecision: 'allowed' });
    expect(excluded).not.toHaveProperty('PermissionsBoundaryDecisionDetail');
    await admin.send(new iam.DeleteUserPermissionsBoundaryCommand({ UserName: 'alice' }));
  });

  test('answers page by page', async () => {
    const actions: (string | undefined)[] = [];
    const ActionNames = ['kms:Sign', 'kms:Encrypt', 'kms:Decrypt'];
    const pages = iam.paginateSimulatePrincipalPolicy(
      { client: admin, pageSize: 2 },
      { PolicySourceArn: alice, ActionNames },
    );
    for await (const { EvaluationResults } of pages) {
      actions.push(...(EvaluationResults ?? []).map(({ EvalActionName }) => EvalActionName));
    }
    expect(actions).toEqual(ActionNames);
  });

  test('needs a user, group or role that there is', async () => {
    const simulate = (PolicySourceArn: string) => refusal(ofAlice({ PolicySourceArn }));
    const arn = (resource: string) => `arn:aws:iam::${server.accountId}:${resource}`;
    expect(await simulate(arn('user/bob'))).toBe('NoSuchEntityException: The user with name bob cannot be found.');
    // Alice has another path.
    expect(await simulate(arn('user/alice'))).toMatch(/^NoSuchEntityException/);
    expect(await simulate(arn('role/none'))).toBe('NoSuchEntityException: The role with name none cannot be found.');
    expect(await simulate(arn('root'))).toBe(
      `InvalidInputException: Invalid Entity Arn: ${arn('root')} does not clearly define entity type and name.`,
    );
    expect(await simulate('arn:aws:sts::111122223333:assumed-role/R/S')).toMatch(
      /^InvalidInputException: Invalid Entity/,
    );
    expect(await simulate('arn:aws:iam::444455556666:user/theirs')).toMatch(/^AccessDenied/);
    expect(decisions(await ofAlice({ PolicySourceArn: arn('group/signers') }))).toEqual([
      ['kms:Encrypt', 'implicitDeny'],
    ]);
  });
});

describe('SimulateCustomPolicy', () => {
  test('answers each resource by itself, and the worst of them for all', async () => {
    const other = key.replace('1234abcd', 'ffffffff');
    const policy = document(
      { Effect: 'Allow', Action: 'kms:*', Resource: key },
      { Effect: 'Deny', Action: 'kms:Encrypt', Resource: other },
    );
    const one = await custom([policy], { ResourceArns: [key] });
    expect(one).toMatchObject({ EvalResourceName: key, EvalDecision: 'allowed', EvalDecisionDetails: {} });
    const both = await custom([policy], { ResourceArns: [key, other] });
    expect(both).toMatchObject({
      EvalResourceName: 'arn:${Partition}:kms:${Region}:${Account}:key/${KeyId}',
      EvalDecision: 'explicitDeny',
      ResourceSpecificResults: [
        { EvalResourceName: key, EvalResourceDecision: 'allowed' },
        { EvalResourceName: other, EvalResourceDecision: 'explicitDeny' },
      ],
    });
    expect(both.MatchedStatements).toEqual(both.ResourceSpecificResults?.[1]?.MatchedStatements);
    // The second statement of a list begins, for the simulator, where the first one ends.
    const end = both.ResourceSpecificResults?.[0]?.MatchedStatements?.[0]?.EndPosition;
    expect(both.MatchedStatements?.[0]?.StartPosition).toEqual(end);
  });

  test('takes a resource policy, for whoever it names', async () => {
    const ResourcePolicy = document({
      Effect: 'Allow',
      Principal: { AWS: alice },
      Action: 'kms:Encrypt',
      Resource: '*',
    });
    const named = await custom([allow('s3:GetObject')], { ResourceArns: [key], ResourcePolicy, CallerArn: alice });
    expect(named.EvalDecision).toBe('allowed');
    expect(sources(named)).toEqual([['ResourcePolicy', 'Resource Policy']]);
    const CallerArn = alice.replace('alice', 'bob');
    const unnamed = await custom([allow('kms:*')], { ResourceArns: [key], ResourcePolicy, CallerArn });
    expect(unnamed.EvalDecision).toBe('implicitDeny');
    expect(await refusal(custom([allow('*')], { ResourcePolicy }))).toMatch(/^InvalidInputException/);
  });

  test('asks both sides where the resource is another account’s', async () => {
    const theirs = key.replace(server.accountId, '444455556666');
    const ResourcePolicy = document({
      Effect: 'Allow',
      Principal: { AWS: server.accountId },
      Action: 'kms:Encrypt',
      Resource: '*',
    });
    const simulate = (policy: string, more = {}) =>
      custom([policy], { ResourceArns: [theirs], CallerArn: alice, ...more });
    const both = await simulate(allow('kms:*'), { ResourcePolicy });
    expect(both).toMatchObject({
      EvalDecision: 'allowed',
      EvalDecisionDetails: { 'IAM Policy': 'allowed', 'Resource Policy': 'allowed' },
    });
    expect(await simulate(allow('kms:Sign'), { ResourcePolicy })).toMatchObject({
      EvalDecision: 'implicitDeny',
      EvalDecisionDetails: { 'IAM Policy': 'implicitDeny', 'Resource Policy': 'allowed' },
    });
    expect(await simulate(allow('kms:*'))).toMatchObject({
      EvalDecision: 'implicitDeny',
      ResourceSpecificResults: [
        { EvalDecisionDetails: { 'IAM Policy': 'allowed', 'Resource Policy': 'implicitDeny' } },
      ],
    });
    const bucket = { ResourceArns: ['arn:aws:s3:::bucket'], ActionNames: ['s3:GetObject'], CallerArn: alice };
    expect(await custom([allow('*')], bucket)).toMatchObject({ EvalDecision: 'allowed' });
    const ResourceOwner = 'arn:aws:iam::444455556666:root';
    expect(await custom([allow('*')], { ...bucket, ResourceOwner })).toMatchObject({ EvalDecision: 'implicitDeny' });
  });

  test('needs every level of an organization to allow', async () => {
    const simulate = (...levels: string[][]) =>
      custom([allow('kms:*')], {
        OrderedOrganizationPolicyInputList: levels.map((each) => ({ ServiceControlPolicyInputList: each })),
      });
    expect(await simulate([allow('*')], [allow('s3:*'), allow('kms:*')])).toMatchObject({
      EvalDecision: 'allowed',
      OrganizationsDecisionDetail: { AllowedByOrganizations: true },
    });
    expect(await simulate([allow('*')], [allow('s3:*')])).toMatchObject({
      EvalDecision: 'implicitDeny',
      MatchedStatements: [],
      OrganizationsDecisionDetail: { AllowedByOrganizations: false },
    });
    const deny = document({ Effect: 'Deny', Action: 'kms:*', Resource: '*' });
    expect(await simulate([allow('*'), deny])).toMatchObject({ EvalDecision: 'explicitDeny' });
    expect(await refusal(simulate([]))).toMatch(/^InvalidInputException/);
  });

  test('compares context entries by the type that conditions want', async () => {
    const policy = allow('kms:Encrypt', {
      Condition: {
        DateGreaterThan: { 'aws:CurrentTime': '2018-08-16T12:00:00Z' },
        IpAddress: { 'aws:SourceIp': '203.0.113.0/24' },
        StringEquals: { 'kms:EncryptionContext:Purpose': 'test' },
      },
    });
    const entries = (moment: string, purpose: string) => ({
      ContextEntries: [
        { ContextKeyName: 'aws:CurrentTime', ContextKeyValues: [moment], ContextKeyType: 'date' as const },
        { ContextKeyName: 'aws:SourceIp', ContextKeyValues: ['203.0.113.9'], ContextKeyType: 'ip' as const },
        { ContextKeyName: purpose, ContextKeyValues: ['test'], ContextKeyType: 'string' as const },
      ],
    });
    const at = async (moment: string, purpose = 'kms:EncryptionContext:Purpose') =>
      (await custom([policy], entries(moment, purpose))).EvalDecision;
    expect(await at('2019-04-25T11:00:00Z')).toBe('allowed');
    expect(await at('2014-04-25T11:00:00Z')).toBe('implicitDeny');
    expect(await at('2019-04-25T11:00:00Z', 'kms:EncryptionContext:purpose')).toBe('implicitDeny');
    const two = [{ ContextKeyName: 'aws:SourceIp', ContextKeyValues: ['a', 'b'], ContextKeyType: 'ip' as const }];
    expect(await refusal(custom([policy], { ContextEntries: two }))).toMatch(/^InvalidInputException/);
  });

  test('refuses what it cannot simulate', async () => {
    expect(await refusal(custom([allow('kms:*')], { ActionNames: ['kms:*'] }))).toMatch(/^InvalidInputException/);
    expect(await refusal(custom(['{}']))).toMatch(/^InvalidInputException: PolicyInputList.1: /);
    const tooMany = Array.from({ length: 1001 }, (_, i) => `${key.slice(0, -4)}${1000 + i}`);
    expect(await refusal(custom([allow('kms:*')], { ResourceArns: tooMany }))).toMatch(/^InvalidInputException/);
    const boundaries = { PermissionsBoundaryPolicyInputList: [allow('*'), allow('*')] };
    expect(await refusal(custom([allow('kms:*')], boundaries))).toMatch(/^InvalidInputException/);
  });

  test('gives no more than a thousand outcomes at once, and goes on from there', async () => {
    const ResourceArns = Array.from({ length: 400 }, (_, i) => `${key.slice(0, -4)}${1000 + i}`);
    const ActionNames = ['kms:Sign', 'kms:Encrypt', 'kms:Decrypt'];
    const input = { PolicyInputList: [allow('kms:*')], ActionNames, ResourceArns };
    const first = await admin.send(new iam.SimulateCustomPolicyCommand(input));
    expect(first.EvaluationResults).toHaveLength(2);
    const { Marker } = first;
    const second = await admin.send(new iam.SimulateCustomPolicyCommand({ ...input, Marker }));
    expect(decisions(second.EvaluationResults ?? [])).toEqual([['kms:Decrypt', 'allowed']]);
    expect(second.IsTruncated).toBe(false);
  });
});

test('the context keys of policies are named, each once', async () => {
  const policy = document({
    Effect: 'Allow',
    Action: 'dynamodb:*',
    Resource: 'arn:aws:dynamodb:us-west-2:123456789012:table/${aws:username}',
    Condition: { DateGreaterThan: { 'aws:CurrentTime': '2015-08-16T12:00:00Z' } },
  });
  const ofCustom = await admin.send(
    new iam.GetContextKeysForCustomPolicyCommand({ PolicyInputList: [policy, policy] }),
  );
  expect(ofCustom.ContextKeyNames).toEqual(['aws:username', 'aws:CurrentTime']);
  const ofPrincipal = await admin.send(
    new iam.GetContextKeysForPrincipalPolicyCommand({ PolicySourceArn: alice, PolicyInputList: [policy] }),
  );
  expect(ofPrincipal.ContextKeyNames).toEqual(['kms:SigningAlgorithm', 'aws:username', 'aws:CurrentTime']);
});

test('what the simulator says of a key, its policy and a user is what happens when the user asks', async () => {
  const account = server.accountId;
  await admin.send(new iam.CreateUserCommand({ UserName: 'carol' }));
  const carol = `arn:aws:iam::${account}:user/carol`;
  const { AccessKey } = await admin.send(new iam.CreateAccessKeyCommand({ UserName: 'carol' }));
  const kms = server.kms({
    credentials: { accessKeyId: AccessKey?.AccessKeyId ?? '', secretAccessKey: AccessKey?.SecretAccessKey ?? '' },
  });
  const { KeyMetadata } = await server.kms().send(new CreateKeyCommand({}));
  const KeyId = KeyMetadata?.Arn as string;

  const toAccount = {
    Effect: 'Allow',
    Principal: { AWS: `arn:aws:iam::${account}:root` },
    Action: 'kms:*',
    Resource: '*',
  };
  const toCarol = { Effect: 'Allow', Principal: { AWS: carol }, Action: 'kms:Encrypt', Resource: '*' };
  const onlyTests = { StringEquals: { 'kms:EncryptionContext:Purpose': 'test' } };
  const denyOthers = {
    Effect: 'Deny',
    Principal: '*',
    Action: 'kms:Encrypt',
    Resource: '*',
    Condition: { StringNotEquals: onlyTests.StringEquals },
  };
  const keyPolicies = [document(toAccount), document(toAccount, toCarol), document(toAccount, denyOthers)];
  const ownPolicies = [allow('kms:DescribeKey'), allow('kms:Encrypt'), allow('kms:Encrypt', { Condition: onlyTests })];
  const boundaries = [undefined, 'arn:aws:iam::aws:policy/ReadOnlyAccess', 'arn:aws:iam::aws:policy/PowerUserAccess'];

  const seen = new Set<string>();
  for (const Policy of keyPolicies) {
    await server.kms().send(new PutKeyPolicyCommand({ KeyId, Policy }));
    for (const PolicyDocument of ownPolicies) {
      await admin.send(new iam.PutUserPolicyCommand({ UserName: 'carol', PolicyName: 'own', PolicyDocument }));
      for (const PermissionsBoundary of boundaries) {
        if (PermissionsBoundary !== undefined) {
          await admin.send(new iam.PutUserPermissionsBoundaryCommand({ UserName: 'carol', PermissionsBoundary }));
        }
        for (const Purpose of ['test', 'other']) {
          const [simulated] = await ofAlice({
            PolicySourceArn: carol,
            ResourceArns: [KeyId],
            ResourcePolicy: Policy,
            ContextEntries: [{ ContextKeyName: 'kms:EncryptionContext:Purpose', ContextKeyValues: [Purpose] }],
          });
          const asked = { KeyId, Plaintext: Buffer.from('x'), EncryptionContext: { Purpose } };
          const happened = await kms.send(new EncryptCommand(asked)).then(
            () => 'allowed',
            ({ message }: Error) => (/with an explicit deny/.test(message) ? 'explicitDeny' : 'implicitDeny'),
          );
          const situation = `${Policy}\n${PolicyDocument}\n${PermissionsBoundary}\n${Purpose}`;
          expect(simulated?.EvalDecision, situation).toBe(happened);
          seen.add(happened);
        }
      }
      await admin.send(new iam.DeleteUserPermissionsBoundaryCommand({ UserName: 'carol' }));
    }
  }
  expect([...seen].sort()).toEqual(['allowed', 'explicitDeny', 'implicitDeny']);
});
