import type { Target } from '../../operation.ts';
import { type Entity, entityTarget } from '../entity.ts';
import { groups, users } from '../kinds.ts';
import type { IamPorts } from '../ports.ts';
import type { GroupRecord, UserRecord } from '../records.ts';

/** The group that the request names. */
export function groupTarget<Input extends { readonly GroupName: string }>(
  permission: string,
): Target<Input, Entity<GroupRecord>, IamPorts> {
  return entityTarget(groups, { permission, name: ({ GroupName }: Input) => GroupName });
}

export interface Membership {
  readonly group: Entity<GroupRecord>;
  readonly user: Entity<UserRecord>;
}

/**
 * A user and the group that it joins or leaves. The group is what policies decide about ("Actions defined by IAM", Service
 * Authorization Reference); of the two, AWS misses the user first.
 */
export function membershipTarget<Input extends { readonly GroupName: string; readonly UserName: string }>(
  permission: string,
): Target<Input, Membership, IamPorts> {
  const ofGroup = groupTarget<Input>(permission);
  const ofUser = entityTarget(users, { permission, name: ({ UserName }: Input) => UserName });
  return {
    permission,
    resolve: async (input, ports, scope) => ({
      group: await ofGroup.resolve(input, ports, scope),
      user: await ofUser.resolve(input, ports, scope),
    }),
    facts: ({ group }, scope) => ofGroup.facts(group, scope),
    condition: (key, request) => ofGroup.condition(key, { ...request, resolved: request.resolved.group }),
    check: ({ group, user }, input, scope) => {
      ofUser.check?.(user, input, scope);
      ofGroup.check?.(group, input, scope);
    },
    summary: ofGroup.summary,
  };
}
