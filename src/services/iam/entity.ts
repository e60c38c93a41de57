import type { Tag } from '../../keys/key.ts';
import { KeyholdError } from '../../runtime/errors.ts';
import type { Reader, StoredRecord, Table } from '../../store/sealed-store.ts';
import type { Scope } from '../caller.ts';
import { type ConditionTable, conditionReader } from '../condition-table.ts';
import type { ConditionRequest, Target } from '../operation.ts';
import type { IamPorts } from './ports.ts';
import { identityName } from './records.ts';

/** A user, group, role or policy of the caller's account as handlers get it: it exists, and the caller may do this to it. */
export interface Entity<R> {
  readonly record: R;
  readonly version: number;
  readonly arn: string;
}

/** What is found under a name, whether or not anything is. */
interface Found<R> {
  readonly record?: R;
  readonly version?: number;
  readonly arn: string;
}

/** A kind of things that IAM has by name. */
export interface EntityKind<R> {
  /** As AWS's messages and ARNs call it: `user`. */
  readonly noun: string;
  readonly table: Table<R>;
  readonly nameOf: (record: R) => string;
  readonly arnOf: (record: R) => string;
  readonly tagsOf?: (record: R) => readonly Tag[];
}

type IamTarget<Input, Resolved> = Target<Input, Resolved, IamPorts>;
type Conditions<Input> = ConditionTable<ConditionRequest<Input, unknown>>;

export interface EntityTargetDeclaration<Input> {
  /** `iam:GetUser` */
  readonly permission: string;
  readonly name: (input: Input, scope: Scope) => string;
  readonly conditions?: Conditions<Input>;
}

/**
 * Something that the request names. IAM authorizes before it looks: whoever may not do this to anything of that name is not
 * told whether there is one, and only then it is NoSuchEntity.
 */
export function entityTarget<Input, R>(
  kind: EntityKind<R>,
  declaration: EntityTargetDeclaration<Input>,
): IamTarget<Input, Entity<R>> {
  return {
    ...shared(kind, declaration),
    check: ({ record }, input, scope) => {
      if (record === undefined) throw noSuch(kind.noun, declaration.name(input, scope));
    },
  };
}

/** Something that the request is to make. */
export function newEntityTarget<Input, R>(
  kind: EntityKind<R>,
  declaration: EntityTargetDeclaration<Input> & { readonly path: (input: Input) => string | undefined },
): IamTarget<Input, Entity<R>> {
  return {
    ...shared(kind, declaration),
    resolve: async (input, ports, scope) => {
      const name = declaration.name(input, scope);
      const { accountId } = scope.caller.principal;
      const arn = `arn:aws:iam::${accountId}:${kind.noun}${declaration.path(input) ?? '/'}${name}`;
      const stored = await ports.store.get(kind.table, identityName(accountId, name));
      return { ...stored, record: stored?.value, arn } as unknown as Entity<R>;
    },
    check: ({ record }: Found<R>, input, scope) => {
      if (record !== undefined) throw alreadyExists(kind.noun, declaration.name(input, scope));
    },
  };
}

function shared<Input, R>(kind: EntityKind<R>, declaration: EntityTargetDeclaration<Input>) {
  const { permission, conditions } = declaration;
  const reader = conditionReader<ConditionRequest<Input, Entity<R>>>(
    ...(conditions === undefined ? [] : [conditions as ConditionTable<ConditionRequest<Input, Entity<R>>>]),
    resourceTagConditions(kind),
  );
  return {
    permission,
    resolve: async (input: Input, ports: IamPorts, scope: Scope) => {
      const found = await findEntity(kind, declaration.name(input, scope), scope, ports.store);
      return found as Entity<R>;
    },
    facts: ({ arn }: Entity<R>, scope: Scope) => ({ arn, accountId: scope.caller.principal.accountId }),
    condition: reader.read,
    summary: { namedBy: kind.noun, crossAccount: false, states: [], conditionKeys: reader.names },
  };
}

/** Where there is none, the ARN is the one that it would have without a path. */
async function findEntity<R>(kind: EntityKind<R>, name: string, scope: Scope, reader: Reader): Promise<Found<R>> {
  const { accountId } = scope.caller.principal;
  const stored = await getEntity(kind, accountId, name, reader);
  if (stored === undefined) return { arn: `arn:aws:iam::${accountId}:${kind.noun}/${name}` };
  return { record: stored.value, version: stored.version, arn: kind.arnOf(stored.value) };
}

/** What has exactly this name; names that differ in their case alone cannot both be had, but do not lead to each other. */
export async function getEntity<R>(
  kind: EntityKind<R>,
  accountId: string,
  name: string,
  reader: Reader,
): Promise<StoredRecord<R> | undefined> {
  const stored = await reader.get(kind.table, identityName(accountId, name));
  return stored !== undefined && kind.nameOf(stored.value) === name ? stored : undefined;
}

/** `iam:ResourceTag/…` and `aws:ResourceTag/…`. IAM does not tell tag keys by their case. */
function resourceTagConditions<Input, R>(kind: EntityKind<R>): ConditionTable<ConditionRequest<Input, Entity<R>>> {
  const { tagsOf } = kind;
  if (tagsOf === undefined) return {};
  const tagValue = ({ resolved: { record } }: ConditionRequest<Input, Found<R>>, tagKey: string) => {
    const wanted = tagKey.toLowerCase();
    const tag = record && tagsOf(record).find(({ key }) => key.toLowerCase() === wanted);
    return tag && [tag.value];
  };
  return { 'iam:ResourceTag/${TagKey}': tagValue, 'aws:ResourceTag/${TagKey}': tagValue };
}

/** The account as a whole, for listings and for what has no name. AWS writes its resource as `*`. */
export function accountTarget<Input>(
  permission: string,
  conditions: Conditions<Input> = {},
): IamTarget<Input, undefined> {
  const reader = conditionReader<ConditionRequest<Input, unknown>>(conditions);
  return {
    permission,
    resolve: () => undefined,
    facts: (_, scope) => ({ arn: '*', accountId: scope.caller.principal.accountId }),
    condition: reader.read,
    summary: { namedBy: 'account', crossAccount: false, states: [], conditionKeys: reader.names },
  };
}

export function noSuch(noun: string, name: string): KeyholdError {
  return new KeyholdError('NoSuchEntityException', `The ${noun} with name ${name} cannot be found.`);
}

export function alreadyExists(noun: string, name: string): KeyholdError {
  const subject = noun.charAt(0).toUpperCase() + noun.slice(1);
  return new KeyholdError('EntityAlreadyExistsException', `${subject} with name ${name} already exists.`);
}
