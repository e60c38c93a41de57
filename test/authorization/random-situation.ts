// biome-ignore-all lint/suspicious/noTemplateCurlyInString: policy variables look like template literals.

import {
  AWAY,
  anonymous,
  federatedUser,
  HOME,
  KEY_ARN,
  OIDC_PROVIDER,
  root,
  service,
  session,
  user,
  webIdentity,
  webSession,
} from '../../src/authorization/fixtures.test-helper.ts';
import type { Principal } from '../../src/authorization/principal.ts';
import type {
  Listed,
  Situation,
  WrittenGrant,
  WrittenPolicy,
  WrittenStatement,
} from '../../src/authorization/situation.test-helper.ts';
import type { Dice } from '../support/dice.ts';

/** Requests with all that bears on them, at random, out of few enough parts that they often have to do with each other. */

const alice = user('alice');
const worker = session('worker', 'i-1');
/** Made under the name of a user, or role, that was deleted. */
const [newAlice, newWorker] = [
  { ...alice, id: 'AIDAALICEAGAINXXXXXXX' },
  { ...worker, id: 'AROAWORKERAGAINXXXXXX:i-1' },
];
const [workerRole, workerId] = [worker.roleArn as string, worker.id.split(':')[0] as string];

const principals: readonly Principal[] = [
  root(),
  alice,
  alice,
  newAlice,
  user('bob'),
  worker,
  worker,
  newWorker,
  session('worker', 'i-2'),
  webSession('worker', 'i-1'),
  webSession('visitor', 'v'),
  federatedUser('fay'),
  service('s3.amazonaws.com'),
  anonymous,
  root(AWAY),
  user('alice', AWAY),
  session('worker', 'i-1', AWAY),
];
const identities = [
  HOME,
  HOME,
  root().arn,
  root().arn.replace('aws', 'aws-cn'),
  alice.arn,
  alice.arn,
  alice.id,
  worker.arn,
  workerRole,
  workerRole,
  workerId,
  federatedUser('fay').arn,
  AWAY,
  user('alice', AWAY).arn,
  '*',
];
const ids: Readonly<Record<string, string>> = {
  [alice.arn]: alice.id,
  [workerRole]: workerId,
  [worker.arn]: worker.id,
};

const OTHER_PROVIDER = OIDC_PROVIDER.replace('realm', 'other');
const OWN_ROLE = `arn:aws:iam::${HOME}:role/target`;
const actions = [
  '*',
  'kms:*',
  'kms:*',
  'kms:*',
  'kms:Encrypt',
  'KMS:enc*',
  'kms:?ecrypt',
  'kms:Decrypt',
  's3:?et*',
  '*:*',
];
const resources = [
  '*',
  '*',
  '*',
  KEY_ARN,
  KEY_ARN,
  `${KEY_ARN}0`,
  KEY_ARN.slice(0, -1),
  `arn:aws:kms:*:${AWAY}:*`,
  `arn:aws:kms:*:${HOME}:key/*`,
  'arn:aws:kms:*:*:${x:name}',
  "arn:aws:kms:*:*:key/${x:name, '1234abcd-12ab-34cd-56ef-1234567890ab'}",
  `arn:aws:kms:eu-central-?:${HOME}:key/1234*90ab`,
  'arn:aws:kms',
  'arn:aws:s3:::bucket',
];

type Conditions = Readonly<Record<string, readonly (string | number | boolean)[]>>;
/** Operators without their negations and qualifiers, the key they are asked of and values that they know. */
const conditions: readonly [operators: readonly string[], key: string, values: Conditions[string]][] = [
  [
    ['StringEquals', 'StringNotEquals', 'StringEqualsIgnoreCase', 'StringNotEqualsIgnoreCase'],
    'x:Tag',
    ['a', 'A', 'b', '${x:name}', "${x:none, 'a'}", '${*}', ''],
  ],
  [['StringLike', 'StringNotLike'], 'x:tag', ['a', '?', '*', 'b*', '${x:name}*', '${*}', '*${x:name}']],
  [
    [
      'NumericEquals',
      'NumericNotEquals',
      'NumericLessThan',
      'NumericLessThanEquals',
      'NumericGreaterThan',
      'NumericGreaterThanEquals',
    ],
    'x:n',
    ['1', '2', '2.0', '-3', 1, 2.5],
  ],
  [
    ['DateEquals', 'DateNotEquals', 'DateLessThan', 'DateLessThanEquals', 'DateGreaterThan', 'DateGreaterThanEquals'],
    'x:date',
    ['2026', '2026-01-01T00:00:00Z', '1767225600', '2026-01-01T01:00:00.5+01:00', '2025-12-31'],
  ],
  [['Bool'], 'x:bool', ['true', 'FALSE', true]],
  [['BinaryEquals'], 'x:bin', ['QQ==', 'QUI', '']],
  [['IpAddress', 'NotIpAddress'], 'x:ip', ['10.0.0.0/8', '10.1.2.3', '::/0', '2001:db8::/32', '::ffff:10.0.0.0/104']],
  [
    ['ArnEquals', 'ArnLike', 'ArnNotEquals', 'ArnNotLike'],
    'aws:PrincipalArn',
    [
      '*',
      alice.arn,
      alice.arn.replace('aws', 'aws-us-gov'),
      `arn:aws:iam::*:user/*`,
      'arn:*:iam::${x:account}:*',
      '${x:arn}',
    ],
  ],
  [['StringEquals', 'StringLike'], 'kms:EncryptionContext:tenant', ['a', 'b', 'A']],
];
/** Values of requests, some of which their operators cannot read. */
const contextValues: Readonly<Record<string, readonly string[]>> = {
  'x:tag': ['a', 'A', 'b', 'bc', '*', '', 'alice'],
  'x:name': ['a', 'b', '*', 'true', 'key/1234abcd-12ab-34cd-56ef-1234567890ab', '1234abcd-12ab-34cd-56ef-1234567890ab'],
  'x:n': ['1', '2', '3', '2.5', '-3', 'many'],
  'x:date': ['2026-01-01T00:00:00Z', '2026', '2025-12-31T23:59:59.999Z', '1767225600', 'soon'],
  'x:bool': ['true', 'false', 'yes'],
  'x:bin': ['QQ==', 'QUI=', 'Q'],
  'x:ip': ['10.1.2.3', '11.0.0.1', '2001:db8::1', 'nowhere'],
  'x:account': [HOME, AWAY],
  'x:arn': [alice.arn, '*'],
  'aws:principalarn': [alice.arn, workerRole, 'nobody'],
  'kms:encryptioncontext:tenant': ['a', 'b'],
};

export function randomSituation(d: Dice): Situation {
  const isTrust = d.chance(8);
  const many = <T>(most: number, make: () => T) => Array.from({ length: d.number(most + 1) }, make);
  return {
    ...randomRequest(d, isTrust),
    resourceAccountId: HOME,
    resourcePolicy: isTrust ? randomTrustPolicy(d) : d.chance(8) ? undefined : randomPolicy(d, true),
    principalIds: d.chance(2) ? ids : {},
    identityPolicies: many(2, () => randomPolicy(d, false)),
    boundary: d.chance(3) ? randomPolicy(d, false) : undefined,
    sessionPolicies: d.chance(2) ? [] : many(2, () => randomPolicy(d, false)),
    grants: isTrust ? [] : many(2, () => randomGrant(d)),
  };
}

/** @param isTrust whether it is about a role and asks its trust policy */
export function randomRequest(
  d: Dice,
  isTrust: boolean,
): Pick<Situation, 'principal' | 'action' | 'resource' | 'context'> {
  return {
    principal: isTrust && d.chance(2) ? webIdentity : d.pick(principals),
    action: isTrust
      ? d.pick(['sts:AssumeRole', 'sts:AssumeRoleWithWebIdentity'])
      : d.pick(['kms:Encrypt', 'kms:Encrypt', 'kms:Decrypt', 's3:GetObject']),
    resource: isTrust ? OWN_ROLE : d.pick([KEY_ARN, KEY_ARN, KEY_ARN, 'arn:aws:s3:::bucket', '*']),
    context: randomContext(d),
  };
}

function randomContext(d: Dice): Situation['context'] {
  const context: Record<string, readonly string[]> = {};
  for (const [key, values] of Object.entries(contextValues)) {
    if (d.chance(3)) continue;
    context[key] = d.chance(6) ? [d.pick(values), d.pick(values)] : d.chance(30) ? [] : [d.pick(values)];
  }
  return context;
}

/** @param isResource whether it is a resource's and so names principals */
export function randomPolicy(d: Dice, isResource: boolean): WrittenPolicy {
  return policyOf(d, (hasVariables) => ({
    ...randomEffect(d, isResource && randomListed(d)),
    ...either(d, 'Action', several(d, actions, 2)),
    ...either(d, 'Resource', several(d, resources, 2)),
    ...randomConditions(d, hasVariables),
  }));
}

export function randomTrustPolicy(d: Dice): WrittenPolicy {
  return policyOf(d, (hasVariables) => ({
    Effect: d.chance(4) ? 'Deny' : 'Allow',
    // Trust policies do not take `*` for all kinds of principals.
    Principal: ((listed) => (listed === '*' ? { AWS: '*' } : listed))(randomListed(d)),
    ...either(d, 'Action', several(d, ['sts:*', 'sts:AssumeRole', 'sts:AssumeRoleWith*', 'sts:TagSession'], 2)),
    ...randomConditions(d, hasVariables),
  }));
}

function policyOf(d: Dice, statement: (hasVariables: boolean) => WrittenStatement): WrittenPolicy {
  const Version = d.chance(5) ? d.pick(['2008-10-17', undefined]) : '2012-10-17';
  const statements = Array.from({ length: 1 + d.number(3) }, () => statement(Version === '2012-10-17'));
  return {
    ...(Version && { Version }),
    Statement: statements.length === 1 && d.chance(3) ? (statements[0] as WrittenStatement) : statements,
  };
}

function randomEffect(
  d: Dice,
  listed: Listed | false,
): Pick<WrittenStatement, 'Effect' | 'Principal' | 'NotPrincipal'> {
  const Effect = d.chance(6) ? 'Deny' : 'Allow';
  if (listed === false) return { Effect };
  return Effect === 'Deny' && d.chance(3) ? { Effect, NotPrincipal: listed } : { Effect, Principal: listed };
}

function randomListed(d: Dice): Listed {
  const federated = () => d.pick([OIDC_PROVIDER, OIDC_PROVIDER, OTHER_PROVIDER, 'accounts.google.com']);
  switch (d.number(12)) {
    case 0:
      return '*';
    case 1:
      return { Service: ['s3.amazonaws.com'] };
    case 2:
      return { AWS: several(d, identities, 2), Federated: federated() };
    case 3:
      return { Federated: [federated()] };
    default:
      return { AWS: several(d, identities, 4) };
  }
}

function randomConditions(d: Dice, hasVariables: boolean): Pick<WrittenStatement, 'Condition'> {
  if (!d.chance(3)) return {};
  const Condition: Record<string, Conditions> = {};
  for (let left = 1 + d.number(2); left > 0; left--) {
    if (d.chance(8)) {
      Condition['Null'] = { [d.pick(Object.keys(contextValues))]: [d.pick(['true', 'false', true])] };
      continue;
    }
    const [operators, key, known] = d.pick(conditions);
    // Where there are no variables, `${x:arn}` is no ARN.
    const isText = operators.some((operator) => operator.startsWith('String'));
    const values = (known ?? []).filter((value) => hasVariables || isText || !String(value).includes('${'));
    const set = d.chance(3) ? d.pick(['ForAllValues:', 'ForAnyValue:']) : '';
    const operator = `${set}${d.pick(operators)}${d.chance(4) ? 'IfExists' : ''}`;
    Condition[operator] = { ...Condition[operator], [key]: several(d, values, 3) };
  }
  return { Condition };
}

function randomGrant(d: Dice): WrittenGrant {
  return {
    grantee: d.pick([
      alice.arn,
      worker.arn,
      workerRole,
      workerRole,
      root().arn,
      root(AWAY).arn,
      user('alice', AWAY).arn,
    ]),
    operations: several(d, ['Encrypt', 'Encrypt', 'Decrypt', 'DescribeKey'], 2),
    ...(d.chance(3) && { contextSubset: { tenant: d.pick(['a', 'b']) } }),
  };
}

/** One time in six the element's negation. */
function either(d: Dice, name: string, value: readonly string[]): object {
  return { [d.chance(6) ? `Not${name}` : name]: value.length === 1 && d.chance(2) ? value[0] : value };
}

function several<T>(d: Dice, from: readonly T[], most: number): readonly T[] {
  return Array.from({ length: 1 + d.number(most) }, () => d.pick(from));
}
