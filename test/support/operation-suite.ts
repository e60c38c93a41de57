import { randomBytes } from 'node:crypto';
import {
  type CreateKeyCommandInput,
  DeleteImportedKeyMaterialCommand,
  DescribeKeyCommand,
  type KeyUsageType,
  type KMSClient,
  PutKeyPolicyCommand,
  ReplicateKeyCommand,
  ScheduleKeyDeletionCommand,
} from '@aws-sdk/client-kms';
import { describe, expect, test } from 'vitest';
import { kmsOperations } from '../../src/services/kms/index.ts';
import type { Target } from '../../src/services/operation.ts';
import {
  awsAnswers,
  type ReachableState,
  type Refusal,
  reachableStates,
  type StateExpectation,
} from './aws-key-states.ts';
import { importMaterial } from './import-material.ts';
import { expectRefusal, type NewKey, newAlias, newKey, noSuchKeyId, policyOf, putInState, statement } from './kms.ts';
import { type PagesDescription, testPages } from './operation-pages.ts';
import { rawRequest } from './raw-request.ts';
import { FOREIGNER, NOBODY, OTHER_REGION, OWNER, REGION, type Sandbox } from './sandbox.ts';
import { documentedExceptions, requestMembers } from './sdk-model.ts';
import { captureRequest } from './signed-request.ts';

/**
 * The tests that every operation must have, from a description of it: how it is told its key, what it makes of each key
 * state, who may call it, dry runs, pages, and what is no request at all. What is expected comes from AWS: its page of key
 * states, the SDK's schemas and the description, which is written by hand from the API reference. Each suite also
 * compares that with the operation's declaration in `src/`, so that neither changes alone.
 */
export interface OperationDescription<Input extends object, Output> {
  /** AWS's name: `GenerateDataKey`. */
  readonly name: string;
  readonly send: (kms: KMSClient, input: Input) => Promise<Output>;
  /** Makes a request for the fixture's key that succeeds, and whatever it takes for that. Called while the key is new. */
  readonly request: (fixture: Fixture) => NoInfer<Input> | Promise<NoInfer<Input>>;
  /** Absent for operations on the account. */
  readonly key?: KeyDescription<NoInfer<Input>, NoInfer<Output>>;
  readonly pages?: PagesDescription<NoInfer<Input>, NoInfer<Output>>;
  /** How every request that is in order is refused, as long as the operation is only declared. */
  readonly notYet?: Refusal;
  /** What a dry run of an operation that changes something must leave as it is. */
  readonly unchangedByDryRun?: (fixture: Fixture) => Promise<unknown>;
}

/** One key that an operation works on. An operation on two keys has two descriptions. */
export interface KeyDescription<Input, Output> {
  /** Tells the two keys of an operation apart in titles. */
  readonly as?: string;
  /** The member that names the key; `alias` where the request names an alias of it. */
  readonly namedBy: { readonly member: keyof Input & string; readonly accepts: 'key' | 'key or alias' } | 'alias';
  /** The member may be left out: something else names the key as well, such as a ciphertext, or it only narrows a list. */
  readonly optional?: boolean;
  /** "Cross-account use" in the API reference. What only grants give other accounts is for the operation's own file. */
  readonly crossAccount: boolean | 'by grant';
  /** Default: `kms:` and the operation's name; null where policies of keys have no say. */
  readonly permission?: string | null;
  readonly usage?: KeyUsageType;
  /** The kind of key that it takes. Default: a symmetric encryption key. */
  readonly spec?: CreateKeyCommandInput;
  /** Makes a new key ready, for instance by importing material. Not called for keys that are to be pending import. */
  readonly prepare?: (kms: KMSClient, key: NewKey) => Promise<void>;
  /** The request holds something that the key's own material made, such as a ciphertext. */
  readonly needsMaterial?: boolean;
  /** Its row of AWS's page of key states, if it is not the operation's name. */
  readonly row?: string;
  /** What AWS's page leaves open, or says of other kinds of keys. */
  readonly states?: Partial<Record<ReachableState, StateExpectation>>;
  /** States that no key of this kind can be in. */
  readonly unreachable?: readonly ReachableState[];
  /** How an alias is refused where `accepts` is `key`. */
  readonly aliasRefusal?: Refusal;
  /** How another account's key is refused, if not in the words for all of them. */
  readonly foreignRefusal?: (keyArn: string) => Refusal;
  /** Where the answer names the key by its ARN. */
  readonly arnIn?: (output: Output) => string | undefined;
}

export interface Fixture {
  /** The key's owner. */
  readonly kms: KMSClient;
  /** Who will send the request: the owner, or root of another account. */
  readonly caller: KMSClient;
  readonly key: NewKey;
  /** The name of an alias of the key. */
  readonly alias: () => Promise<string>;
}

export const rootOf = (accountId: string): string => `arn:aws:iam::${accountId}:root`;

export function testOperation<Input extends object, Output>(
  sandbox: Sandbox,
  description: OperationDescription<Input, Output>,
): void {
  const { name, key, pages, notYet } = description;
  describe(key?.as === undefined ? name : `${name}, ${key.as}`, () => {
    testDeclaration(description);
    testRequests(sandbox, description);
    if (notYet !== undefined) {
      testRefusal(sandbox, description, notYet);
      return;
    }
    if (key !== undefined) {
      if (key.namedBy !== 'alias') testReferences(sandbox, description, key, key.namedBy);
      testStates(sandbox, description, key);
      if (key.usage !== undefined) testUsage(sandbox, description, key.usage);
      if (key.permission !== null) testPermission(sandbox, description, key);
      if (key.namedBy !== 'alias' && key.crossAccount !== 'by grant')
        testOtherAccounts(sandbox, description, key, key.namedBy);
    }
    if (requestMembers(name).includes('GrantTokens')) testGrantTokens(sandbox, description);
    if (requestMembers(name).includes('DryRun')) testDryRun(sandbox, description);
    if (pages !== undefined)
      testPages(sandbox, description, pages, (region) => ready(sandbox, description, { region }));
  });
}

/**
 * The last statement of each file: every exception that AWS documents for the operation has been met by then, or the file
 * says why not. Whether one of AWS's own faults can be met is for other tests.
 */
export function expectEveryDocumentedException(
  sandbox: Sandbox,
  operation: string,
  notMet: Readonly<Record<string, string>> = {},
): void {
  test(`${operation} has answered with every exception that AWS documents`, () => {
    const met = documentedExceptions(operation).filter((name) => sandbox.refusalsOf(operation).has(name));
    expect([...met, ...Object.keys(notMet)].toSorted()).toEqual(documentedExceptions(operation).toSorted());
  });
}

interface Ready<Input> {
  readonly fixture: Fixture;
  readonly input: Input;
}

interface Wanted {
  readonly state?: ReachableState;
  /** The account that will send the request. */
  readonly caller?: string;
  readonly region?: string;
}

/** A key in a state, and a request for it; by default in the first state in which the operation succeeds. */
async function ready<Input extends object, Output>(
  sandbox: Sandbox,
  description: OperationDescription<Input, Output>,
  { state = homeState(description), caller = OWNER, region = REGION }: Wanted = {},
): Promise<Ready<Input>> {
  const { key: use, request } = description;
  const kms = sandbox.as(OWNER, region);
  const fixtureOf = (key: NewKey): Fixture => {
    let alias: Promise<string> | undefined;
    return {
      kms,
      caller: sandbox.as(caller, region),
      key,
      alias: () => {
        alias ??= newAlias(kms, key);
        return alias;
      },
    };
  };
  const newPrepared = async (more: CreateKeyCommandInput = {}) => {
    const key = await newKey(kms, { ...use?.spec, ...more });
    await use?.prepare?.(kms, key);
    return fixtureOf(key);
  };

  if (state === 'PendingImport') {
    const fixture = fixtureOf(await newKey(kms, { ...use?.spec, Origin: 'EXTERNAL' }));
    if (use?.needsMaterial === true && use.optional === true) {
      // A ciphertext must be the key's own: its material has gone since.
      await importMaterial(kms, fixture.key.id, randomBytes(32));
      const input = await request(fixture);
      await kms.send(new DeleteImportedKeyMaterialCommand({ KeyId: fixture.key.id }));
      return { fixture, input };
    }
    // What only a key's material can make is made by another's: the state comes first.
    if (use?.needsMaterial !== true) return { fixture, input: await request(fixture) };
    return { fixture, input: naming(description, await request(await newPrepared()), fixture.key.id) };
  }
  const fixture = await newPrepared(state === 'PendingReplicaDeletion' ? { MultiRegion: true } : {});
  const input = await request(fixture);
  // A key that is pending deletion can be given none.
  if (state !== 'Enabled') await fixture.alias();
  if (state === 'PendingReplicaDeletion') {
    await kms.send(new ReplicateKeyCommand({ KeyId: fixture.key.id, ReplicaRegion: 'ap-southeast-2' }));
    await kms.send(new ScheduleKeyDeletionCommand({ KeyId: fixture.key.id }));
  } else {
    await putInState(kms, fixture.key, state);
  }
  return { fixture, input };
}

/** The same request for another key. */
function naming<Input extends object, Output>(
  { name, key }: OperationDescription<Input, Output>,
  input: Input,
  reference: string | undefined,
): Input {
  if (key === undefined || key.namedBy === 'alias') throw new Error(`no member of ${name} names its key`);
  return { ...input, [key.namedBy.member]: reference };
}

function expectationIn<Input, Output>(
  name: string,
  key: KeyDescription<Input, Output>,
  state: ReachableState,
): StateExpectation {
  return key.states?.[state] ?? awsAnswers(key.row ?? name, state);
}

function homeState<Input extends object, Output>({ name, key }: OperationDescription<Input, Output>): ReachableState {
  if (key === undefined) return 'Enabled';
  const states: ReachableState[] = ['Enabled', 'Disabled', 'PendingDeletion', 'PendingImport'];
  const home = states.find((state) => expectationIn(name, key, state) === 'succeeds');
  if (home === undefined) throw new Error(`${name} succeeds in no state that tests can put a key in`);
  return home;
}

function permissionOf<Input, Output>(name: string, key: KeyDescription<Input, Output>): string {
  return key.permission ?? `kms:${name}`;
}

/** The states that this server can put a key of this kind in. */
function statesOf<Input, Output>({ spec, unreachable = [] }: KeyDescription<Input, Output>): ReachableState[] {
  // No custom key store is at hand, and AWS takes no imported material of ML-DSA.
  const importable = spec?.KeySpec?.startsWith('ML_DSA') !== true;
  return reachableStates.filter((state) => {
    if (unreachable.includes(state)) return false;
    if (state === 'PendingImport') return importable;
    return state !== 'Unavailable';
  });
}

function testDeclaration<Input extends object, Output>({ name, key }: OperationDescription<Input, Output>): void {
  test('is declared as AWS documents it', () => {
    const operation = kmsOperations.get(name);
    expect(Object.keys(operation?.input.description.members ?? {}).toSorted()).toEqual(requestMembers(name).toSorted());
    const targets = Object.values(operation?.targets ?? {}) as Target<unknown, unknown, unknown>[];
    if (key === undefined) {
      const permissions = targets.map(({ permission, summary }) => [permission, summary.namedBy]);
      expect(permissions).toContainEqual([`kms:${name}`, 'account']);
      return;
    }
    if (key.permission === null) return;
    const row = key.row ?? name;
    // Where the page leaves it open, or is about another kind of key, the operation itself decides.
    const settled = reachableStates.filter(
      (state) => awsAnswers(row, state) !== 'depends' && key.states?.[state] === undefined,
    );
    const states = settled.filter((state) => awsAnswers(row, state) === 'succeeds');
    const expected = {
      crossAccount: key.crossAccount,
      usage: key.usage,
      namedBy:
        key.namedBy === 'alias'
          ? 'key or alias'
          : key.optional === true
            ? 'ciphertext, key or alias'
            : key.namedBy.accepts,
      states,
    };
    const declared = targets
      .filter(({ permission }) => permission === permissionOf(name, key))
      .map(({ summary: { crossAccount, usage, namedBy, states: all } }) => ({
        crossAccount,
        usage,
        namedBy,
        states: settled.filter((state) => all.includes(state)),
      }));
    expect(declared).toContainEqual(expected);
  });
}

function testRequests<Input extends object, Output>(
  sandbox: Sandbox,
  description: OperationDescription<Input, Output>,
): void {
  const { name, send, notYet } = description;
  const bodyOf = async (input: Input): Promise<Record<string, unknown>> => {
    const { body } = await captureRequest(sandbox.server, (client) => send(client, input));
    return JSON.parse(body);
  };
  const post = (body: unknown) =>
    rawRequest(sandbox.server, { operation: name, body: typeof body === 'string' ? body : JSON.stringify(body) });

  test('ignores members that it does not know', async () => {
    const { input } = await ready(sandbox, description);
    const answer = await post({ ...(await bodyOf(input)), NoSuchMember: { a: [1] }, keyId: 7 });
    const refusal = (answer.json() as { __type?: string } | undefined)?.__type;
    expect([answer.status, refusal]).toEqual(notYet === undefined ? [200, undefined] : [400, notYet.name]);
  });

  test('refuses members of another type, and what is no JSON object', async () => {
    const { input } = await ready(sandbox, description);
    const body = await bodyOf(input);
    // No member of any operation is a list of lists.
    const wrong = requestMembers(name).map((member) => ({ ...body, [member]: [[]] }));
    for (const each of [...wrong, '[]', '"text"', '7', '{', '{"a":}']) {
      const answer = await post(each);
      expect([each, answer.status, (answer.json() as { __type: string }).__type]).toEqual([
        each,
        400,
        'SerializationException',
      ]);
    }
  });
}

function testRefusal<Input extends object, Output>(
  sandbox: Sandbox,
  description: OperationDescription<Input, Output>,
  { name, message }: Refusal,
): void {
  test('is refused as long as it is only declared', async () => {
    const { fixture, input } = await ready(sandbox, description);
    await expectRefusal(description.send(fixture.caller, input), name, message);
  });
}

interface NamedByMember<Input> {
  readonly member: keyof Input & string;
  readonly accepts: 'key' | 'key or alias';
}

const keyDoesNotExist = (arn: string): Refusal => ({
  name: 'NotFoundException',
  message: `Key '${arn}' does not exist`,
});

function testReferences<Input extends object, Output>(
  sandbox: Sandbox,
  description: OperationDescription<Input, Output>,
  key: KeyDescription<Input, Output>,
  { member, accepts }: NamedByMember<Input>,
): void {
  const { send } = description;
  const arnOf = (resource: string, region = REGION) => `arn:aws:kms:${region}:${OWNER}:${resource}`;
  const forms: [string, alias: boolean, (fixture: Fixture) => string | Promise<string>][] = [
    ['its id', false, (fixture) => fixture.key.id],
    ['its ARN', false, (fixture) => fixture.key.arn],
    ['an alias', true, (fixture) => fixture.alias()],
    ["an alias's ARN", true, async (fixture) => arnOf(await fixture.alias())],
  ];

  for (const [form, isAlias, reference] of forms) {
    const refused = isAlias && accepts === 'key';
    test(`${refused ? 'does not take' : 'takes'} ${form} for the key`, async () => {
      const { fixture, input } = await ready(sandbox, description);
      const sent = send(fixture.caller, naming(description, input, await reference(fixture)));
      if (!refused) {
        const output = await sent;
        if (key.arnIn !== undefined) expect(key.arnIn(output)).toBe(fixture.key.arn);
        return;
      }
      const { name, message } = key.aliasRefusal ?? {
        name: 'InvalidArnException',
        message: 'Key Aliases are not supported for this operation.',
      };
      await expectRefusal(sent, name, message);
    });
  }

  test('says of what names no key what is wrong with it', async () => {
    const { fixture, input } = await ready(sandbox, description);
    const refused = (reference: string, { name, message }: Refusal) =>
      expectRefusal(send(fixture.caller, naming(description, input, reference)), name, message);
    const notFound = (message: string): Refusal => ({ name: 'NotFoundException', message });
    const unrelatedMrk = `mrk-${'0'.repeat(32)}`;
    for (const id of [noSuchKeyId, unrelatedMrk]) {
      await refused(id, keyDoesNotExist(arnOf(`key/${id}`)));
      await refused(arnOf(`key/${id}`), keyDoesNotExist(arnOf(`key/${id}`)));
    }
    // Wrong Region, even of a key that is there.
    await refused(arnOf(`key/${fixture.key.id}`, OTHER_REGION), notFound(`Invalid arn ${OTHER_REGION}`));
    const { id } = fixture.key;
    for (const text of ['foo', `key/${id}`, `${id} `, `mrk-${'0'.repeat(31)}`]) {
      await refused(text, notFound(`Invalid keyId '${text}'`));
    }
    await refused(arnOf('key/foo'), notFound('Invalid keyId foo'));
    await refused(noSuchKeyId.toUpperCase(), keyDoesNotExist(arnOf(`key/${noSuchKeyId.toUpperCase()}`)));
    if (accepts === 'key') return;
    await refused('alias/nowhere', notFound(`Alias ${arnOf('alias/nowhere')} is not found.`));
    await refused(arnOf('alias/nowhere'), notFound(`Alias ${arnOf('alias/nowhere')} is not found.`));
    await refused(arnOf(await fixture.alias(), OTHER_REGION), notFound(`Invalid arn ${OTHER_REGION}`));
    await refused('alias/aws/nowhere', { name: 'NotFoundException' });
  });

  test('refuses what cannot name a key by its form, before it is looked up', async () => {
    const { fixture, input } = await ready(sandbox, description);
    const path = `'${member.charAt(0).toLowerCase()}${member.slice(1)}'`;
    const violated = (reference: string | undefined, message: string | RegExp) =>
      expectRefusal(
        send(fixture.caller, naming(description, input, reference)),
        'ValidationException',
        typeof message === 'string' ? `1 validation error detected: ${message}` : message,
      );
    // An empty one breaks two constraints.
    await violated('', new RegExp(`Value '' at ${path} failed to satisfy constraint: Member must have length greater`));
    await violated(
      'x'.repeat(2049),
      `Value '${'x'.repeat(1024)}...' at ${path} failed to satisfy constraint: Member must have length less than or equal to 2048`,
    );
    await violated('schlüssel', new RegExp(`at ${path} failed to satisfy constraint`));
    if (key.optional === true) return;
    await violated(undefined, `Value null at ${path} failed to satisfy constraint: Member must not be null`);
  });
}

function testStates<Input extends object, Output>(
  sandbox: Sandbox,
  description: OperationDescription<Input, Output>,
  key: KeyDescription<Input, Output>,
): void {
  const { name, send } = description;
  for (const state of statesOf(key)) {
    const expected = expectationIn(name, key, state);
    if (expected === 'depends') throw new Error(`${name}: say in states what becomes of a key that is ${state}`);
    test(`${expected === 'succeeds' ? 'takes' : 'does not take'} a key that is ${state}`, async () => {
      const { fixture, input } = await ready(sandbox, description, { state });
      const found = await fixture.kms.send(new DescribeKeyCommand({ KeyId: fixture.key.id }));
      expect(found.KeyMetadata?.KeyState).toBe(state);
      await expectAsInState(send(fixture.caller, input), expected, fixture.key);
    });
  }
}

async function expectAsInState(sent: Promise<unknown>, expected: StateExpectation, key: NewKey): Promise<void> {
  if (typeof expected !== 'function') {
    await sent;
    return;
  }
  const { name, message } = expected(key.arn);
  await expectRefusal(sent, name, message);
}

/** A kind of key for each usage. */
const keysByUsage: Readonly<Record<KeyUsageType, CreateKeyCommandInput>> = {
  ENCRYPT_DECRYPT: {},
  SIGN_VERIFY: { KeySpec: 'ECC_NIST_P256', Origin: 'EXTERNAL' },
  GENERATE_VERIFY_MAC: { KeySpec: 'HMAC_256', Origin: 'EXTERNAL' },
  KEY_AGREEMENT: { KeySpec: 'ECC_NIST_P256', Origin: 'EXTERNAL' },
  ENCAPSULATE_DECAPSULATE: { KeySpec: 'ML_KEM_768', Origin: 'EXTERNAL' },
};

function testUsage<Input extends object, Output>(
  sandbox: Sandbox,
  description: OperationDescription<Input, Output>,
  usage: KeyUsageType,
): void {
  const others = (Object.keys(keysByUsage) as KeyUsageType[]).filter((each) => each !== usage);
  test.each(others)('does not take a key whose usage is %s, whatever its state', async (KeyUsage) => {
    const { fixture, input } = await ready(sandbox, description);
    // Some of them are pending import as well: the usage comes first.
    const other = await newKey(fixture.kms, { KeyUsage, ...keysByUsage[KeyUsage] });
    const sent = description.send(fixture.caller, naming(description, input, other.id));
    if (description.key?.optional === true) {
      // Where a ciphertext names the key as well, it is looked at before the usage.
      await expectRefusal(
        sent,
        'IncorrectKeyException',
        'The key ID in the request does not identify a CMK that can perform this operation.',
      );
      return;
    }
    await expectRefusal(
      sent,
      'InvalidKeyUsageException',
      `${other.arn} key usage is ${KeyUsage} which is not valid for ${description.name}.`,
    );
  });
}

/** Replaces a key's policy whatever follows from it. */
async function putPolicy({ kms, key }: Fixture, ...statements: object[]): Promise<void> {
  const Policy = policyOf(...statements);
  await kms.send(new PutKeyPolicyCommand({ KeyId: key.id, Policy, BypassPolicyLockoutSafetyCheck: true }));
}

function testPermission<Input extends object, Output>(
  sandbox: Sandbox,
  description: OperationDescription<Input, Output>,
  key: KeyDescription<Input, Output>,
): void {
  const permission = permissionOf(description.name, key);
  const allOf = statement('Allow', rootOf(OWNER), 'kms:*');
  const another = permission === 'kms:CreateGrant' ? 'kms:DescribeKey' : 'kms:CreateGrant';
  const notAuthorized = (arn: string, because: string) =>
    `User: ${rootOf(OWNER)} is not authorized to perform: ${permission} on resource: ${arn} ${because}`;

  test(`is allowed by ${permission} alone`, async () => {
    const { fixture, input } = await ready(sandbox, description);
    await putPolicy(fixture, statement('Allow', rootOf(OWNER), permission));
    await description.send(fixture.caller, input);
  });

  test(`is refused where ${permission} is denied`, async () => {
    const { fixture, input } = await ready(sandbox, description);
    await putPolicy(fixture, allOf, statement('Deny', rootOf(OWNER), permission));
    await expectRefusal(
      description.send(fixture.caller, input),
      'AccessDeniedException',
      notAuthorized(fixture.key.arn, 'with an explicit deny in a resource-based policy'),
    );
  });

  test(`is refused where nothing allows ${permission}, before the key's state is looked at`, async () => {
    const { fixture, input } = await ready(sandbox, description, { state: 'PendingDeletion' });
    await putPolicy(fixture, statement('Allow', rootOf(OWNER), another));
    await expectRefusal(
      description.send(fixture.caller, input),
      'AccessDeniedException',
      notAuthorized(fixture.key.arn, `because no resource-based policy allows the ${permission} action`),
    );
  });

  // What the policies of AWS managed keys leave to their accounts ("AWS managed keys", developer guide).
  if (key.namedBy === 'alias' || /^kms:(Describe|Get|List|RevokeGrant$)/.test(permission)) return;
  const { accepts } = key.namedBy;
  test("is refused on the account's AWS managed keys, by whichever name", async () => {
    const { fixture, input } = await ready(sandbox, description);
    const { KeyMetadata } = await fixture.kms.send(new DescribeKeyCommand({ KeyId: 'alias/aws/s3' }));
    const { KeyId: id = '', Arn: arn = '' } = KeyMetadata ?? {};
    for (const reference of accepts === 'key' ? [id, arn] : [id, arn, 'alias/aws/s3']) {
      await expectRefusal(
        description.send(fixture.caller, naming(description, input, reference)),
        'AccessDeniedException',
        notAuthorized(arn, `because no resource-based policy allows the ${permission} action`),
      );
    }
  });
}

function testOtherAccounts<Input extends object, Output>(
  sandbox: Sandbox,
  description: OperationDescription<Input, Output>,
  key: KeyDescription<Input, Output>,
  { accepts }: NamedByMember<Input>,
): void {
  const { send } = description;
  const permission = permissionOf(description.name, key);
  const arnOf = (accountId: string, resource: string) => `arn:aws:kms:${REGION}:${accountId}:${resource}`;
  const outOfSight = (resource: string): Refusal =>
    key.foreignRefusal?.(resource) ?? {
      name: 'AccessDeniedException',
      message:
        `User: ${rootOf(FOREIGNER)} is not authorized to perform: ${permission} on resource: ${resource} ` +
        'because the resource does not exist in this Region, no resource-based policies allow access, or a resource-based policy explicitly denies access',
    };
  const share = (fixture: Fixture) =>
    putPolicy(
      fixture,
      statement('Allow', rootOf(OWNER), 'kms:*'),
      statement('Allow', rootOf(FOREIGNER), key.crossAccount ? permission : 'kms:*'),
    );
  const readyForForeigner = async () => {
    const made = await ready(sandbox, description, { caller: FOREIGNER });
    const { fixture, input } = made;
    return {
      fixture,
      call: (reference: string) => send(fixture.caller, naming(description, input, reference)),
      refused: async (reference: string, { name, message }: Refusal) =>
        expectRefusal(send(fixture.caller, naming(description, input, reference)), name, message),
    };
  };

  test('is refused to another account unless the key policy allows it', async () => {
    const { fixture, refused } = await readyForForeigner();
    await refused(fixture.key.arn, outOfSight(fixture.key.arn));
    // A key that is not there looks just the same.
    for (const unknown of [arnOf(OWNER, `key/${noSuchKeyId}`), arnOf(NOBODY, `key/${noSuchKeyId}`)]) {
      await refused(unknown, outOfSight(unknown));
    }
    if (accepts === 'key') return;
    for (const alias of [arnOf(OWNER, await fixture.alias()), arnOf(NOBODY, 'alias/nowhere')]) {
      await refused(alias, outOfSight(alias));
    }
  });

  test("does not find another account's key by its id, or by its alias's name", async () => {
    const { fixture, refused } = await readyForForeigner();
    await share(fixture);
    await refused(fixture.key.id, keyDoesNotExist(arnOf(FOREIGNER, `key/${fixture.key.id}`)));
    if (accepts === 'key') return;
    const alias = await fixture.alias();
    await refused(alias, { name: 'NotFoundException', message: `Alias ${arnOf(FOREIGNER, alias)} is not found.` });
  });

  if (!key.crossAccount) {
    test('is refused to another account even where the key policy allows everything', async () => {
      const { fixture, refused } = await readyForForeigner();
      await share(fixture);
      await refused(fixture.key.arn, outOfSight(fixture.key.arn));
    });
    return;
  }
  for (const form of accepts === 'key' ? ['ARN'] : ['ARN', "alias's ARN"]) {
    test(`takes another account's key by its ${form} where the key policy allows ${permission}`, async () => {
      const { fixture, call } = await readyForForeigner();
      const reference = form === 'ARN' ? fixture.key.arn : arnOf(OWNER, await fixture.alias());
      await share(fixture);
      const output = await call(reference);
      if (key.arnIn !== undefined) expect(key.arnIn(output)).toBe(fixture.key.arn);
    });
  }
}

function testGrantTokens<Input extends object, Output>(
  sandbox: Sandbox,
  description: OperationDescription<Input, Output>,
): void {
  test('refuses grant tokens that are none, and more than ten', async () => {
    const { fixture, input } = await ready(sandbox, description);
    const sent = (GrantTokens: string[]) => description.send(fixture.caller, { ...input, GrantTokens });
    await expectRefusal(
      sent(['AQpAM2RhZTk1MGMyNTk2ZmZmMzEyYWVhOWViN2I1MWM4Mzc0MWFiYjc0ZDE1ODkyNGFlNTIzODZhMzgyZjBlNGY3NiKIAgEB']),
      'InvalidGrantTokenException',
    );
    await expectRefusal(
      sent(Array.from({ length: 11 }, () => 'x')),
      'ValidationException',
      /at 'grantTokens' failed to satisfy constraint: Member must have length less than or equal to 10$/,
    );
    await sent([]);
  });
}

function testDryRun<Input extends object, Output>(
  sandbox: Sandbox,
  description: OperationDescription<Input, Output>,
): void {
  const { name, key, send, unchangedByDryRun } = description;
  const dryRun = ({ caller }: Fixture, input: Input) => send(caller, { ...input, DryRun: true });
  if (kmsOperations.get(name)?.effect === 'change' && unchangedByDryRun === undefined) {
    throw new Error(`${name}: say in unchangedByDryRun what a dry run leaves as it is`);
  }

  test('a dry run says that it would have succeeded, and does nothing', async () => {
    const { fixture, input } = await ready(sandbox, description);
    const look = async () => {
      const { KeyMetadata } = await fixture.kms.send(new DescribeKeyCommand({ KeyId: fixture.key.id }));
      return [KeyMetadata, await unchangedByDryRun?.(fixture)];
    };
    const before = await look();
    await expectRefusal(
      dryRun(fixture, input),
      'DryRunOperationException',
      'The request would have succeeded, but the DryRun option is set.',
    );
    expect(await look()).toEqual(before);
    await send(fixture.caller, { ...input, DryRun: false });
  });

  if (key === undefined || key.permission === null) return;
  test('a dry run of what would fail says why', async () => {
    for (const state of statesOf(key)) {
      const expected = expectationIn(name, key, state);
      if (expected === 'succeeds') continue;
      const { fixture, input } = await ready(sandbox, description, { state });
      await expectAsInState(dryRun(fixture, input), expected, fixture.key);
    }
    const { fixture, input } = await ready(sandbox, description);
    if (key.namedBy !== 'alias') {
      await expectRefusal(dryRun(fixture, naming(description, input, noSuchKeyId)), 'NotFoundException');
    }
    await putPolicy(fixture, statement('Allow', rootOf(OWNER), 'kms:PutKeyPolicy'));
    await expectRefusal(dryRun(fixture, input), 'AccessDeniedException');
  });
}
