import {
  AddClientIDToOpenIDConnectProviderCommand,
  AddUserToGroupCommand,
  type AttachedPolicy,
  AttachGroupPolicyCommand,
  AttachRolePolicyCommand,
  AttachUserPolicyCommand,
  CreateAccessKeyCommand,
  CreateAccountAliasCommand,
  CreateGroupCommand,
  CreateOpenIDConnectProviderCommand,
  CreatePolicyCommand,
  CreatePolicyVersionCommand,
  CreateRoleCommand,
  CreateUserCommand,
  DeleteAccessKeyCommand,
  DeleteAccountAliasCommand,
  DeleteGroupCommand,
  DeleteGroupPolicyCommand,
  DeleteLoginProfileCommand,
  DeleteOpenIDConnectProviderCommand,
  DeletePolicyCommand,
  DeletePolicyVersionCommand,
  DeleteRoleCommand,
  DeleteRolePermissionsBoundaryCommand,
  DeleteRolePolicyCommand,
  DeleteUserCommand,
  DeleteUserPermissionsBoundaryCommand,
  DeleteUserPolicyCommand,
  DetachGroupPolicyCommand,
  DetachRolePolicyCommand,
  DetachUserPolicyCommand,
  GetGroupCommand,
  GetGroupPolicyCommand,
  GetOpenIDConnectProviderCommand,
  GetPolicyCommand,
  GetPolicyVersionCommand,
  GetRoleCommand,
  GetRolePolicyCommand,
  GetUserCommand,
  GetUserPolicyCommand,
  type IAMClient,
  ListInstanceProfilesForRoleCommand,
  ListServiceSpecificCredentialsCommand,
  NoSuchEntityException,
  PutGroupPolicyCommand,
  PutRolePermissionsBoundaryCommand,
  PutRolePolicyCommand,
  PutUserPermissionsBoundaryCommand,
  PutUserPolicyCommand,
  paginateGetGroup,
  paginateListAccessKeys,
  paginateListAccountAliases,
  paginateListAttachedGroupPolicies,
  paginateListAttachedRolePolicies,
  paginateListAttachedUserPolicies,
  paginateListGroupsForUser,
  paginateListMFADevices,
  paginateListPolicyVersions,
  paginateListRolePolicies,
  paginateListSigningCertificates,
  paginateListSSHPublicKeys,
  paginateListVirtualMFADevices,
  RemoveClientIDFromOpenIDConnectProviderCommand,
  RemoveUserFromGroupCommand,
  SetDefaultPolicyVersionCommand,
  type StatusType,
  type Tag,
  TagOpenIDConnectProviderCommand,
  TagPolicyCommand,
  TagRoleCommand,
  TagUserCommand,
  UntagOpenIDConnectProviderCommand,
  UntagPolicyCommand,
  UntagRoleCommand,
  UntagUserCommand,
  UpdateAccessKeyCommand,
  UpdateAssumeRolePolicyCommand,
  UpdateGroupCommand,
  UpdateOpenIDConnectProviderThumbprintCommand,
  UpdateRoleCommand,
  UpdateRoleDescriptionCommand,
  UpdateUserCommand,
} from '@aws-sdk/client-iam';
import { expect } from 'vitest';
import { normalizedJson, type Tags } from './terraform-provider.ts';

/**
 * What Terraform's AWS provider asks of IAM, call for call, for each of its resources (`internal/service/iam` of
 * hashicorp/terraform-provider-aws). As for KMS in `terraform-provider.ts`, the program itself does not run here. What the
 * provider tries again for as long as AWS takes to propagate must succeed here the first time, so that nothing is repeated.
 */

/** One of the provider's resources. Attributes are those of its schema that are read back; what is read is undefined once it is gone. */
export interface Resource<Attributes> {
  /** Answers with the resource's id. */
  create(iam: IAMClient, wanted: Attributes): Promise<string>;
  read(iam: IAMClient, id: string): Promise<Attributes | undefined>;
  /** From what was read to what is wanted, by the calls for what differs. Answers with the id, which a new name changes. */
  update(iam: IAMClient, id: string, from: Attributes, to: Attributes): Promise<string>;
  delete(iam: IAMClient, id: string): Promise<void>;
}

/** One where each attribute that changes makes the provider replace it. */
export type FixedResource<Attributes> = Omit<Resource<Attributes>, 'update'>;

async function foundOr<Found>(read: Promise<Found>): Promise<Found | undefined> {
  try {
    return await read;
  } catch (error) {
    if (error instanceof NoSuchEntityException) return undefined;
    throw error;
  }
}

/** A deletion of what may be gone. */
const unlessGone = foundOr<unknown>;

async function collect<Page, Item>(pages: AsyncIterable<Page>, items: (page: Page) => readonly Item[] | undefined) {
  const collected: Item[] = [];
  for await (const page of pages) collected.push(...(items(page) ?? []));
  return collected;
}

/** Documents come percent-encoded, and the provider takes a plus for a space, as forms mean it. */
function decoded(document: string | undefined): string {
  return normalizedJson(decodeURIComponent(String(document).replaceAll('+', ' ')));
}

/** An id of two names: `alice:policy`. */
function twoParts(id: string): [string, string] {
  const [first = '', ...rest] = id.split(':');
  return [first, rest.join(':')];
}

function tagList(tags: Tags): Tag[] {
  return Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));
}

function withTags(tags: Tags) {
  return Object.keys(tags).length === 0 ? {} : { Tags: tagList(tags) };
}

function tagsOf(tags: readonly Tag[] | undefined): Tags {
  return Object.fromEntries((tags ?? []).map(({ Key, Value }) => [Key, Value]));
}

interface Tagging {
  tag(Tags: Tag[]): Promise<unknown>;
  untag(TagKeys: string[]): Promise<unknown>;
}

async function updateTags(from: Tags, to: Tags, { tag, untag }: Tagging): Promise<void> {
  const removed = Object.keys(from).filter((key) => !Object.hasOwn(to, key));
  const updated = Object.entries(to).filter(([key, value]) => from[key] !== value);
  if (removed.length > 0) await untag(removed);
  if (updated.length > 0) await tag(tagList(Object.fromEntries(updated)));
}

export interface UserAttributes {
  readonly name: string;
  readonly path: string;
  readonly permissions_boundary: string | undefined;
  readonly tags: Tags;
}

/** `aws_iam_user` */
export function userResource({ force_destroy = false } = {}): Resource<UserAttributes> {
  return {
    async create(iam, { name, path, permissions_boundary, tags }) {
      const { User } = await iam.send(
        new CreateUserCommand({
          UserName: name,
          Path: path,
          PermissionsBoundary: permissions_boundary,
          ...withTags(tags),
        }),
      );
      return User?.UserName ?? '';
    },
    async read(iam, UserName) {
      const { User } = (await foundOr(iam.send(new GetUserCommand({ UserName })))) ?? {};
      if (User === undefined) return undefined;
      return {
        name: User.UserName ?? '',
        path: User.Path ?? '',
        permissions_boundary: User.PermissionsBoundary?.PermissionsBoundaryArn,
        tags: tagsOf(User.Tags),
      };
    },
    async update(iam, id, from, to) {
      await updateTags(from.tags, to.tags, {
        tag: (Tags) => iam.send(new TagUserCommand({ UserName: id, Tags })),
        untag: (TagKeys) => iam.send(new UntagUserCommand({ UserName: id, TagKeys })),
      });
      if (from.name !== to.name || from.path !== to.path) {
        await iam.send(new UpdateUserCommand({ UserName: from.name, NewUserName: to.name, NewPath: to.path }));
      }
      const [UserName, PermissionsBoundary] = [to.name, to.permissions_boundary];
      if (from.permissions_boundary !== PermissionsBoundary) {
        await (PermissionsBoundary === undefined
          ? iam.send(new DeleteUserPermissionsBoundaryCommand({ UserName }))
          : iam.send(new PutUserPermissionsBoundaryCommand({ UserName, PermissionsBoundary })));
      }
      return UserName;
    },
    async delete(iam, UserName) {
      const pages = paginateListGroupsForUser({ client: iam }, { UserName });
      for (const { GroupName } of (await foundOr(collect(pages, (page) => page.Groups))) ?? []) {
        await unlessGone(iam.send(new RemoveUserFromGroupCommand({ UserName, GroupName })));
      }
      if (force_destroy) await deleteCredentials(iam, UserName);
      await unlessGone(iam.send(new DeleteUserCommand({ UserName })));
    },
  };
}

/** Whatever a user may have to sign in with. But for access keys nobody has any here: the listings say so, and are all it takes. */
async function deleteCredentials(client: IAMClient, UserName: string): Promise<void> {
  for (const { AccessKeyId } of (await foundOr(accessKeysOf(client, UserName))) ?? []) {
    await client.send(new DeleteAccessKeyCommand({ UserName, AccessKeyId }));
  }
  const found = [
    await collect(paginateListSSHPublicKeys({ client }, { UserName }), (page) => page.SSHPublicKeys),
    await collect(
      paginateListVirtualMFADevices({ client }, { AssignmentStatus: 'Assigned' }),
      (page) => page.VirtualMFADevices,
    ),
    await collect(paginateListMFADevices({ client }, { UserName }), (page) => page.MFADevices),
    await unlessGone(client.send(new DeleteLoginProfileCommand({ UserName }))),
    await collect(paginateListSigningCertificates({ client }, { UserName }), (page) => page.Certificates),
    (await client.send(new ListServiceSpecificCredentialsCommand({ UserName }))).ServiceSpecificCredentials,
  ];
  expect(found).toEqual([[], [], [], undefined, [], []]);
}

export interface InlinePolicyAttributes {
  /** A user's, role's or group's name. */
  readonly of: string;
  readonly name: string;
  readonly policy: string;
}

interface InlinePolicyCalls {
  put(iam: IAMClient, of: string, PolicyName: string, PolicyDocument: string): Promise<unknown>;
  get(iam: IAMClient, of: string, PolicyName: string): Promise<{ PolicyDocument: string | undefined }>;
  delete(iam: IAMClient, of: string, PolicyName: string): Promise<unknown>;
}

function inlinePolicyResource(calls: InlinePolicyCalls): Resource<InlinePolicyAttributes> {
  const put = async (iam: IAMClient, { of, name, policy }: InlinePolicyAttributes) => {
    await calls.put(iam, of, name, versionFirst(policy));
    return `${of}:${name}`;
  };
  return {
    create: put,
    async read(iam, id) {
      const [of, name] = twoParts(id);
      const found = await foundOr(calls.get(iam, of, name));
      return found === undefined ? undefined : { of, name, policy: decoded(found.PolicyDocument) };
    },
    update: (iam, _id, _from, to) => put(iam, to),
    async delete(iam, id) {
      await unlessGone(calls.delete(iam, ...twoParts(id)));
    },
  };
}

/** How the provider writes inline policies, since AWS was particular about it once. */
function versionFirst(policy: string): string {
  const { Version, ...rest } = JSON.parse(normalizedJson(policy));
  return JSON.stringify({ Version, ...rest });
}

/** `aws_iam_user_policy` */
export const userPolicyResource = inlinePolicyResource({
  put: (iam, UserName, PolicyName, PolicyDocument) =>
    iam.send(new PutUserPolicyCommand({ UserName, PolicyName, PolicyDocument })),
  get: (iam, UserName, PolicyName) => iam.send(new GetUserPolicyCommand({ UserName, PolicyName })),
  delete: (iam, UserName, PolicyName) => iam.send(new DeleteUserPolicyCommand({ UserName, PolicyName })),
});

/** `aws_iam_role_policy` */
export const rolePolicyResource = inlinePolicyResource({
  put: (iam, RoleName, PolicyName, PolicyDocument) =>
    iam.send(new PutRolePolicyCommand({ RoleName, PolicyName, PolicyDocument })),
  get: (iam, RoleName, PolicyName) => iam.send(new GetRolePolicyCommand({ RoleName, PolicyName })),
  delete: (iam, RoleName, PolicyName) => iam.send(new DeleteRolePolicyCommand({ RoleName, PolicyName })),
});

/** `aws_iam_group_policy` */
export const groupPolicyResource = inlinePolicyResource({
  put: (iam, GroupName, PolicyName, PolicyDocument) =>
    iam.send(new PutGroupPolicyCommand({ GroupName, PolicyName, PolicyDocument })),
  get: (iam, GroupName, PolicyName) => iam.send(new GetGroupPolicyCommand({ GroupName, PolicyName })),
  delete: (iam, GroupName, PolicyName) => iam.send(new DeleteGroupPolicyCommand({ GroupName, PolicyName })),
});

export interface AttachmentAttributes {
  /** A user's, role's or group's name. */
  readonly to: string;
  readonly policy_arn: string;
}

interface AttachmentCalls {
  attach(iam: IAMClient, to: string, PolicyArn: string): Promise<unknown>;
  list(iam: IAMClient, to: string): Promise<AttachedPolicy[]>;
  detach(iam: IAMClient, to: string, PolicyArn: string): Promise<unknown>;
}

function attachmentResource({ attach, list, detach }: AttachmentCalls): FixedResource<AttachmentAttributes> {
  return {
    async create(iam, { to, policy_arn }) {
      await attach(iam, to, policy_arn);
      return `${to}:${policy_arn}`;
    },
    async read(iam, id) {
      const [to, policy_arn] = twoParts(id);
      const attached = await foundOr(list(iam, to));
      return attached?.some(({ PolicyArn }) => PolicyArn === policy_arn) === true ? { to, policy_arn } : undefined;
    },
    async delete(iam, id) {
      await unlessGone(detach(iam, ...twoParts(id)));
    },
  };
}

/** `aws_iam_user_policy_attachment` */
export const userPolicyAttachmentResource = attachmentResource({
  attach: (iam, UserName, PolicyArn) => iam.send(new AttachUserPolicyCommand({ UserName, PolicyArn })),
  list: (client, UserName) =>
    collect(paginateListAttachedUserPolicies({ client }, { UserName }), (page) => page.AttachedPolicies),
  detach: (iam, UserName, PolicyArn) => iam.send(new DetachUserPolicyCommand({ UserName, PolicyArn })),
});

/** `aws_iam_role_policy_attachment` */
export const rolePolicyAttachmentResource = attachmentResource({
  attach: (iam, RoleName, PolicyArn) => iam.send(new AttachRolePolicyCommand({ RoleName, PolicyArn })),
  list: attachedToRole,
  detach: (iam, RoleName, PolicyArn) => iam.send(new DetachRolePolicyCommand({ RoleName, PolicyArn })),
});

/** `aws_iam_group_policy_attachment` */
export const groupPolicyAttachmentResource = attachmentResource({
  attach: (iam, GroupName, PolicyArn) => iam.send(new AttachGroupPolicyCommand({ GroupName, PolicyArn })),
  list: (client, GroupName) =>
    collect(paginateListAttachedGroupPolicies({ client }, { GroupName }), (page) => page.AttachedPolicies),
  detach: (iam, GroupName, PolicyArn) => iam.send(new DetachGroupPolicyCommand({ GroupName, PolicyArn })),
});

function attachedToRole(client: IAMClient, RoleName: string): Promise<AttachedPolicy[]> {
  return collect(paginateListAttachedRolePolicies({ client }, { RoleName }), (page) => page.AttachedPolicies);
}

export interface RoleAttributes {
  readonly name: string;
  readonly path: string;
  readonly assume_role_policy: string;
  readonly description: string;
  readonly max_session_duration: number;
  readonly permissions_boundary: string | undefined;
  readonly tags: Tags;
  /** Computed where it is not configured: what other resources attached. */
  readonly managed_policy_arns: readonly string[];
  readonly inline_policy: readonly { readonly name: string; readonly policy: string }[];
}

/** `aws_iam_role`, with policies of its own only where other resources gave it some. */
export function roleResource({ force_detach_policies = false } = {}): Resource<RoleAttributes> {
  return {
    async create(iam, wanted) {
      const { Role } = await iam.send(
        new CreateRoleCommand({
          AssumeRolePolicyDocument: normalizedJson(wanted.assume_role_policy),
          Path: wanted.path,
          RoleName: wanted.name,
          ...(wanted.description === '' ? {} : { Description: wanted.description }),
          MaxSessionDuration: wanted.max_session_duration,
          PermissionsBoundary: wanted.permissions_boundary,
          ...withTags(wanted.tags),
        }),
      );
      return Role?.RoleName ?? '';
    },
    async read(iam, RoleName) {
      const { Role } = (await foundOr(iam.send(new GetRoleCommand({ RoleName })))) ?? {};
      if (Role === undefined) return undefined;
      // The provider waits for an ARN that is one: AWS gives a unique id in its place just after a role was made.
      expect(Role.Arn).toMatch(/^arn:aws:iam::\d{12}:role\//);
      const inline_policy: { name: string; policy: string }[] = [];
      for (const PolicyName of await inlinePolicyNames(iam, RoleName)) {
        const { PolicyDocument } = await iam.send(new GetRolePolicyCommand({ RoleName, PolicyName }));
        inline_policy.push({ name: PolicyName, policy: decoded(PolicyDocument) });
      }
      return {
        name: Role.RoleName ?? '',
        path: Role.Path ?? '',
        assume_role_policy: decoded(Role.AssumeRolePolicyDocument),
        description: Role.Description ?? '',
        max_session_duration: Role.MaxSessionDuration ?? 0,
        permissions_boundary: Role.PermissionsBoundary?.PermissionsBoundaryArn,
        tags: tagsOf(Role.Tags),
        managed_policy_arns: (await attachedToRole(iam, RoleName)).map(({ PolicyArn = '' }) => PolicyArn),
        inline_policy,
      };
    },
    async update(iam, RoleName, from, to) {
      await updateTags(from.tags, to.tags, {
        tag: (Tags) => iam.send(new TagRoleCommand({ RoleName, Tags })),
        untag: (TagKeys) => iam.send(new UntagRoleCommand({ RoleName, TagKeys })),
      });
      const PolicyDocument = normalizedJson(to.assume_role_policy);
      if (normalizedJson(from.assume_role_policy) !== PolicyDocument) {
        await iam.send(new UpdateAssumeRolePolicyCommand({ RoleName, PolicyDocument }));
      }
      if (from.description !== to.description) {
        await iam.send(new UpdateRoleDescriptionCommand({ RoleName, Description: to.description }));
      }
      if (from.max_session_duration !== to.max_session_duration) {
        await iam.send(new UpdateRoleCommand({ RoleName, MaxSessionDuration: to.max_session_duration }));
      }
      const PermissionsBoundary = to.permissions_boundary;
      if (from.permissions_boundary !== PermissionsBoundary) {
        await (PermissionsBoundary === undefined
          ? iam.send(new DeleteRolePermissionsBoundaryCommand({ RoleName }))
          : iam.send(new PutRolePermissionsBoundaryCommand({ RoleName, PermissionsBoundary })));
      }
      return RoleName;
    },
    async delete(iam, RoleName) {
      const profiles = await foundOr(iam.send(new ListInstanceProfilesForRoleCommand({ RoleName })));
      expect(profiles?.InstanceProfiles ?? []).toEqual([]);
      if (force_detach_policies) {
        for (const { PolicyArn } of (await foundOr(attachedToRole(iam, RoleName))) ?? []) {
          await unlessGone(iam.send(new DetachRolePolicyCommand({ RoleName, PolicyArn })));
        }
        for (const PolicyName of (await foundOr(inlinePolicyNames(iam, RoleName))) ?? []) {
          await unlessGone(iam.send(new DeleteRolePolicyCommand({ RoleName, PolicyName })));
        }
      }
      await unlessGone(iam.send(new DeleteRoleCommand({ RoleName })));
    },
  };
}

function inlinePolicyNames(client: IAMClient, RoleName: string): Promise<string[]> {
  return collect(paginateListRolePolicies({ client }, { RoleName }), (page) => page.PolicyNames);
}

export interface PolicyAttributes {
  readonly name: string;
  readonly path: string;
  readonly description: string;
  readonly policy: string;
  readonly tags: Tags;
}

const MOST_POLICY_VERSIONS = 5;

/** `aws_iam_policy`. Its id is its ARN. */
export const policyResource: Resource<PolicyAttributes> = {
  async create(iam, { name, path, description, policy, tags }) {
    const { Policy } = await iam.send(
      new CreatePolicyCommand({
        // Sent even when it is empty.
        Description: description,
        Path: path,
        PolicyDocument: normalizedJson(policy),
        PolicyName: name,
        ...withTags(tags),
      }),
    );
    return Policy?.Arn ?? '';
  },
  async read(iam, PolicyArn) {
    const { Policy } = (await foundOr(iam.send(new GetPolicyCommand({ PolicyArn })))) ?? {};
    if (Policy === undefined) return undefined;
    const VersionId = Policy.DefaultVersionId;
    const { PolicyVersion } = await iam.send(new GetPolicyVersionCommand({ PolicyArn, VersionId }));
    return {
      name: Policy.PolicyName ?? '',
      path: Policy.Path ?? '',
      description: Policy.Description ?? '',
      policy: decoded(PolicyVersion?.Document),
      tags: tagsOf(Policy.Tags),
    };
  },
  async update(iam, PolicyArn, from, to) {
    await updateTags(from.tags, to.tags, {
      tag: (Tags) => iam.send(new TagPolicyCommand({ PolicyArn, Tags })),
      untag: (TagKeys) => iam.send(new UntagPolicyCommand({ PolicyArn, TagKeys })),
    });
    const PolicyDocument = normalizedJson(to.policy);
    if (normalizedJson(from.policy) === PolicyDocument) return PolicyArn;
    const versions = await policyVersions(iam, PolicyArn);
    if (versions.length >= MOST_POLICY_VERSIONS) {
      const [oldest] = versions
        .filter(({ IsDefaultVersion }) => !IsDefaultVersion)
        .toSorted((a, b) => Number(a.CreateDate) - Number(b.CreateDate));
      await iam.send(new DeletePolicyVersionCommand({ PolicyArn, VersionId: oldest?.VersionId }));
    }
    // Not the default at once, for which AWS needs a while.
    const { PolicyVersion } = await iam.send(
      new CreatePolicyVersionCommand({ PolicyArn, PolicyDocument, SetAsDefault: false }),
    );
    await iam.send(new SetDefaultPolicyVersionCommand({ PolicyArn, VersionId: PolicyVersion?.VersionId }));
    return PolicyArn;
  },
  async delete(iam, PolicyArn) {
    for (const { IsDefaultVersion, VersionId } of (await foundOr(policyVersions(iam, PolicyArn))) ?? []) {
      if (!IsDefaultVersion) await iam.send(new DeletePolicyVersionCommand({ PolicyArn, VersionId }));
    }
    await unlessGone(iam.send(new DeletePolicyCommand({ PolicyArn })));
  },
};

function policyVersions(client: IAMClient, PolicyArn: string) {
  return collect(paginateListPolicyVersions({ client }, { PolicyArn }), (page) => page.Versions);
}

export interface GroupAttributes {
  readonly name: string;
  readonly path: string;
}

/** `aws_iam_group` */
export const groupResource: Resource<GroupAttributes> = {
  async create(iam, { name, path }) {
    const { Group } = await iam.send(new CreateGroupCommand({ GroupName: name, Path: path }));
    return Group?.GroupName ?? '';
  },
  async read(iam, GroupName) {
    const { Group } = (await foundOr(iam.send(new GetGroupCommand({ GroupName })))) ?? {};
    return Group === undefined ? undefined : { name: Group.GroupName ?? '', path: Group.Path ?? '' };
  },
  async update(iam, _id, from, to) {
    await iam.send(new UpdateGroupCommand({ GroupName: from.name, NewGroupName: to.name, NewPath: to.path }));
    return to.name;
  },
  async delete(iam, GroupName) {
    await unlessGone(iam.send(new DeleteGroupCommand({ GroupName })));
  },
};

export interface GroupMembershipAttributes {
  readonly group: string;
  /** In order of their names, where the provider has a set. */
  readonly users: readonly string[];
}

/** `aws_iam_group_membership`, which is read as gone when its group is. */
export const groupMembershipResource: Resource<GroupMembershipAttributes> = {
  async create(iam, { group, users }) {
    for (const UserName of users) await iam.send(new AddUserToGroupCommand({ GroupName: group, UserName }));
    return group;
  },
  read: readMembership,
  async update(iam, GroupName, from, to) {
    for (const UserName of from.users.filter((user) => !to.users.includes(user))) {
      await unlessGone(iam.send(new RemoveUserFromGroupCommand({ GroupName, UserName })));
    }
    for (const UserName of to.users.filter((user) => !from.users.includes(user))) {
      await iam.send(new AddUserToGroupCommand({ GroupName, UserName }));
    }
    return GroupName;
  },
  async delete(iam, GroupName) {
    for (const UserName of (await readMembership(iam, GroupName))?.users ?? []) {
      await unlessGone(iam.send(new RemoveUserFromGroupCommand({ GroupName, UserName })));
    }
  },
};

async function readMembership(client: IAMClient, GroupName: string): Promise<GroupMembershipAttributes | undefined> {
  const users = await foundOr(collect(paginateGetGroup({ client }, { GroupName }), (page) => page.Users));
  if (users === undefined) return undefined;
  return { group: GroupName, users: users.map(({ UserName = '' }) => UserName).toSorted() };
}

export interface AccessKeyAttributes {
  readonly user: string;
  readonly status: StatusType;
}

/** `aws_iam_access_key`. Its id here has its user before it, which the provider keeps beside it. */
export const accessKeyResource: Resource<AccessKeyAttributes> = {
  async create(iam, { user, status }) {
    const { AccessKey } = await iam.send(new CreateAccessKeyCommand({ UserName: user }));
    expect(AccessKey).toMatchObject({ UserName: user, Status: 'Active', SecretAccessKey: expect.any(String) });
    const id = `${user}:${AccessKey?.AccessKeyId}`;
    if (status === 'Inactive') await updateAccessKey(iam, id, status);
    return id;
  },
  async read(iam, id) {
    const [user, accessKeyId] = twoParts(id);
    const found = await foundOr(accessKeysOf(iam, user));
    const key = found?.find(({ AccessKeyId }) => AccessKeyId === accessKeyId);
    return key?.Status === undefined ? undefined : { user: key.UserName ?? '', status: key.Status };
  },
  async update(iam, id, _from, { status }) {
    await updateAccessKey(iam, id, status);
    return id;
  },
  async delete(iam, id) {
    const [UserName, AccessKeyId] = twoParts(id);
    await unlessGone(iam.send(new DeleteAccessKeyCommand({ UserName, AccessKeyId })));
  },
};

async function updateAccessKey(iam: IAMClient, id: string, Status: StatusType): Promise<void> {
  const [UserName, AccessKeyId] = twoParts(id);
  await iam.send(new UpdateAccessKeyCommand({ UserName, AccessKeyId, Status }));
}

function accessKeysOf(client: IAMClient, UserName: string) {
  return collect(paginateListAccessKeys({ client }, { UserName }), (page) => page.AccessKeyMetadata);
}

export interface OpenIdConnectProviderAttributes {
  readonly url: string;
  /** In order, where the provider has a set. */
  readonly client_id_list: readonly string[];
  readonly thumbprint_list: readonly string[];
  readonly tags: Tags;
}

/** `aws_iam_openid_connect_provider`. Its id is its ARN. */
export const openIdConnectProviderResource: Resource<OpenIdConnectProviderAttributes> = {
  async create(iam, { url, client_id_list, thumbprint_list, tags }) {
    const { OpenIDConnectProviderArn } = await iam.send(
      new CreateOpenIDConnectProviderCommand({
        ClientIDList: [...client_id_list],
        Url: url,
        ThumbprintList: [...thumbprint_list],
        ...withTags(tags),
      }),
    );
    return OpenIDConnectProviderArn ?? '';
  },
  async read(iam, OpenIDConnectProviderArn) {
    const found = await foundOr(iam.send(new GetOpenIDConnectProviderCommand({ OpenIDConnectProviderArn })));
    if (found === undefined) return undefined;
    return {
      // IAM answers without the scheme, which the provider does not compare.
      url: `https://${found.Url}`,
      client_id_list: (found.ClientIDList ?? []).toSorted(),
      thumbprint_list: found.ThumbprintList ?? [],
      tags: tagsOf(found.Tags),
    };
  },
  async update(iam, OpenIDConnectProviderArn, from, to) {
    const provider = { OpenIDConnectProviderArn };
    await updateTags(from.tags, to.tags, {
      tag: (Tags) => iam.send(new TagOpenIDConnectProviderCommand({ ...provider, Tags })),
      untag: (TagKeys) => iam.send(new UntagOpenIDConnectProviderCommand({ ...provider, TagKeys })),
    });
    const ThumbprintList = [...to.thumbprint_list];
    if (from.thumbprint_list.join() !== ThumbprintList.join()) {
      await iam.send(new UpdateOpenIDConnectProviderThumbprintCommand({ ...provider, ThumbprintList }));
    }
    for (const ClientID of to.client_id_list.filter((each) => !from.client_id_list.includes(each))) {
      await iam.send(new AddClientIDToOpenIDConnectProviderCommand({ ...provider, ClientID }));
    }
    for (const ClientID of from.client_id_list.filter((each) => !to.client_id_list.includes(each))) {
      await iam.send(new RemoveClientIDFromOpenIDConnectProviderCommand({ ...provider, ClientID }));
    }
    return OpenIDConnectProviderArn;
  },
  async delete(iam, OpenIDConnectProviderArn) {
    await unlessGone(iam.send(new DeleteOpenIDConnectProviderCommand({ OpenIDConnectProviderArn })));
  },
};

export interface AccountAliasAttributes {
  readonly account_alias: string;
}

/** `aws_iam_account_alias` */
export const accountAliasResource: FixedResource<AccountAliasAttributes> = {
  async create(iam, { account_alias }) {
    await iam.send(new CreateAccountAliasCommand({ AccountAlias: account_alias }));
    return account_alias;
  },
  async read(client) {
    const [account_alias, ...more] = await collect(
      paginateListAccountAliases({ client }, {}),
      (page) => page.AccountAliases,
    );
    expect(more).toEqual([]);
    return account_alias === undefined ? undefined : { account_alias };
  },
  async delete(iam, AccountAlias) {
    await unlessGone(iam.send(new DeleteAccountAliasCommand({ AccountAlias })));
  },
};
