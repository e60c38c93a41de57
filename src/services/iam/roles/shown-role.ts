import type { Role, RoleLastUsed } from '@aws-sdk/client-iam';
import type { Reader } from '../../../store/sealed-store.ts';
import { roleArn } from '../arns.ts';
import { urlEncodedPolicy } from '../policy-document.ts';
import type { IamPorts } from '../ports.ts';
import { documentToShow, type KnownPrincipals } from '../principals.ts';
import type { RoleRecord } from '../records.ts';
import { shownBoundary } from '../shown-boundary.ts';
import { shownTags } from '../tags.ts';
import { roleUsageName } from './usages.ts';

/**
 * A role as CreateRole shows it: AWS leaves out its description and how long its sessions may be (LocalStack's
 * test_iam_roles snapshot, recorded from AWS in February 2026, as is what else is shown where).
 */
export async function newRole(role: RoleRecord, reader: Reader, known?: KnownPrincipals): Promise<Role> {
  return { ...(await bareRole(role, reader, known)), ...shownBoundary(role.permissionsBoundary), ...tagsOf(role) };
}

/** A role as GetRole shows it. */
export async function shownRole(role: RoleRecord, ports: IamPorts): Promise<Role> {
  return {
    ...(await listedRole(role, ports.store)),
    ...shownBoundary(role.permissionsBoundary),
    ...tagsOf(role),
    RoleLastUsed: await roleLastUsed(role, ports),
  };
}

/** Empty for a role that never was used, as in AWS; AWS tells only of the last 400 days. */
export async function roleLastUsed(role: RoleRecord, { store, roleUsages }: IamPorts): Promise<RoleLastUsed> {
  const usage = await roleUsages.last(roleUsageName(role), store);
  return usage === undefined ? {} : { LastUsedDate: new Date(usage.atMs), Region: usage.region };
}

/** A role as listings show it, without its tags and its boundary. */
export async function listedRole(role: RoleRecord, reader: Reader, known?: KnownPrincipals): Promise<Role> {
  return { ...(await describedRole(role, reader, known)), MaxSessionDuration: role.maxSessionDurationS };
}

/** A role as UpdateRoleDescription shows it. */
export async function describedRole(role: RoleRecord, reader: Reader, known?: KnownPrincipals): Promise<Role> {
  const { description: Description } = role;
  return { ...(await bareRole(role, reader, known)), ...(Description === undefined ? {} : { Description }) };
}

async function bareRole(role: RoleRecord, reader: Reader, known?: KnownPrincipals): Promise<Role> {
  const { path, roleName, roleId, createdAtMs, trustPolicy } = role;
  return {
    Path: path,
    RoleName: roleName,
    RoleId: roleId,
    Arn: roleArn(role),
    CreateDate: new Date(createdAtMs),
    AssumeRolePolicyDocument: urlEncodedPolicy(
      await documentToShow(trustPolicy.document, trustPolicy.principalIds, reader, known),
    ),
  };
}

function tagsOf({ tags }: RoleRecord): Pick<Role, 'Tags'> {
  return tags.length === 0 ? {} : { Tags: shownTags(tags) };
}
