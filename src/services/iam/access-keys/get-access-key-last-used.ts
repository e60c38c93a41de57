import type { GetAccessKeyLastUsedRequest, GetAccessKeyLastUsedResponse } from '@aws-sdk/client-iam';
import { accessKeyId } from '../../../wire/iam-shapes.ts';
import { required, structure } from '../../../wire/shapes.ts';
import type { Target } from '../../operation.ts';
import { rootArn } from '../arns.ts';
import { type Entity, entityTarget } from '../entity.ts';
import { users } from '../kinds.ts';
import type { IamOperation, IamPorts } from '../ports.ts';
import { type AccessKeyRecord, accessKeysTable, type UserRecord } from '../records.ts';

type Input = { readonly AccessKeyId: string };

interface OwnedKey {
  readonly accessKeyId: string;
  /** Absent where the caller's account has no such key. */
  readonly key?: AccessKeyRecord;
  /** Absent where it is root's. */
  readonly user?: Entity<UserRecord>;
}

/** A key that the request names, authorized as its user. Of keys that are not there AWS says that they may not be looked at. */
function keyTarget(permission: string): Target<Input, OwnedKey, IamPorts> {
  const ofUser = (userName: string) => entityTarget<Input, UserRecord>(users, { permission, name: () => userName });
  const { summary, condition, facts } = ofUser('');
  return {
    permission,
    resolve: async (input, ports, scope) => {
      const { AccessKeyId } = input;
      const key = (await ports.store.get(accessKeysTable, AccessKeyId))?.value;
      if (key?.accountId !== scope.caller.principal.accountId) return { accessKeyId: AccessKeyId };
      if (key.userName === undefined) return { accessKeyId: AccessKeyId, key };
      return { accessKeyId: AccessKeyId, key, user: await ofUser(key.userName).resolve(input, ports, scope) };
    },
    facts: ({ key, user }, scope) => {
      if (user !== undefined) return facts(user, scope);
      const { accountId } = scope.caller.principal;
      return { arn: rootArn(accountId), accountId, unreachable: key === undefined };
    },
    condition: (name, request) => {
      const { user } = request.resolved;
      return user && condition(name, { ...request, resolved: user });
    },
    // The same whether or not there is such a key: nor does it tell whose it is.
    denial: ({ accessKeyId: id }, { caller }) =>
      `User: ${caller.principal.arn} is not authorized to perform ${permission} on resource: access key ${id}`,
    summary,
  };
}

export const getAccessKeyLastUsed: IamOperation<
  GetAccessKeyLastUsedRequest,
  GetAccessKeyLastUsedResponse,
  { key: OwnedKey }
> = {
  name: 'GetAccessKeyLastUsed',
  input: structure<GetAccessKeyLastUsedRequest>({ AccessKeyId: required(accessKeyId) }),
  targets: { key: keyTarget('iam:GetAccessKeyLastUsed') },
  effect: 'read',
  audit: { readOnly: true, request: ['AccessKeyId'] },
  async handle({ targets, ports }) {
    const { accessKeyId: id, user } = targets.key;
    const usage = await ports.accessKeyUsages.last(id, ports.store);
    return {
      ...(user === undefined ? {} : { UserName: user.record.userName }),
      AccessKeyLastUsed: {
        ...(usage === undefined ? {} : { LastUsedDate: new Date(usage.atMs) }),
        ServiceName: usage?.service ?? 'N/A',
        Region: usage?.region ?? 'N/A',
      },
    } as GetAccessKeyLastUsedResponse;
  },
};
