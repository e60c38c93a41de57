import {
  GetKeyPolicyCommand,
  type KMSClient,
  PutKeyPolicyCommand,
  type PutKeyPolicyCommandInput,
} from '@aws-sdk/client-kms';
import { expect, test } from 'vitest';
import { encryptedUnder, expectRefusal, newKey, policyOf, statement } from '../support/kms.ts';
import { expectEveryDocumentedException, rootOf, testOperation } from '../support/operation-suite.ts';
import { OWNER, sandboxOfThisFile } from '../support/sandbox.ts';

const sandbox = sandboxOfThisFile();
const account = rootOf(OWNER);
const owner = statement('Allow', account, 'kms:*');

testOperation(sandbox, {
  name: 'PutKeyPolicy',
  send: (kms: KMSClient, input: PutKeyPolicyCommandInput) => kms.send(new PutKeyPolicyCommand(input)),
  request: ({ key }) => ({ KeyId: key.id, Policy: policyOf(owner) }),
  key: { namedBy: { member: 'KeyId', accepts: 'key' }, crossAccount: false },
});

const put = (KeyId: string, Policy: string, BypassPolicyLockoutSafetyCheck = false) =>
  sandbox.kms.send(new PutKeyPolicyCommand({ KeyId, Policy, BypassPolicyLockoutSafetyCheck }));
const policyNow = async (KeyId: string) => (await sandbox.kms.send(new GetKeyPolicyCommand({ KeyId }))).Policy;

test('keeps the text as its author wrote it', async () => {
  const key = await newKey(sandbox.kms);
  const text = `\n{ "Version":\t"2012-10-17", "Id": "für äöü",\r\n  "Statement": ${JSON.stringify(statement('Allow', account, 'KMS:*'))} }  `;
  const { $metadata: _, ...nothing } = await sandbox.kms.send(
    new PutKeyPolicyCommand({ KeyId: key.id, PolicyName: 'default', Policy: text }),
  );
  expect(nothing).toEqual({});
  expect(await sandbox.kms.send(new GetKeyPolicyCommand({ KeyId: key.id, PolicyName: 'default' }))).toMatchObject({
    Policy: text,
    PolicyName: 'default',
  });
});

test('knows one policy, named default', async () => {
  const { id: KeyId } = await newKey(sandbox.kms);
  const named = (PolicyName: string) =>
    sandbox.kms.send(new PutKeyPolicyCommand({ KeyId, PolicyName, Policy: policyOf(owner) }));
  await expectRefusal(named('other'), 'UnsupportedOperationException');
  await expectRefusal(
    named('a b'),
    'ValidationException',
    "1 validation error detected: Value 'a b' at 'policyName' failed to satisfy constraint: Member must satisfy regular expression pattern: [\\w]+",
  );
});

const malformed: [string, string][] = [
  ['no JSON', '{'],
  ['no statement', '{"Version":"2012-10-17"}'],
  ['an unknown version', JSON.stringify({ Version: '2020-01-01', Statement: owner })],
  ['no principal', policyOf({ Effect: 'Allow', Action: 'kms:*', Resource: '*' })],
  ['no action', policyOf({ Effect: 'Allow', Principal: '*', Resource: '*' })],
  ['no resource', policyOf({ Effect: 'Allow', Principal: '*', Action: 'kms:*' })],
  ['a misspelt element', policyOf({ ...owner, Conditions: {} })],
  ['an unknown condition operator', policyOf({ ...owner, Condition: { StringIs: { 'aws:username': 'x' } } })],
  ['the same Sid twice', policyOf({ ...owner, Sid: 'a' }, { ...owner, Sid: 'a' })],
  ['a principal that cannot be one', policyOf(statement('Allow', 'administrator', 'kms:*'))],
];

test.each(malformed)('refuses a policy with %s, and changes nothing', async (_, text) => {
  const key = await newKey(sandbox.kms);
  const before = await policyNow(key.id);
  await expectRefusal(put(key.id, text, true), 'MalformedPolicyDocumentException', /./);
  expect(await policyNow(key.id)).toBe(before);
});

test('takes a policy of at most 32 KiB', async () => {
  const key = await newKey(sandbox.kms);
  const text = policyOf(owner);
  const largest = text + ' '.repeat(32 * 1024 - text.length);
  await put(key.id, largest);
  await expectRefusal(put(key.id, `${largest} `), 'LimitExceededException', /32768/);
  // The limit is of bytes: this text has fewer characters.
  await expectRefusal(put(key.id, `{"Id":"${'é'.repeat(16_380)}",${text.slice(1)}`), 'LimitExceededException', /32768/);
  await expectRefusal(
    put(key.id, text + ' '.repeat(131_073 - text.length)),
    'ValidationException',
    /at 'policy' failed to satisfy constraint: Member must have length less than or equal to 131072$/,
  );
  await expectRefusal(put(key.id, text.replace('kms', '€')), 'ValidationException', /at 'policy' failed/);
  expect(await policyNow(key.id)).toBe(largest);
});

test('refuses a policy that would lock its author out, unless the author insists', async () => {
  const key = await newKey(sandbox.kms);
  const sealed = policyOf(statement('Allow', account, ['kms:GetKeyPolicy', 'kms:Encrypt']));
  await expectRefusal(
    put(key.id, sealed),
    'MalformedPolicyDocumentException',
    'The new key policy will not allow you to update the key policy in the future.',
  );
  await expectRefusal(
    put(key.id, policyOf(owner, statement('Deny', account, 'kms:Put*'))),
    'MalformedPolicyDocumentException',
  );
  await put(key.id, sealed, true);
  await encryptedUnder(sandbox.kms, key.id);
  await expectRefusal(
    put(key.id, policyOf(owner)),
    'AccessDeniedException',
    `User: ${account} is not authorized to perform: kms:PutKeyPolicy on resource: ${key.arn} because no resource-based policy allows the kms:PutKeyPolicy action`,
  );
});

expectEveryDocumentedException(sandbox, 'PutKeyPolicy', {
  KMSInvalidStateException: 'a key in any state can be given a policy, by the page of key states',
});
