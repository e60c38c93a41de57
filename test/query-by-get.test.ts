import { afterAll, beforeAll, expect, test } from 'vitest';
import { cleanUp, startServer, type TestServer } from './support/server.ts';
import { signerFor } from './support/sign.ts';

/** Operations of the Query protocol that are asked for by a URL, as AWS's own examples ask STS. */

let server: TestServer;
beforeAll(async () => {
  server = await startServer();
});
afterAll(() => cleanUp(server));

/**
 * @param target in its canonical form
 * @param service for which it is signed, if it is
 * @param sentTarget instead of the one that was signed
 */
async function get(target: string, service?: string, sentTarget = target): Promise<{ status: number; body: string }> {
  const { host } = new URL(server.url);
  const unsigned = { method: 'GET', target, headers: [['Host', host] as const], body: Buffer.alloc(0) };
  const { headers } = service === undefined ? unsigned : signerFor(server.credentials)(unsigned, { service });
  const sent = headers.filter(([name]) => name !== 'Host').map(([name, value]): [string, string] => [name, value]);
  const response = await fetch(server.url + sentTarget, { headers: sent });
  return { status: response.status, body: await response.text() };
}

const USER = '/?Action=GetUser&UserName=administrator&Version=2010-05-08';

test('a signed one is answered as it would be if the form were its body', async () => {
  const answer = await get(USER, 'iam');
  expect(answer.status).toBe(200);
  expect(answer.body).toContain('<GetUserResult><User><Path>/</Path><UserName>administrator</UserName>');
  const identity = await get('/?Action=GetCallerIdentity&Version=2011-06-15', 'sts');
  expect(identity.body).toContain('<GetCallerIdentityResult>');
});

test('one without a signature is refused, and so is one whose query is not what was signed', async () => {
  expect(await get(USER)).toMatchObject({ status: 403, body: expect.stringContaining('MissingAuthenticationToken') });
  const changed = await get(USER, 'iam', USER.replace('administrator', 'another'));
  expect(changed).toMatchObject({ status: 403, body: expect.stringContaining('SignatureDoesNotMatch') });
});

test('what is signed as a plus sign cannot be made a blank on the way', async () => {
  const target = '/?Action=GetUser&UserName=a%2Bb&Version=2010-05-08';
  const answer = await get(target, 'iam', target.replace('%2B', '+'));
  expect(answer.body).toContain('<Code>SignatureDoesNotMatch</Code>');
  expect((await get(target, 'iam')).body).toContain('The user with name a+b cannot be found.');
});

test('a token of an identity provider may come in a URL', async () => {
  const role = encodeURIComponent(`arn:aws:iam::${server.accountId}:role/r`);
  const answer = await get(
    `/?Action=AssumeRoleWithWebIdentity&RoleArn=${role}&RoleSessionName=s1&Version=2011-06-15&WebIdentityToken=none`,
  );
  expect(answer).toMatchObject({ status: 400, body: expect.stringContaining('<Code>InvalidIdentityToken</Code>') });
});

test('no other URL names an operation', async () => {
  for (const target of ['/', '/?Version=2010-05-08', '/?action=GetUser', `/iam${USER.slice(1)}`]) {
    expect(await get(target, 'iam')).toMatchObject({ status: 400, body: '{"__type":"UnknownOperationException"}' });
  }
  expect(await get('/?Action=Encrypt&Version=2014-11-01', 'kms')).toMatchObject({
    status: 400,
    body: expect.stringContaining('<Code>InvalidAction</Code>'),
  });
});

// Seen at AWS by Argmin's aws-sts-oracle, a public probe of the Query protocol.
test('what is no operation, and a number that is none, are refused as AWS refuses them', async () => {
  const fault = (code: string, message: string) =>
    `<ErrorResponse xmlns="http://webservices.amazon.com/AWSFault/2005-15-09"><Error><Type>Sender</Type><Code>${code}</Code><Message>${message}</Message></Error>`;
  const noVersion = await get('/?Action=GetUser', 'iam');
  expect(noVersion.body).toContain(
    fault('InvalidAction', 'Could not find operation GetUser for version NO_VERSION_SPECIFIED'),
  );
  const unknown = await get('/?Action=Nope&Version=2010-05-08', 'iam');
  expect(unknown.body).toContain(fault('InvalidAction', 'Could not find operation Nope for version 2010-05-08'));
  const noNumber = await get('/?Action=ListUsers&MaxItems=x&Version=2010-05-08', 'iam');
  expect(noNumber).toMatchObject({ status: 400, body: expect.stringContaining('<Code>MalformedInput</Code></Error>') });
});
