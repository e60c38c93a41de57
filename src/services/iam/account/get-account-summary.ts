import type { GetAccountSummaryResponse } from '@aws-sdk/client-iam';
import type { Reader, Table } from '../../../store/sealed-store.ts';
import { structure } from '../../../wire/shapes.ts';
import { MOST_ACCESS_KEYS } from '../access-keys/create-access-key.ts';
import { MOST_ATTACHED } from '../attachments/attachment-operations.ts';
import { accountTarget } from '../entity.ts';
import { MOST_GROUPS_OF_A_USER } from '../groups/add-user-to-group.ts';
import { MOST_GROUPS } from '../groups/create-group.ts';
import { MOST_POLICIES } from '../policies/create-policy.ts';
import { MOST_VERSIONS } from '../policies/create-policy-version.ts';
import { MOST_POLICY_CHARACTERS } from '../policies/policy-versions.ts';
import { mostInlineCharacters } from '../policy-document.ts';
import type { IamOperation } from '../ports.ts';
import { MOST_PROVIDERS } from '../providers/provider-rules.ts';
import {
  accountPrefix,
  groupsTable,
  managedPoliciesTable,
  oidcProvidersTable,
  rolesTable,
  rootAccessKeysTable,
  usersTable,
} from '../records.ts';
import { MOST_ROLES } from '../roles/create-role.ts';
import { MOST_TRUST_POLICY_CHARACTERS } from '../roles/trust-policy.ts';
import { MOST_USERS } from '../users/create-user.ts';
import { attachedAwsPolicies } from './authorization-details.ts';

export const getAccountSummary: IamOperation<object, GetAccountSummaryResponse, { account: undefined }> = {
  name: 'GetAccountSummary',
  input: structure<object>({}),
  targets: { account: accountTarget('iam:GetAccountSummary') },
  effect: 'read',
  audit: { readOnly: true, request: [] },
  async handle({ scope, ports: { store } }) {
    const summary = await accountSummary(scope.caller.principal.accountId, store);
    // The SDK makes an object of what is a map in XML.
    return { SummaryMap: summary as unknown as Record<string, number> };
  },
};

/** What there cannot be here, such as passwords and MFA devices, is counted as none and has a quota of none. */
async function accountSummary(accountId: string, reader: Reader): Promise<Map<string, number>> {
  const prefix = accountPrefix(accountId);
  const count = async <T>(table: Table<T>, limit: number) => (await reader.names(table, { prefix, limit })).length;
  const policies = await reader.list(managedPoliciesTable, { prefix, limit: MOST_POLICIES });
  const ownVersions = policies.reduce((sum, { value }) => sum + value.versions.length, 0);
  const rootKeys = (await reader.get(rootAccessKeysTable, accountId))?.value.accessKeyIds;
  const awsPolicies = await attachedAwsPolicies(accountId, reader);
  return new Map([
    ['AccessKeysPerUserQuota', MOST_ACCESS_KEYS],
    ['AccountAccessKeysPresent', rootKeys === undefined || rootKeys.length === 0 ? 0 : 1],
    ['AccountMFAEnabled', 0],
    ['AccountPasswordPresent', 0],
    ['AccountSigningCertificatesPresent', 0],
    ['AssumeRolePolicySizeQuota', MOST_TRUST_POLICY_CHARACTERS],
    ['AttachedPoliciesPerGroupQuota', MOST_ATTACHED],
    ['AttachedPoliciesPerRoleQuota', MOST_ATTACHED],
    ['AttachedPoliciesPerUserQuota', MOST_ATTACHED],
    // "2" is of session tokens that all Regions accept.
    ['GlobalEndpointTokenVersion', 2],
    ['GroupPolicySizeQuota', mostInlineCharacters.Group],
    ['Groups', await count(groupsTable, MOST_GROUPS)],
    ['GroupsPerUserQuota', MOST_GROUPS_OF_A_USER],
    ['GroupsQuota', MOST_GROUPS],
    ['InstanceProfiles', 0],
    ['InstanceProfilesQuota', 0],
    ['MFADevices', 0],
    ['MFADevicesInUse', 0],
    ['Policies', policies.length],
    ['PoliciesQuota', MOST_POLICIES],
    ['PolicySizeQuota', MOST_POLICY_CHARACTERS],
    // AWS counts a policy of its own with one version, if someone has it.
    ['PolicyVersionsInUse', ownVersions + awsPolicies.length],
    ['PolicyVersionsInUseQuota', 10_000],
    ['Providers', await count(oidcProvidersTable, MOST_PROVIDERS)],
    ['RolePolicySizeQuota', mostInlineCharacters.Role],
    ['Roles', await count(rolesTable, MOST_ROLES)],
    ['RolesQuota', MOST_ROLES],
    ['ServerCertificates', 0],
    ['ServerCertificatesQuota', 0],
    ['SigningCertificatesPerUserQuota', 0],
    ['UserPolicySizeQuota', mostInlineCharacters.User],
    ['Users', await count(usersTable, MOST_USERS)],
    ['UsersQuota', MOST_USERS],
    ['VersionsPerPolicyQuota', MOST_VERSIONS],
  ]);
}
