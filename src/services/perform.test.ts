import { beforeEach, describe, expect, test } from 'vitest';
import type { AuditResource } from '../audit/record.ts';
import { type GrantNaming, parsePolicy } from '../authorization/index.ts';
import { KeyholdError } from '../runtime/errors.ts';
import { sealedMemoryStore } from '../store/sealed-memory-store.test-helper.ts';
import { type Store, type Transaction, table } from '../store/sealed-store.ts';
import { awsJson } from '../wire/protocol.ts';
import { string, structure } from '../wire/shapes.ts';
import type { Caller } from './caller.ts';
import type { Operation, Target } from './operation.ts';
import { perform, type Service } from './perform.ts';
import {
  ACCOUNT,
  administrator,
  administratorAccess,
  keyPolicy,
  OTHER_ACCOUNT,
  policy,
  scopeOf,
  user,
} from './scope.test-helper.ts';

/**
 * A service as small as one can be: boxes that hold a text and that are opened, filled and compared. What it does is
 * written down in `steps`, in the order in which it was done.
 */

interface BoxInput {
  readonly Name?: string;
  readonly Other?: string;
  readonly DryRun?: boolean;
}

interface Box {
  readonly name: string;
  readonly state: 'open' | 'shut';
}

type BoxTarget = Target<BoxInput, Box, Ports>;
type Targets = Readonly<Record<string, Box>>;

interface Ports {
  readonly within: Transaction | undefined;
}

const texts = table<{ text: string }>('texts');
const boxArn = (name: string) => `arn:aws:boxes:us-east-1:${ACCOUNT}:box/${name}`;

let steps: string[];
let touched: AuditResource[];
let store: Store;
let portsMade: Ports[];
let boxPolicy: string;
let missing: ReadonlySet<string>;
let shut: ReadonlySet<string>;
let unreachable: ReadonlySet<string>;
let recordFails: boolean;

beforeEach(() => {
  steps = [];
  touched = [];
  portsMade = [];
  missing = new Set();
  shut = new Set();
  unreachable = new Set();
  recordFails = false;
  boxPolicy = keyPolicy({ Effect: 'Allow', Principal: { AWS: ACCOUNT }, Action: 'boxes:*', Resource: '*' });
  store = sealedMemoryStore();
});

function boxTarget(permission: string, nameOf: (input: BoxInput) => string | undefined): BoxTarget {
  return {
    permission,
    resolve: async (input) => {
      const name = nameOf(input) ?? '';
      steps.push(`resolve ${name}`);
      if (missing.has(name)) throw new KeyholdError('NotFoundException', `no ${name}`);
      return { name, state: shut.has(name) ? 'shut' : 'open' };
    },
    facts: ({ name }) => {
      steps.push(`authorize ${name}`);
      return {
        arn: boxArn(name),
        accountId: ACCOUNT,
        resourcePolicy: parsePolicy(boxPolicy, 'resource'),
        unreachable: unreachable.has(name),
        audit: { accountId: ACCOUNT, type: 'AWS::KMS::Key', ARN: boxArn(name) },
      };
    },
    condition: (key, { resolved, all }) => {
      if (key === 'boxes:name') return [resolved.name];
      return key === 'boxes:together' ? [Object.keys(all).join('+')] : undefined;
    },
    check: ({ name, state }) => {
      steps.push(`check ${name}`);
      if (state === 'shut') throw new KeyholdError('DisabledException', `${name} is shut`);
    },
    summary: { namedBy: 'key', crossAccount: false, states: [], conditionKeys: [] },
  };
}

const boxes = {
  box: boxTarget('boxes:Open', (input) => input.Name),
  other: boxTarget('boxes:OpenOther', (input) => input.Other),
};

type BoxOperation = Operation<BoxInput, object | undefined, Targets, Ports>;

const declaration = {
  name: 'OpenBoxes',
  input: structure<{ Name?: string }>({ Name: string() }) as never,
  targets: boxes as unknown as BoxOperation['targets'],
  audit: { readOnly: true, request: [] },
};

const reading: BoxOperation = {
  ...declaration,
  effect: 'read',
  handle: ({ targets }) => {
    steps.push(`handle ${Object.values(targets).map(({ name, state }) => `${name} ${state}`)}`);
    return { Opened: Object.keys(targets).length };
  },
};

const changing: BoxOperation = {
  ...declaration,
  effect: 'change',
  handle: async ({ transaction, ports }) => {
    steps.push('handle');
    expect(ports.within, 'the ports look through the transaction').toBe(transaction);
    await transaction.create(texts, 'a', { text: 'written' });
    return { Written: true };
  },
};

async function run(
  operation: BoxOperation,
  input: BoxInput = { Name: 'a', Other: 'b' },
  caller: Caller = administrator,
) {
  const service: Service = {
    name: 'boxes',
    spoken: [{ protocol: awsJson, address: 'Boxes' }],
    eventSource: 'boxes.example.com',
    operations: new Map([[operation.name, operation]]),
    store,
    ports: (transaction) => {
      const ports = { within: transaction };
      portsMade.push(ports);
      return ports;
    },
  };
  let recorded: object | undefined;
  await perform(service, operation, input, scopeOf(caller), touched, async (output) => {
    steps.push('record');
    if (recordFails) throw new KeyholdError('AuditUnavailable', 'no room');
    recorded = output;
  });
  return recorded;
}

test('a change whose audit record cannot be written does not happen', async () => {
  recordFails = true;
  await expect(run(changing)).rejects.toThrow(expect.objectContaining({ code: 'AuditUnavailable' }));
  expect(steps.slice(-2)).toEqual(['handle', 'record']);
  expect(await written()).toBeUndefined();
});

const written = async () => (await store.get(texts, 'a'))?.value.text;

test('all is found, then all is authorized, then all is checked, and only then the handler runs', async () => {
  expect(await run(reading)).toEqual({ Opened: 2 });
  expect(steps).toEqual([
    'resolve a',
    'resolve b',
    'authorize a',
    'authorize b',
    'check a',
    'check b',
    'handle a open,b open',
    'record',
  ]);
});

test('a change goes through the same stages', async () => {
  expect(await run(changing)).toEqual({ Written: true });
  expect(steps).toEqual([
    'resolve a',
    'resolve b',
    'authorize a',
    'authorize b',
    'check a',
    'check b',
    'handle',
    'record',
  ]);
  expect(await written()).toBe('written');
});

describe.each([
  ['a read', reading],
  ['a change', changing],
])('in %s', (_, operation) => {
  test('what does not exist is told before anyone is authorized', async () => {
    missing = new Set(['b']);
    await expect(run(operation, undefined, user('stranger'))).rejects.toThrow(
      expect.objectContaining({ code: 'NotFoundException', message: 'no b' }),
    );
    expect(steps).toEqual(['resolve a', 'resolve b']);
    expect(touched).toEqual([]);
  });

  test('who is not allowed learns nothing of the state, and nothing happens', async () => {
    shut = new Set(['a', 'b']);
    const stranger = user('stranger');
    await expect(run(operation, undefined, stranger)).rejects.toThrow(
      expect.objectContaining({
        code: 'AccessDeniedException',
        message: expect.stringContaining(`User: ${stranger.principal.arn} is not authorized to perform: boxes:Open`),
      }),
    );
    expect(steps).toEqual(['resolve a', 'resolve b', 'authorize a']);
    expect(await written()).toBeUndefined();
  });

  test('every target needs its own permission', async () => {
    const half = user('half', { identityPolicies: [policy({ Effect: 'Allow', Action: 'boxes:Open', Resource: '*' })] });
    await expect(run(operation, undefined, half)).rejects.toThrow(
      expect.objectContaining({ code: 'AccessDeniedException', message: expect.stringContaining('boxes:OpenOther') }),
    );
    expect(steps).toEqual(['resolve a', 'resolve b', 'authorize a', 'authorize b']);
    expect(await written()).toBeUndefined();
  });

  test('a state that does not allow it is told to who is allowed, and nothing happens', async () => {
    shut = new Set(['b']);
    await expect(run(operation)).rejects.toThrow(expect.objectContaining({ code: 'DisabledException' }));
    expect(steps).toEqual(['resolve a', 'resolve b', 'authorize a', 'authorize b', 'check a', 'check b']);
    expect(await written()).toBeUndefined();
  });

  test('what is unreachable is refused even where every policy allows it', async () => {
    unreachable = new Set(['b']);
    await expect(run(operation)).rejects.toThrow(
      expect.objectContaining({ code: 'AccessDeniedException', message: '' }),
    );
    expect(await written()).toBeUndefined();
  });

  test('what was found is noted for the audit record, also when the request is refused', async () => {
    await run(operation);
    expect(touched.map(({ ARN }) => ARN)).toEqual([boxArn('a'), boxArn('b')]);
    touched.length = 0;
    await expect(run(operation, undefined, user('stranger'))).rejects.toThrow();
    expect(touched.map(({ ARN }) => ARN)).toEqual([boxArn('a')]);
  });

  test('a dry run that would have succeeded says so, and changes nothing', async () => {
    await expect(run(operation, { Name: 'a', Other: 'b', DryRun: true })).rejects.toThrow(
      expect.objectContaining({ code: 'DryRunOperationException' }),
    );
    expect(steps.at(-1), 'the handler ran').toMatch(/^handle/);
    expect(await written()).toBeUndefined();
  });

  test('a dry run that would have failed fails as the run itself would', async () => {
    shut = new Set(['a']);
    await expect(run(operation, { Name: 'a', Other: 'b', DryRun: true })).rejects.toThrow(
      expect.objectContaining({ code: 'DisabledException' }),
    );
  });

  test('an operation that declares no targets is a programmer’s mistake, not one that everybody may call', async () => {
    await expect(run({ ...operation, targets: {} } as BoxOperation)).rejects.toThrow(
      'an operation declares what it works on, or nothing would authorize it',
    );
    expect(steps).toEqual([]);
  });

  test('a target may have words of its own for a refusal, whoever refuses', async () => {
    const worded = { ...boxes.box, denial: ({ name }: Box) => `nothing for you in ${name}` };
    const operationWithWords = { ...operation, targets: { box: worded } } as unknown as BoxOperation;
    const words = expect.objectContaining({ code: 'AccessDeniedException', message: 'nothing for you in a' });
    await expect(run(operationWithWords, undefined, user('stranger'))).rejects.toThrow(words);
    unreachable = new Set(['a']);
    await expect(run(operationWithWords)).rejects.toThrow(words);
  });

  test.each([
    ['what the target knows', { StringEquals: { 'boxes:name': ['a', 'b'] } }, true],
    ['another value of it', { StringEquals: { 'boxes:name': 'c' } }, false],
    ['all targets of the request', { StringEquals: { 'boxes:together': 'box+other' } }, true],
    ['what every request has', { StringEquals: { 'aws:username': 'administrator' } }, true],
    ['another user', { StringEquals: { 'aws:username': 'somebody' } }, false],
    ['what no request has', { StringEquals: { 'boxes:colour': 'red' } }, false],
  ])('a condition on %s is decided', async (_condition, condition, allowed) => {
    boxPolicy = keyPolicy({
      Effect: 'Allow',
      Principal: { AWS: administrator.principal.arn },
      Action: 'boxes:*',
      Resource: '*',
      Condition: condition,
    });
    const caller = { ...administrator, identityPolicies: [] };
    const outcome = run(operation, undefined, caller).then(
      () => true,
      (error: KeyholdError) => (error.code === 'AccessDeniedException' ? false : error),
    );
    expect(await outcome).toBe(allowed);
  });
});

describe('the limits of a caller', () => {
  const [everything, nothing] = [administratorAccess, policy({ Effect: 'Allow', Action: 's3:*', Resource: '*' })];
  const refused = (because: string) => expect.objectContaining({ message: expect.stringContaining(because) });

  test('are its permissions boundary and its session policies', async () => {
    const allowed = { ...administrator, permissionsBoundary: everything, sessionPolicies: [nothing, everything] };
    expect(await run(reading, undefined, allowed)).toEqual({ Opened: 2 });
    await expect(run(reading, undefined, { ...allowed, permissionsBoundary: nothing })).rejects.toThrow(
      refused('because no permissions boundary allows the boxes:Open action'),
    );
    await expect(run(reading, undefined, { ...allowed, sessionPolicies: [nothing] })).rejects.toThrow(
      refused('because no session policy allows the boxes:Open action'),
    );
  });

  // INVARIANT of perform.ts: what a grant to a role or an account gives, boundary and session policies still limit.
  test.each<[naming: GrantNaming, limited: boolean]>([
    ['caller', false],
    ['role', true],
    ['account', true],
  ])('apply to a grant to its %s: %s', async (naming, limited) => {
    boxPolicy = keyPolicy({ Effect: 'Allow', Principal: { AWS: OTHER_ACCOUNT }, Action: '*', Resource: '*' });
    const granting = {
      ...reading,
      targets: { box: { ...boxes.box, grantAllows: ({ grantCounts }) => grantCounts(naming) } satisfies BoxTarget },
    } as unknown as BoxOperation;
    expect(await run(granting, undefined, administrator)).toEqual({ Opened: 1 });
    for (const limits of [{ permissionsBoundary: nothing }, { sessionPolicies: [nothing] }]) {
      const outcome = run(granting, undefined, { ...administrator, ...limits });
      if (limited) await expect(outcome).rejects.toThrow(refused('because no resource-based policy allows'));
      else expect(await outcome).toEqual({ Opened: 1 });
      const denying = policy({ Effect: 'Deny', Action: 'boxes:*', Resource: '*' });
      await expect(run(granting, undefined, { ...administrator, sessionPolicies: [denying] })).rejects.toThrow(
        refused('with an explicit deny in a session policy'),
      );
    }
  });
});

test('whatever a handler of a change throws undoes the change', async () => {
  const failing: BoxOperation = {
    ...changing,
    effect: 'change',
    handle: async ({ transaction }) => {
      await transaction.create(texts, 'a', { text: 'written' });
      throw new KeyholdError('LimitExceededException', 'too much');
    },
  } as BoxOperation;
  await expect(run(failing)).rejects.toThrow(expect.objectContaining({ code: 'LimitExceededException' }));
  expect(await written()).toBeUndefined();
});

test('what a change that prepares works on is noted once, also when it is refused before its transaction', async () => {
  const preparing = { ...changing, prepare: async () => undefined } as BoxOperation;
  await run(preparing);
  expect(touched.map(({ ARN }) => ARN)).toEqual([boxArn('a'), boxArn('b')]);
  touched.length = 0;
  await expect(run(preparing, undefined, user('stranger'))).rejects.toThrow();
  expect(touched.map(({ ARN }) => ARN)).toEqual([boxArn('a')]);
  touched.length = 0;
  const stumbling = { ...changing, prepare: () => Promise.reject(new KeyholdError('InvalidCiphertextException')) };
  await expect(run(stumbling as BoxOperation)).rejects.toThrow();
  expect(touched.map(({ ARN }) => ARN)).toEqual([boxArn('a'), boxArn('b')]);
});

test('a read has no transaction', async () => {
  await run(reading);
  expect(portsMade).toEqual([{ within: undefined }]);
});
