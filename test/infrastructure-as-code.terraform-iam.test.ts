import type { IAMClient } from '@aws-sdk/client-iam';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { iamClient, refusal, trustOf } from './support/iam.ts';
import { cleanUp, startServer, type TestServer } from './support/server.ts';
import {
  accessKeyResource,
  accountAliasResource,
  type FixedResource,
  groupMembershipResource,
  groupPolicyAttachmentResource,
  groupPolicyResource,
  groupResource,
  openIdConnectProviderResource,
  type PolicyAttributes,
  policyResource,
  type Resource,
  type RoleAttributes,
  rolePolicyAttachmentResource,
  rolePolicyResource,
  roleResource,
  type UserAttributes,
  userPolicyAttachmentResource,
  userPolicyResource,
  userResource,
} from './support/terraform-iam.ts';
import { normalizedJson } from './support/terraform-provider.ts';

/**
 * Users, groups, roles, policies and what ties them together, as Terraform makes, reads, changes and deletes them: what is
 * read is what was written, attribute for attribute, so that a second `terraform apply` finds nothing to change. These are
 * the provider's calls (`support/terraform-iam.ts`).
 */

let server: TestServer;
let iam: IAMClient;
let account: string;

beforeAll(async () => {
  server = await startServer({ workers: 2 });
  iam = iamClient(server);
  account = `arn:aws:iam::${server.accountId}`;
});

afterAll(async () => {
  iam?.destroy();
  await cleanUp(server);
});

const READINGS_AT_ONCE = 5;

/**
 * A plan without differences. Where the provider would read again until AWS has propagated a change, all of several
 * readings at once must show it, whichever worker answers them.
 */
async function expectNoDifference<Attributes>(
  resource: FixedResource<Attributes>,
  id: string,
  wanted: Attributes | undefined,
): Promise<void> {
  const readings = await Promise.all(Array.from({ length: READINGS_AT_ONCE }, () => resource.read(iam, id)));
  for (const reading of readings) expect(asPlanned(reading)).toEqual(asPlanned(wanted));
}

/** Policies are the same where their JSON is, members in any order. */
function asPlanned(value: unknown): unknown {
  if (typeof value === 'string' && value.trimStart().startsWith('{')) return normalizedJson(value);
  if (Array.isArray(value)) return value.map(asPlanned);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, asPlanned(member)]));
}

/** From state to state, and to its end, which may come twice. */
async function lives<Attributes>(resource: Resource<Attributes>, first: Attributes, ...changes: Partial<Attributes>[]) {
  let current = first;
  let id = await resource.create(iam, first);
  await expectNoDifference(resource, id, first);
  for (const change of changes) {
    const wanted = { ...current, ...change };
    const previous = id;
    id = await resource.update(iam, id, current, wanted);
    await expectNoDifference(resource, id, wanted);
    if (id !== previous) await expectNoDifference(resource, previous, undefined);
    current = wanted;
  }
  await ends(resource, id);
}

async function ends<Attributes>(resource: FixedResource<Attributes>, id: string): Promise<void> {
  await resource.delete(iam, id);
  await expectNoDifference(resource, id, undefined);
  await resource.delete(iam, id);
}

/** As people write it: on several lines, members in any order, and with what must survive the encoding of forms and URLs. */
function policyOf(sid: string): string {
  return `{
    "Version": "2012-10-17",
    "Statement": [
      { "Sid": "${sid}", "Effect": "Allow", "Action": ["kms:Encrypt", "kms:Decrypt"], "Resource": "*",
        "Condition": { "StringLike": { "kms:EncryptionContext:tenant": ["b + c", "100% <&> é", "\\u00fc=?#/"] } } },
      { "Effect": "Deny", "NotAction": "kms:*", "Resource": ["*"] }
    ]
  }`;
}

const tags = { team: 'orders', 'cost:center': '4711', empty: '', Größe: 'für / alle + Fälle = @' };
const bare = { path: '/', permissions_boundary: undefined, tags: {} };
const boundary = 'arn:aws:iam::aws:policy/AWSKeyManagementServicePowerUser';

async function newUser(name: string): Promise<string> {
  return await userResource().create(iam, { ...bare, name });
}

async function newRole(name: string): Promise<string> {
  return await roleResource().create(iam, { ...plainRole(), name });
}

async function newPolicy(name: string): Promise<string> {
  return await policyResource.create(iam, { name, path: '/', description: '', policy: policyOf('Attached'), tags: {} });
}

function plainRole(): Omit<RoleAttributes, 'name'> {
  return {
    ...bare,
    assume_role_policy: trustOf({ AWS: `${account}:root` }),
    description: '',
    max_session_duration: 3600,
    managed_policy_arns: [],
    inline_policy: [],
  };
}

describe('aws_iam_user', () => {
  test('with nothing but a name, and renamed', async () => {
    await lives<UserAttributes>(userResource(), { ...bare, name: 'plain' }, { name: 'renamed' }, { name: 'Renamed' });
  });

  test('with everything, changed attribute by attribute', async () => {
    await lives<UserAttributes>(
      userResource(),
      { name: 'alice+bob=c,d.e@f-g_h', path: '/staff/', permissions_boundary: boundary, tags },
      { path: '/staff/former/' },
      { permissions_boundary: 'arn:aws:iam::aws:policy/AdministratorAccess' },
      { permissions_boundary: undefined },
      { tags: { team: 'archive', new: 'yes' } },
      { tags: {} },
      { permissions_boundary: boundary, name: 'alicia', path: '/', tags },
    );
  });

  test('is deleted by force with its groups and access keys, whatever else it is asked for', async () => {
    const user = userResource({ force_destroy: true });
    const id = await newUser('forced');
    const group = await groupResource.create(iam, { name: 'forced-group', path: '/' });
    const membership = await groupMembershipResource.create(iam, { group, users: [id] });
    const keys = await Promise.all([
      accessKeyResource.create(iam, { user: id, status: 'Active' }),
      accessKeyResource.create(iam, { user: id, status: 'Inactive' }),
    ]);
    await user.delete(iam, id);
    for (const key of keys) await expectNoDifference(accessKeyResource, key, undefined);
    await expectNoDifference(groupMembershipResource, membership, { group, users: [] });
    await expectNoDifference(user, id, undefined);
    await ends(groupResource, group);
  });
});

describe('aws_iam_role', () => {
  test('with nothing but a name and its trust', async () => {
    await lives<RoleAttributes>(
      roleResource(),
      { ...plainRole(), name: 'plain' },
      { assume_role_policy: trustOf({ Service: 'ec2.amazonaws.com' }) },
    );
  });

  test('with everything, changed attribute by attribute', async () => {
    const user = await newUser('trusted');
    await lives<RoleAttributes>(
      roleResource(),
      {
        ...plainRole(),
        name: 'application',
        path: '/apps/of/ours/',
        // A user made a moment ago, for which the provider would wait.
        assume_role_policy: trustOf({ AWS: [`${account}:root`, `${account}:user/${user}`] }),
        description: 'Bestellungen von "Müller & Söhne"',
        max_session_duration: 43_200,
        permissions_boundary: boundary,
        tags,
      },
      {
        assume_role_policy: trustOf({
          AWS: `${account}:user/${user}`,
          Service: ['a.amazonaws.com', 'b.amazonaws.com'],
        }),
      },
      { description: 'for orders' },
      { max_session_duration: 3600 },
      { permissions_boundary: undefined },
      { tags: { team: 'archive' } },
      { description: '', permissions_boundary: boundary, tags },
    );
    await ends(userResource(), user);
  });

  test('keeps its description when only its session duration changes', async () => {
    const role = roleResource();
    const wanted = { ...plainRole(), name: 'described', description: 'stays', max_session_duration: 7200 };
    const id = await role.create(iam, wanted);
    await role.update(iam, id, wanted, { ...wanted, max_session_duration: 3600 });
    await expectNoDifference(role, id, { ...wanted, max_session_duration: 3600 });
    await ends(role, id);
  });

  test('that trusts a user who is not there yet is refused in words that make the provider try again', async () => {
    const assume_role_policy = trustOf({ AWS: `${account}:user/not-yet` });
    const created = () => roleResource().create(iam, { ...plainRole(), name: 'early', assume_role_policy });
    expect(await refusal(created())).toMatch(/^MalformedPolicyDocumentException: Invalid principal in policy/);
    const user = await newUser('not-yet');
    await expectNoDifference(roleResource(), await created(), { ...plainRole(), name: 'early', assume_role_policy });
    await ends(roleResource(), 'early');
    await ends(userResource(), user);
  });

  test('shows what others attached, which keeps it until it is deleted by force', async () => {
    const role = roleResource({ force_detach_policies: true });
    const name = await newRole('laden');
    const policy_arn = await newPolicy('laden-policy');
    await rolePolicyAttachmentResource.create(iam, { to: name, policy_arn });
    await rolePolicyResource.create(iam, { of: name, name: 'own', policy: policyOf('Own') });
    await expectNoDifference(role, name, {
      ...plainRole(),
      name,
      managed_policy_arns: [policy_arn],
      inline_policy: [{ name: 'own', policy: policyOf('Own') }],
    });
    expect(await refusal(roleResource().delete(iam, name))).toMatch(/^DeleteConflictException: /);
    await ends(role, name);
    await ends(policyResource, policy_arn);
  });
});

test('aws_iam_policy, through more updates than there may be versions', async () => {
  await lives<PolicyAttributes>(
    policyResource,
    { name: 'use-of-keys', path: '/keys/', description: 'Schlüssel + "mehr"', policy: policyOf('V1'), tags },
    ...[2, 3, 4, 5, 6, 7].map((version) => ({ policy: policyOf(`V${version}`) })),
    { tags: { team: 'archive' } },
    { tags: {}, policy: policyOf('Last') },
  );
  await lives<PolicyAttributes>(policyResource, {
    name: 'undescribed',
    path: '/',
    description: '',
    policy: policyOf('Only'),
    tags: {},
  });
});

test('aws_iam_group and aws_iam_group_membership', async () => {
  const users = ['m1', 'm2', 'm3', 'm4'];
  for (const name of users) await newUser(name);
  await lives(
    groupResource,
    { name: 'crew', path: '/' },
    { path: '/ships/' },
    { name: 'Crew' },
    { name: 'sailors', path: '/' },
  );
  const group = await groupResource.create(iam, { name: 'crew', path: '/ships/' });
  const membership = await groupMembershipResource.create(iam, { group, users: ['m1', 'm2'] });
  const states = [['m1', 'm2'], ['m2', 'm3', 'm4'], [], ['m1']];
  for (const [index, wanted] of states.entries()) {
    const from = { group, users: states[index - 1] ?? wanted };
    await groupMembershipResource.update(iam, membership, from, { group, users: wanted });
    await expectNoDifference(groupMembershipResource, membership, { group, users: wanted });
  }
  await groupMembershipResource.delete(iam, membership);
  await ends(groupResource, group);
  await expectNoDifference(groupMembershipResource, membership, undefined);
  for (const name of users) await ends(userResource(), name);
});

describe('policies of a user, a role and a group', () => {
  const bearers = [
    [
      'user',
      {
        make: () => newUser('bearer'),
        bearer: userResource(),
        inline: userPolicyResource,
        attachment: userPolicyAttachmentResource,
      },
    ],
    [
      'role',
      {
        make: () => newRole('bearer'),
        bearer: roleResource(),
        inline: rolePolicyResource,
        attachment: rolePolicyAttachmentResource,
      },
    ],
    [
      'group',
      {
        make: () => groupResource.create(iam, { name: 'bearer', path: '/' }),
        bearer: groupResource,
        inline: groupPolicyResource,
        attachment: groupPolicyAttachmentResource,
      },
    ],
  ] as const;

  test.each(bearers)('aws_iam_%s_policy', async (_, { make, bearer, inline }) => {
    const of = await make();
    await lives(inline, { of, name: 'own=+,.@-_', policy: policyOf('First') }, { policy: policyOf('Second') });
    const orphan = await inline.create(iam, { of, name: 'orphan', policy: policyOf('Orphan') });
    await inline.delete(iam, orphan);
    await ends(bearer, of);
    // It is gone with what had it.
    await expectNoDifference(inline, orphan, undefined);
    await inline.delete(iam, orphan);
  });

  test.each(bearers)('aws_iam_%s_policy_attachment', async (_, { make, bearer, attachment }) => {
    const to = await make();
    const own = await newPolicy('attached');
    const ids: string[] = [];
    for (const policy_arn of [own, boundary]) {
      const id = await attachment.create(iam, { to, policy_arn });
      await expectNoDifference(attachment, id, { to, policy_arn });
      // As two configurations may have it.
      expect(await attachment.create(iam, { to, policy_arn })).toBe(id);
      ids.push(id);
    }
    expect(await refusal(policyResource.delete(iam, own))).toMatch(/^DeleteConflictException: /);
    for (const id of ids) await ends(attachment, id);
    await ends(policyResource, own);
    await ends(bearer, to);
    for (const id of ids) await expectNoDifference(attachment, id, undefined);
  });
});

test('aws_iam_access_key, active or not', async () => {
  const user = await newUser('key-owner');
  await lives(accessKeyResource, { user, status: 'Active' }, { status: 'Inactive' }, { status: 'Active' });
  await lives(accessKeyResource, { user, status: 'Inactive' });
  await ends(userResource(), user);
});

test('aws_iam_openid_connect_provider', async () => {
  const [one, other] = ['a', 'b'].map((digit) => digit.repeat(40)) as [string, string];
  await lives(
    openIdConnectProviderResource,
    { url: 'https://id.example.com/realm', client_id_list: ['app'], thumbprint_list: [one], tags },
    { client_id_list: ['app', 'sts.amazonaws.com'] },
    { client_id_list: ['sts.amazonaws.com'], thumbprint_list: [one, other] },
    { thumbprint_list: [other], tags: {} },
    { tags: { team: 'archive' } },
  );
});

test('aws_iam_account_alias, replaced by another', async () => {
  for (const account_alias of ['our-keys', 'our-other-keys']) {
    const id = await accountAliasResource.create(iam, { account_alias });
    await expectNoDifference(accountAliasResource, id, { account_alias });
    await ends(accountAliasResource, id);
  }
});
