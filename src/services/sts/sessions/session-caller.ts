import type { AuditIdentity, AuditSession } from '../../../audit/record.ts';
import type { Policy, Principal } from '../../../authorization/index.ts';
import type { Tag } from '../../../keys/key.ts';
import { isoSeconds } from '../../../runtime/iso-seconds.ts';
import type { Reader } from '../../../store/sealed-store.ts';
import type { Caller } from '../../caller.ts';
import { roleArn, rootArn, userArn } from '../../iam/arns.ts';
import { principalTagConditions } from '../../iam/callers.ts';
import { EVERYTHING, policiesOfRole, policiesOfUser } from '../../iam/identity-policies.ts';
import { identityName, type RoleRecord, rolesTable, type UserRecord, usersTable } from '../../iam/records.ts';
import { roleUsageName } from '../../iam/roles/usages.ts';
import { sessionConditions } from '../web-identity/claim-conditions.ts';
import {
  type Assumer,
  type FederatedBearer,
  type RoleBearer,
  type Session,
  tagsOf,
  transitiveTagsOf,
  type UserBearer,
  type UserIdentity,
} from './session.ts';
import { compileSessionPolicies } from './session-policies.ts';
import { isStillTrusted } from './trust.ts';

/**
 * Who has a session, made of the session and of what is stored of its role or user now. Undefined where the session has
 * died: with its role or user, also if there is another one of that name now; with the trust in whoever assumed the role;
 * with a managed policy that limited it.
 */
export async function sessionCaller(
  session: Session,
  accessKeyId: string,
  reader: Reader,
): Promise<Caller | undefined> {
  const { bearer } = session;
  switch (bearer.kind) {
    case 'role':
      return roleSessionCaller(session, bearer, accessKeyId, reader);
    case 'user':
      return userSessionCaller(session, bearer, accessKeyId, reader);
    case 'federated':
      return federatedUserCaller(session, bearer, accessKeyId, reader);
  }
}

async function roleSessionCaller(
  session: Session,
  { roleName, roleId, assumption, policies }: RoleBearer,
  accessKeyId: string,
  reader: Reader,
): Promise<Caller | undefined> {
  const { accountId } = session;
  const role = (await reader.get(rolesTable, identityName(accountId, roleName)))?.value;
  if (role === undefined || role.roleId !== roleId) return undefined;
  if (!isStillTrusted(assumption, role, session.issuedAtMs)) return undefined;
  const sessionPolicies = await compileSessionPolicies(policies, reader);
  if (sessionPolicies === undefined) return undefined;

  const { sessionName, sourceIdentity, by } = assumption;
  const arn = assumedRoleArn(role, sessionName);
  const id = `${roleId}:${sessionName}`;
  const webIdentity = by.principal.type === 'WebIdentity' ? by.principal : undefined;
  return {
    principal: {
      type: 'AssumedRole',
      arn,
      accountId,
      id,
      roleArn: roleArn(role),
      ...(webIdentity === undefined ? {} : { federatedProvider: webIdentity.arn }),
    },
    ...(await policiesOfRole(role, reader)),
    ...limiting(sessionPolicies),
    conditions: new Map([
      ...(webIdentity === undefined ? [] : webIdentityConditions(webIdentity, by)),
      ...temporaryConditions(session),
      ...(sourceIdentity === undefined ? [] : [one('aws:sourceidentity', sourceIdentity)]),
      // "When you do, session tags override a role tag with the same key" (API reference of AssumeRole).
      ...principalTagConditions(role.tags),
      ...principalTagConditions(tagsOf(assumption)),
    ]),
    accessKeyId,
    session: {
      kind: 'role',
      transitiveTags: transitiveTagsOf(assumption),
      roleUsageName: roleUsageName(role),
      ...(sourceIdentity === undefined ? {} : { sourceIdentity }),
    },
    auditIdentity: {
      type: 'AssumedRole',
      principalId: id,
      arn,
      accountId,
      accessKeyId,
      sessionContext: {
        sessionIssuer: { type: 'Role', principalId: roleId, arn: roleArn(role), accountId, userName: roleName },
        ...(webIdentity === undefined
          ? {}
          : { webIdFederationData: { federatedProvider: webIdentity.arn, attributes: {} } }),
        ...auditedSession(session),
        ...(sourceIdentity === undefined ? {} : { sourceIdentity }),
      },
    },
  };
}

/** The same user, or root, but for what says that the credentials are temporary. */
async function userSessionCaller(
  session: Session,
  { user }: UserBearer,
  accessKeyId: string,
  reader: Reader,
): Promise<Caller | undefined> {
  const issuer = await findIssuer(session.accountId, user, reader);
  if (issuer === undefined) return undefined;
  const { principal, identityPolicies, permissionsBoundary, tags, userName } = issuer;
  return {
    principal,
    identityPolicies,
    ...(permissionsBoundary === undefined ? {} : { permissionsBoundary }),
    conditions: new Map([...temporaryConditions(session), ...principalTagConditions(tags)]),
    accessKeyId,
    session: { kind: 'user', transitiveTags: [] },
    ...(userName === undefined ? {} : { userName }),
    auditIdentity: {
      type: principal.type === 'Root' ? 'Root' : 'IAMUser',
      ...auditedIssuer(issuer),
      accessKeyId,
      sessionContext: auditedSession(session),
    },
  };
}

async function federatedUserCaller(
  session: Session,
  { name, user, policies, tags }: FederatedBearer,
  accessKeyId: string,
  reader: Reader,
): Promise<Caller | undefined> {
  const { accountId } = session;
  const issuer = await findIssuer(accountId, user, reader);
  const sessionPolicies = await compileSessionPolicies(policies, reader);
  if (issuer === undefined || sessionPolicies === undefined) return undefined;
  const arn = federatedUserArn(accountId, name);
  const id = `${accountId}:${name}`;
  return {
    principal: { type: 'FederatedUser', arn, accountId, id },
    // Root needs no policy for what its federated users may do.
    identityPolicies: issuer.principal.type === 'Root' ? [EVERYTHING] : issuer.identityPolicies,
    ...(issuer.permissionsBoundary === undefined ? {} : { permissionsBoundary: issuer.permissionsBoundary }),
    ...limiting(sessionPolicies),
    conditions: new Map([
      ...temporaryConditions(session),
      ...principalTagConditions(issuer.tags),
      ...principalTagConditions(tags),
    ]),
    accessKeyId,
    session: { kind: 'federated', transitiveTags: [] },
    auditIdentity: {
      type: 'FederatedUser',
      principalId: id,
      arn,
      accountId,
      accessKeyId,
      sessionContext: {
        sessionIssuer: { type: issuer.principal.type === 'Root' ? 'Root' : 'IAMUser', ...auditedIssuer(issuer) },
        ...auditedSession(session),
      },
    },
  };
}

/** Who asked for the session of a user or a federated user: a user that still exists, or root. */
type Issuer = Pick<Caller, 'principal' | 'identityPolicies' | 'permissionsBoundary' | 'userName'> & {
  readonly tags: readonly Tag[];
};

async function findIssuer(
  accountId: string,
  identity: UserIdentity | undefined,
  reader: Reader,
): Promise<Issuer | undefined> {
  if (identity === undefined) {
    return {
      principal: { type: 'Root', arn: rootArn(accountId), accountId, id: accountId },
      identityPolicies: [],
      tags: [],
    };
  }
  const user: UserRecord | undefined = (await reader.get(usersTable, identityName(accountId, identity.userName)))
    ?.value;
  if (user === undefined || user.userId !== identity.userId) return undefined;
  const { userId, userName, tags } = user;
  return {
    principal: { type: 'User', arn: userArn(user), accountId, id: userId },
    ...(await policiesOfUser(user, reader)),
    userName,
    tags,
  };
}

/** "Properties of the role session" and "of the principal", AWS global condition context keys, IAM user guide. */
function temporaryConditions({ issuedAtMs }: Session): [key: string, values: readonly string[]][] {
  return [
    one('aws:tokenissuetime', isoSeconds(issuedAtMs)),
    // There are no MFA devices here.
    one('aws:multifactorauthpresent', 'false'),
  ];
}

/** What the provider said of its user stays known ("Available keys for AWS OIDC federation", IAM user guide). */
function webIdentityConditions(
  { arn }: Principal,
  { conditions }: Assumer,
): [key: string, values: readonly string[]][] {
  const providerUrl = `https://${arn.slice(arn.indexOf('/') + 1)}`;
  return [...sessionConditions(providerUrl, new Map(conditions)), one('aws:federatedprovider', arn)];
}

function one(key: string, value: string): [key: string, values: readonly string[]] {
  return [key, [value]];
}

/** Without any, a role's session may do what the role may, and a federated user's nothing. */
function limiting(sessionPolicies: readonly Policy[]): Pick<Caller, 'sessionPolicies'> {
  return sessionPolicies.length === 0 ? {} : { sessionPolicies };
}

function auditedSession({ issuedAtMs }: Session): AuditSession {
  return { attributes: { creationDate: isoSeconds(issuedAtMs), mfaAuthenticated: 'false' } };
}

function auditedIssuer({ principal, userName }: Issuer): Omit<AuditIdentity, 'type'> {
  const { id, arn, accountId } = principal;
  return { principalId: id, arn, accountId, ...(userName === undefined ? {} : { userName }) };
}

export function assumedRoleArn({ accountId, roleName }: RoleRecord, sessionName: string): string {
  return `arn:aws:sts::${accountId}:assumed-role/${roleName}/${sessionName}`;
}

export function federatedUserArn(accountId: string, name: string): string {
  return `arn:aws:sts::${accountId}:federated-user/${name}`;
}
