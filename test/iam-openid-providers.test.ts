import * as iam from '@aws-sdk/client-iam';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { iamClient, refusal, userWith } from './support/iam.ts';
import { cleanUp, startServer, type TestServer } from './support/server.ts';

/** OpenID providers as clients of IAM see them. */

let server: TestServer;
let admin: iam.IAMClient;

beforeAll(async () => {
  server = await startServer();
  admin = iamClient(server);
});
afterAll(() => cleanUp(server));

const arnOf = (name: string) => `arn:aws:iam::${server.accountId}:oidc-provider/${name}`;
const thumbprint = (digit: string) => digit.repeat(40);

let made = 0;

async function newProvider(input: Partial<iam.CreateOpenIDConnectProviderCommandInput> = {}): Promise<string> {
  const Url = `https://provider-${++made}.example.com`;
  const created = await admin.send(new iam.CreateOpenIDConnectProviderCommand({ Url, ...input }));
  return created.OpenIDConnectProviderArn as string;
}

const read = (OpenIDConnectProviderArn: string) =>
  admin.send(new iam.GetOpenIDConnectProviderCommand({ OpenIDConnectProviderArn }));

describe('an OpenID provider', () => {
  test('is answered with what AWS answers, and read back', async () => {
    const created = await admin.send(
      new iam.CreateOpenIDConnectProviderCommand({
        Url: 'https://server.example.com/realms/One',
        ClientIDList: ['one', 'two', 'one'],
        ThumbprintList: [thumbprint('A')],
        Tags: [{ Key: 'Team', Value: 'one' }],
      }),
    );
    const OpenIDConnectProviderArn = arnOf('server.example.com/realms/One');
    expect(created).toMatchObject({ OpenIDConnectProviderArn, Tags: [{ Key: 'Team', Value: 'one' }] });
    expect(await read(OpenIDConnectProviderArn)).toMatchObject({
      Url: 'server.example.com/realms/One',
      ClientIDList: ['one', 'two'],
      ThumbprintList: [thumbprint('a')],
      CreateDate: expect.any(Date),
      Tags: [{ Key: 'Team', Value: 'one' }],
    });
    const { OpenIDConnectProviderList } = await admin.send(new iam.ListOpenIDConnectProvidersCommand({}));
    expect(OpenIDConnectProviderList).toContainEqual({ Arn: OpenIDConnectProviderArn });
  });

  test('needs neither clients nor thumbprints', async () => {
    const provider = await read(await newProvider());
    expect(provider).toMatchObject({ ClientIDList: [], ThumbprintList: [] });
    // Of a provider AWS lists its tags even if there are none: LocalStack, test_iam_oidc.snapshot.json.
    expect(provider.Tags).toEqual([]);
  });

  test('is told from others by its URL, path and case included', async () => {
    const Url = 'https://same.example.com/a';
    await newProvider({ Url });
    expect(await refusal(newProvider({ Url }))).toBe(
      `EntityAlreadyExistsException: Provider with url ${Url} already exists.`,
    );
    expect(await newProvider({ Url: 'https://same.example.com/a/' })).toBe(arnOf('same.example.com/a/'));
    expect(await newProvider({ Url: 'https://same.example.com/A' })).toBe(arnOf('same.example.com/A'));
  });

  test('has a URL that tokens can be verified by', async () => {
    const answer = (Url: string) => refusal(newProvider({ Url }));
    expect(await answer('example.com')).toBe('ValidationError: Invalid Open ID Connect Provider URL');
    expect(await answer('http://example.com')).toBe(
      'InvalidInputException: Invalid Open ID Connect Provider URL. The URL must begin with https://.',
    );
    expect(await answer('https://example.com:8443')).toBe(
      'InvalidInputException: Invalid Open ID Connect Provider URL.',
    );
    expect(await newProvider({ Url: 'http://127.0.0.1:9/realm' })).toBe(arnOf('127.0.0.1:9/realm'));
    expect((await read(arnOf('127.0.0.1:9/realm'))).Url).toBe('127.0.0.1:9/realm');
  });

  test('has 100 clients at most, each once', async () => {
    const ClientIDList = Array.from({ length: 101 }, (_, index) => `client-${index}`);
    const message = 'LimitExceededException: Cannot exceed quota for ClientIdsPerOpenIdConnectProvider: 100';
    expect(await refusal(newProvider({ ClientIDList }))).toBe(message);
    const OpenIDConnectProviderArn = await newProvider({ ClientIDList: ClientIDList.slice(1) });
    const add = (ClientID: string) =>
      admin.send(new iam.AddClientIDToOpenIDConnectProviderCommand({ OpenIDConnectProviderArn, ClientID }));
    const remove = (ClientID: string) =>
      admin.send(new iam.RemoveClientIDFromOpenIDConnectProviderCommand({ OpenIDConnectProviderArn, ClientID }));
    await add('client-7');
    expect(await refusal(add('one more'))).toBe(message);
    await remove('client-7');
    await remove('client-7');
    await add('one more');
    const { ClientIDList: clients = [] } = await read(OpenIDConnectProviderArn);
    expect(clients).toHaveLength(100);
    expect(clients).toContain('one more');
    expect(clients).not.toContain('client-7');
  });

  test('has five thumbprints at most', async () => {
    const ThumbprintList = ['1', '2', '3', '4', '5', '6'].map(thumbprint);
    const message = 'InvalidInputException: Thumbprint list must contain fewer than 5 entries.';
    expect(await refusal(newProvider({ ThumbprintList }))).toBe(message);
    const OpenIDConnectProviderArn = await newProvider({ ThumbprintList: ThumbprintList.slice(1) });
    const update = (list: string[]) =>
      admin.send(
        new iam.UpdateOpenIDConnectProviderThumbprintCommand({ OpenIDConnectProviderArn, ThumbprintList: list }),
      );
    expect(await refusal(update(ThumbprintList))).toBe(message);
    expect(await refusal(update(['short']))).toMatch(/^ValidationError: .*thumbprintList/);
    await update([thumbprint('9')]);
    expect((await read(OpenIDConnectProviderArn)).ThumbprintList).toEqual([thumbprint('9')]);
  });

  test('has tags', async () => {
    const OpenIDConnectProviderArn = await newProvider();
    const on = { OpenIDConnectProviderArn };
    const Tags = [
      { Key: 'a', Value: '1' },
      { Key: 'b', Value: '2' },
    ];
    await admin.send(new iam.TagOpenIDConnectProviderCommand({ ...on, Tags }));
    const listed = await admin.send(new iam.ListOpenIDConnectProviderTagsCommand({ ...on, MaxItems: 1 }));
    expect(listed).toMatchObject({ Tags: [{ Key: 'a', Value: '1' }], IsTruncated: true });
    await admin.send(new iam.UntagOpenIDConnectProviderCommand({ ...on, TagKeys: ['a', 'B'] }));
    expect((await read(OpenIDConnectProviderArn)).Tags).toEqual([{ Key: 'b', Value: '2' }]);
  });

  test('is deleted, and missed then', async () => {
    const OpenIDConnectProviderArn = await newProvider();
    const remove = () => admin.send(new iam.DeleteOpenIDConnectProviderCommand({ OpenIDConnectProviderArn }));
    await remove();
    expect(await refusal(remove())).toBe(
      `NoSuchEntityException: OpenId connect Provider ${OpenIDConnectProviderArn} cannot be found.`,
    );
    const message = `NoSuchEntityException: OpenIDConnect Provider not found for arn ${OpenIDConnectProviderArn}`;
    const on = { OpenIDConnectProviderArn };
    const requests = [
      new iam.GetOpenIDConnectProviderCommand(on),
      new iam.AddClientIDToOpenIDConnectProviderCommand({ ...on, ClientID: 'c' }),
      new iam.RemoveClientIDFromOpenIDConnectProviderCommand({ ...on, ClientID: 'c' }),
      new iam.UpdateOpenIDConnectProviderThumbprintCommand({ ...on, ThumbprintList: [thumbprint('1')] }),
      new iam.TagOpenIDConnectProviderCommand({ ...on, Tags: [{ Key: 'a', Value: '' }] }),
      new iam.UntagOpenIDConnectProviderCommand({ ...on, TagKeys: ['a'] }),
      new iam.ListOpenIDConnectProviderTagsCommand(on),
    ];
    for (const request of requests) {
      expect(await refusal(admin.send(request as iam.GetOpenIDConnectProviderCommand)), request.constructor.name).toBe(
        message,
      );
    }
  });
});

describe('the ARN of a provider', () => {
  test('is one', async () => {
    const account = server.accountId;
    expect(await refusal(read('not the ARN of anything'))).toBe(
      'ValidationError: Invalid ARN: not the ARN of anything',
    );
    expect(await refusal(read(`arn:aws:sts::${account}:oidc-provider/example.com`))).toBe(
      'ValidationError: Invalid service in ARN',
    );
    expect(await refusal(read(`arn:aws:iam::${account}:saml-provider/example.com`))).toBe(
      'ValidationError: Invalid resource type in ARN',
    );
  });

  test('of another account leads to nothing, and says nothing of what there is', async () => {
    const arn = 'arn:aws:iam::123456789012:oidc-provider/example.com';
    const administrator = `arn:aws:iam::${server.accountId}:user/administrator`;
    expect(await refusal(read(arn))).toBe(
      `AccessDenied: User: ${administrator} is not authorized to perform: iam:GetOpenIDConnectProvider on resource: ${arn} because no resource-based policy allows the iam:GetOpenIDConnectProvider action`,
    );
    const remove = admin.send(new iam.DeleteOpenIDConnectProviderCommand({ OpenIDConnectProviderArn: arn }));
    expect(await refusal(remove)).toMatch(/^AccessDenied/);
  });
});

test('policies decide about providers by their ARN and by tags', async () => {
  const user = await userWith(
    server,
    'federator',
    {
      Effect: 'Allow',
      Action: ['iam:CreateOpenIDConnectProvider', 'iam:TagOpenIDConnectProvider'],
      Resource: arnOf('mine.example.com*'),
      Condition: { StringEquals: { 'aws:RequestTag/team': 'one' }, Null: { 'aws:TagKeys': 'false' } },
    },
    {
      Effect: 'Allow',
      Action: 'iam:GetOpenIDConnectProvider',
      Resource: '*',
      Condition: { StringEquals: { 'aws:ResourceTag/team': 'one' } },
    },
  );
  const create = (Url: string, Tags: iam.Tag[]) => user.send(new iam.CreateOpenIDConnectProviderCommand({ Url, Tags }));
  const team = [{ Key: 'team', Value: 'one' }];
  await create('https://mine.example.com', team);
  expect(await refusal(create('https://mine.example.com/2', []))).toMatch(/^AccessDenied/);
  expect(await refusal(create('https://yours.example.com', team))).toMatch(/^AccessDenied/);
  const get = (OpenIDConnectProviderArn: string) =>
    user.send(new iam.GetOpenIDConnectProviderCommand({ OpenIDConnectProviderArn }));
  expect((await get(arnOf('mine.example.com'))).Url).toBe('mine.example.com');
  expect(await refusal(get(await newProvider()))).toMatch(/^AccessDenied/);
});

test('an account has 100 providers at most', async () => {
  const { OpenIDConnectProviderList = [] } = await admin.send(new iam.ListOpenIDConnectProvidersCommand({}));
  for (let present = OpenIDConnectProviderList.length; present < 100; present++) await newProvider();
  expect(await refusal(newProvider())).toBe(
    'LimitExceededException: Cannot exceed quota for OpenIdConnectProvidersPerAccount: 100',
  );
});
