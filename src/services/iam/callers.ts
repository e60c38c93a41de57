import type { Tag } from '../../keys/key.ts';
import type { Reader } from '../../store/sealed-store.ts';
import type { Caller } from '../caller.ts';
import { rootArn, userArn } from './arns.ts';
import { policiesOfUser } from './identity-policies.ts';
import type { UserRecord } from './records.ts';

/** Who asks, made of what is stored of them. Sessions are made of these (`../sts`). */

export async function userCaller(user: UserRecord, accessKeyId: string, reader: Reader): Promise<Caller> {
  const { accountId, userId, userName } = user;
  const arn = userArn(user);
  return {
    principal: { type: 'User', arn, accountId, id: userId },
    ...(await policiesOfUser(user, reader)),
    conditions: new Map(principalTagConditions(user.tags)),
    accessKeyId,
    userName,
    auditIdentity: { type: 'IAMUser', principalId: userId, arn, accountId, accessKeyId, userName },
  };
}

/** The root of an account, who may do whatever key policies leave to the account. */
export function rootCaller(accountId: string, accessKeyId: string): Caller {
  const arn = rootArn(accountId);
  return {
    principal: { type: 'Root', arn, accountId, id: accountId },
    identityPolicies: [],
    accessKeyId,
    auditIdentity: { type: 'Root', principalId: accountId, arn, accountId, accessKeyId },
  };
}

/** `aws:PrincipalTag/…`. IAM does not tell tag keys by their case, so each has one value. */
export function principalTagConditions(tags: readonly Tag[]): [key: string, values: readonly string[]][] {
  return tags.map(({ key, value }) => [`aws:principaltag/${key.toLowerCase()}`, [value]]);
}
