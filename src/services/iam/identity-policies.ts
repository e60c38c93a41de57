import { LRUCache } from 'lru-cache';
import { type Policy, parsePolicy } from '../../authorization/index.ts';
import { KeyholdError } from '../../runtime/errors.ts';
import type { Reader } from '../../store/sealed-store.ts';
import { policyArn } from './arns.ts';
import { awsManagedPolicies } from './aws-managed-policies.ts';
import { groupsTable, identityName, managedPoliciesTable, type PolicyBearer, type UserRecord } from './records.ts';

/** What an identity may do by its own policies, and what limits them. */
export interface IdentityPolicies {
  readonly identityPolicies: readonly Policy[];
  readonly permissionsBoundary?: Policy;
}

/** The policies of a user: its own, inline and attached, and those of its groups. */
export async function policiesOfUser(user: UserRecord, reader: Reader): Promise<IdentityPolicies> {
  const texts = await documentsOf(user, reader);
  for (const groupName of user.groups) {
    const group = (await reader.get(groupsTable, identityName(user.accountId, groupName)))?.value;
    if (group === undefined) throw missing(`user ${user.userName} is in the group ${groupName}, which does not exist`);
    texts.push(...(await documentsOf(group, reader)));
  }
  return compiled(texts, user.permissionsBoundary, reader);
}

/** The policies of a role. */
export async function policiesOfRole(
  role: PolicyBearer & { readonly permissionsBoundary?: string },
  reader: Reader,
): Promise<IdentityPolicies> {
  return compiled(await documentsOf(role, reader), role.permissionsBoundary, reader);
}

async function compiled(
  texts: readonly string[],
  boundaryArn: string | undefined,
  reader: Reader,
): Promise<IdentityPolicies> {
  const identityPolicies = texts.map(compileIdentityPolicy);
  if (boundaryArn === undefined) return { identityPolicies };
  return { identityPolicies, permissionsBoundary: compileIdentityPolicy(await managedDocument(boundaryArn, reader)) };
}

async function documentsOf(bearer: PolicyBearer, reader: Reader): Promise<string[]> {
  const texts = bearer.inlinePolicies.map(({ document }) => document);
  for (const arn of bearer.attachedPolicies) texts.push(await managedDocument(arn, reader));
  return texts;
}

/** The default version of a managed policy that someone has: it cannot have been deleted. */
async function managedDocument(arn: string, reader: Reader): Promise<string> {
  const document = await findManagedDocument(arn, reader);
  if (document === undefined) throw missing(`the policy ${arn} is attached and does not exist`);
  return document;
}

/** The default version of a managed policy, of AWS's or an account's own; undefined if there is none of this ARN. */
export async function findManagedDocument(arn: string, reader: Reader): Promise<string | undefined> {
  const awsManaged = awsManagedPolicies.get(arn);
  if (awsManaged !== undefined) return awsManaged.document;
  const [, , , , accountId = '', resource = ''] = arn.split(':');
  const name = resource.slice(resource.lastIndexOf('/') + 1);
  if (accountId === '' || name === '') return undefined;
  const policy = (await reader.get(managedPoliciesTable, identityName(accountId, name)))?.value;
  if (policy === undefined || arn !== policyArn(policy)) {
    return undefined;
  }
  return policy.versions.find(({ versionId }) => versionId === policy.defaultVersionId)?.document;
}

/** Text of the policies that one worker keeps compiled, which take up to some 60 bytes a character. */
const CACHED_CHARACTERS = 1024 * 1024;

const compiledPolicies = new LRUCache<string, Policy>({
  maxSize: CACHED_CHARACTERS,
  sizeCalculation: (_, text) => text.length,
});

/** Compiles what is in the store, or in AWS's own list: many identities share one text. */
export function compileIdentityPolicy(text: string): Policy {
  let policy = compiledPolicies.get(text);
  if (policy === undefined) {
    policy = parsePolicy(text, 'identity');
    compiledPolicies.set(text, policy);
  }
  return policy;
}

/** What allows everything, where nothing else is to limit. */
export const EVERYTHING = compileIdentityPolicy(
  '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}',
);

function missing(message: string): KeyholdError {
  return new KeyholdError('TamperedRecord', message);
}
