import type { Tag } from '../../../keys/key.ts';
import { KeyholdError } from '../../../runtime/errors.ts';
import type { Reader } from '../../../store/sealed-store.ts';
import { type ConditionTable, conditionReader } from '../../condition-table.ts';
import type { ConditionRequest, Target } from '../../operation.ts';
import { type EntityKind, getEntity, noSuch, resourceTagConditions } from '../entity.ts';
import { groups, roles, users } from '../kinds.ts';
import type { IamPorts } from '../ports.ts';
import type { PolicyBearer } from '../records.ts';

/** A user, group or role whose policies are looked at. */
export interface SimulatedIdentity {
  readonly accountId: string;
  readonly arn: string;
  /** As the request names it, which may be with another path. */
  readonly shownAs: string;
  readonly noun: IdentityName['noun'];
  readonly name: string;
  readonly record: PolicyBearer & { readonly tags?: readonly Tag[] };
  /** The names of a user's groups; of others none. */
  readonly groups: readonly string[];
  /** The ARN of its permissions boundary. */
  readonly boundary?: string;
  /** The unique id. */
  readonly id: string;
}

export interface IdentityName {
  readonly accountId: string;
  readonly noun: 'user' | 'group' | 'role';
  readonly name: string;
}

const IDENTITY_RESOURCE = /^(user|group|role)\/./;

/**
 * Reads the ARN of a user, group or role.
 *
 * @param homeAccountId what an ARN without an account means, as AWS's examples have it: `arn:aws:iam:::user/Jill`
 * @throws KeyholdError InvalidInputException
 */
export function parseIdentityArn(arn: string, homeAccountId: string): IdentityName {
  const [scheme, partition, service, region, accountId = '', resource = '', ...more] = arn.split(':');
  const noun = IDENTITY_RESOURCE.exec(resource)?.[1] as IdentityName['noun'] | undefined;
  const name = resource.slice(resource.lastIndexOf('/') + 1);
  const isIam = `${scheme}:${partition}:${service}:${region}` === 'arn:aws:iam:' && more.length === 0;
  if (!isIam || !/^(?:\d{12})?$/.test(accountId) || noun === undefined || name === '') {
    throw new KeyholdError(
      'InvalidInputException',
      `Invalid Entity Arn: ${arn} does not clearly define entity type and name.`,
    );
  }
  return { accountId: accountId === '' ? homeAccountId : accountId, noun, name };
}

interface NamesIdentity {
  readonly PolicySourceArn: string;
}

/** The user, group or role that `PolicySourceArn` names. It is of the caller's account: nobody reaches those of others. */
export function policySourceTarget<Input extends NamesIdentity>(
  permission: string,
): Target<Input, SimulatedIdentity, IamPorts> {
  const conditions = resourceTagConditions<Input, SimulatedIdentity['record']>({ tagsOf: ({ tags = [] }) => tags });
  const reader = conditionReader(conditions as unknown as ConditionTable<ConditionRequest<Input, SimulatedIdentity>>);
  return {
    permission,
    resolve: async ({ PolicySourceArn: arn }, ports, { caller }): Promise<SimulatedIdentity> => {
      const name = parseIdentityArn(arn, caller.principal.accountId);
      const isOwn = name.accountId === caller.principal.accountId;
      const found = isOwn ? await findIdentity(name, ports.store) : undefined;
      return { arn, accountId: name.accountId, ...found, shownAs: arn } as SimulatedIdentity;
    },
    facts: ({ arn, shownAs, accountId }) => ({ arn, shownAs, accountId }),
    condition: reader.read,
    check: ({ record, arn, accountId }: Partial<SimulatedIdentity>, { PolicySourceArn }, { caller }) => {
      const { noun, name } = parseIdentityArn(PolicySourceArn, caller.principal.accountId);
      // With another path it is not the one that is meant.
      const isMeant = PolicySourceArn === arn || PolicySourceArn === arn?.replace(`:${accountId}:`, '::');
      if (record === undefined || !isMeant) throw noSuch(noun, name);
    },
    summary: { namedBy: 'identity', crossAccount: false, states: [], conditionKeys: reader.names },
  };
}

type FoundIdentity = Omit<SimulatedIdentity, 'shownAs'>;

async function findIdentity(named: IdentityName, reader: Reader): Promise<FoundIdentity | undefined> {
  const find = async <R extends PolicyBearer>(kind: EntityKind<R>) =>
    (await getEntity(kind, named.accountId, named.name, reader))?.value;
  const { noun, name } = named;
  if (noun === 'user') {
    const record = await find(users);
    return record && identity(users, record, record.userId, record.groups);
  }
  if (noun === 'group') {
    const record = await find(groups);
    return record && identity(groups, record, record.groupId);
  }
  const record = await find(roles);
  return record && identity(roles, record, record.roleId);

  function identity<R extends PolicyBearer>(
    { arnOf, boundaryOf }: EntityKind<R>,
    record: R,
    id: string,
    groupNames: readonly string[] = [],
  ): FoundIdentity {
    const boundary = boundaryOf?.(record);
    return {
      accountId: record.accountId,
      arn: arnOf(record),
      noun,
      name,
      record,
      groups: groupNames,
      id,
      ...(boundary === undefined ? {} : { boundary }),
    };
  }
}
