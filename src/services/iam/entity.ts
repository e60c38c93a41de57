import type { Tag } from '../../keys/key.ts';
import { KeyholdError } from '../../runtime/errors.ts';
import type { Reader, StoredRecord, Table } from '../../store/sealed-store.ts';
import type { Scope } from '../caller.ts';
import { type ConditionTable, conditionReader } from '../condition-table.ts';
import type { ConditionRequest, Target } from '../operation.ts';
import type { IamPorts } from './ports.ts';
import { identityName } from './records.ts';
import { valuesOfTag } from './tags.ts';

/** A user, group, role or policy of the caller's account as handlers get it: it exists, and the caller may do this to it. */
export interface Entity<R> {
  readonly record: R;
  readonly version: number;
  readonly arn: string;
  /**
   * What refusals call it, as AWS's do: `user alice`. They are the same whether or not there is one, where an ARN would
   * have its path.
   */
  readonly shownAs?: string;
}

/** What is found under a name, whether or not anything is. */
interface Found<R> {
  readonly record?: R;
  readonly version?: number;
  readonly arn: string;
  readonly shownAs?: string;
}

/** A kind of things that IAM has by name. */
export interface EntityKind<R> {
  /** As AWS's messages and ARNs call it: `user`. */
  readonly noun: string;
  readonly table: Table<R>;
  readonly nameOf: (record: R) => string;
  readonly arnOf: (record: R) => string;
  readonly tagsOf?: (record: R) => readonly Tag[];
  /** The ARN of the permissions boundary. Absent where no such thing can have one. */
  readonly boundaryOf?: (record: R) => string | undefined;
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

/** A thing as it will be, and whether its name is another's already. */
export interface Renamed<R> extends Entity<R> {
  readonly taken: boolean;
}

/**
 * What something that the request renames will be. "To change a user name, the requester must have appropriate permissions
 * on both the source object and the target object" (API reference of UpdateUser). It has the tags that the thing has now.
 */
export function renamedEntityTarget<Input, R>(
  kind: EntityKind<R>,
  declaration: EntityTargetDeclaration<Input> & {
    readonly newName: (input: Input) => string | undefined;
    readonly renamed: (record: R, input: Input) => R;
  },
): IamTarget<Input, Renamed<R>> {
  const nameOf = (input: Input, scope: Scope) => declaration.newName(input) ?? declaration.name(input, scope);
  return {
    ...shared(kind, declaration),
    resolve: async (input, ports, scope) => {
      const { accountId } = scope.caller.principal;
      const found = await findEntity(kind, declaration.name(input, scope), scope, ports.store);
      const name = identityName(accountId, nameOf(input, scope));
      const isAnother = name !== identityName(accountId, declaration.name(input, scope));
      const taken = isAnother && (await ports.store.get(kind.table, name)) !== undefined;
      if (found.record === undefined) return { ...found, taken } as Renamed<R>;
      const record = declaration.renamed(found.record, input);
      // Not its ARN, which would tell the path of what there is now.
      const shownAs = `${kind.noun} ${nameOf(input, scope)}`;
      return { ...found, record, arn: kind.arnOf(record), shownAs, taken } as Renamed<R>;
    },
    check: ({ taken }, input, scope) => {
      if (taken) throw alreadyExists(kind.noun, nameOf(input, scope));
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
    facts: ({ arn, shownAs }: Entity<R>, scope: Scope) => ({
      arn,
      accountId: scope.caller.principal.accountId,
      ...(shownAs === undefined ? {} : { shownAs }),
    }),
    condition: reader.read,
    summary: { namedBy: kind.noun, crossAccount: false, states: [], conditionKeys: reader.names },
  };
}

/** Where there is none, the ARN is the one that it would have without a path. */
async function findEntity<R>(kind: EntityKind<R>, name: string, scope: Scope, reader: Reader): Promise<Found<R>> {
  const { accountId } = scope.caller.principal;
  const stored = await getEntity(kind, accountId, name, reader);
  const shownAs = `${kind.noun} ${name}`;
  if (stored === undefined) return { arn: `arn:aws:iam::${accountId}:${kind.noun}/${name}`, shownAs };
  return { record: stored.value, version: stored.version, arn: kind.arnOf(stored.value), shownAs };
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

/** `iam:ResourceTag/…` and `aws:ResourceTag/…`. */
export function resourceTagConditions<Input, R>({
  tagsOf,
}: Pick<EntityKind<R>, 'tagsOf'>): ConditionTable<ConditionRequest<Input, Entity<R>>> {
  if (tagsOf === undefined) return {};
  const values = ({ resolved: { record } }: ConditionRequest<Input, Found<R>>, tagKey: string) =>
    record && valuesOfTag(tagsOf(record), tagKey);
  return { 'iam:ResourceTag/${TagKey}': values, 'aws:ResourceTag/${TagKey}': values };
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

/**
 * All of a kind that the account has under a path. Policies decide about `*`, but AWS's messages call it by the path: the
 * IAM user guide's own example denies Bob `iam:ListRoles on resource: arn:aws:iam::123456789012:role/`.
 */
export function listingTarget<Input extends { readonly PathPrefix?: string | undefined }>(
  permission: string,
  noun: 'user' | 'group' | 'role' | 'policy',
): IamTarget<Input, string> {
  return {
    ...(accountTarget<Input>(permission) as IamTarget<Input, unknown>),
    resolve: ({ PathPrefix = '/' }, _, scope) =>
      noun === 'policy'
        ? `policy path ${PathPrefix}`
        : `arn:aws:iam::${scope.caller.principal.accountId}:${noun}${PathPrefix}`,
    facts: (shownAs, scope) => ({ arn: '*', shownAs, accountId: scope.caller.principal.accountId }),
  };
}

export function noSuch(noun: string, name: string): KeyholdError {
  return new KeyholdError('NoSuchEntityException', `The ${noun} with name ${name} cannot be found.`);
}

function alreadyExists(noun: string, name: string): KeyholdError {
  const subject = noun.charAt(0).toUpperCase() + noun.slice(1);
  return new KeyholdError('EntityAlreadyExistsException', `${subject} with name ${name} already exists.`);
}
