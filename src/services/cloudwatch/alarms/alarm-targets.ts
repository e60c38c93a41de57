import { KeyholdError } from '../../../runtime/errors.ts';
import type { MaybePromise } from '../../../runtime/maybe-promise.ts';
import type { Reader } from '../../../store/sealed-store.ts';
import type { Scope } from '../../caller.ts';
import { type ConditionTable, conditionReader } from '../../condition-table.ts';
import { valuesOfTag } from '../../iam/tags.ts';
import { type ConditionRequest, eachOf, type Target } from '../../operation.ts';
import type { CloudWatchPorts } from '../ports.ts';
import { type AlarmRecord, alarmArn, alarmKey, alarmsTable } from './alarm-record.ts';

/**
 * Alarms, which requests name by name or by ARN ("Actions, resources, and condition keys for Amazon CloudWatch", Service
 * Authorization Reference). As in IAM, authorization comes before it is told whether there is one.
 */

/** An alarm that there is. */
export interface Alarm {
  readonly arn: string;
  readonly record: AlarmRecord;
  readonly version: number;
}

/** What is found under a name, whether or not anything is. */
export type FoundAlarm = Partial<Alarm> & { readonly arn: string };

type Conditions<Input> = ConditionTable<ConditionRequest<Input, unknown>>;

interface AlarmTargetDeclaration<Input> {
  /** `cloudwatch:SetAlarmState` */
  readonly permission: string;
  readonly conditions?: Conditions<Input>;
}

/** The alarm of this name, if there is one. */
export function alarmTarget<Input>({
  name,
  ...declaration
}: AlarmTargetDeclaration<Input> & { readonly name: (input: Input) => string }): Target<
  Input,
  FoundAlarm,
  CloudWatchPorts
> {
  return {
    ...target(declaration),
    resolve: (input, { store }, scope) => findAlarm(name(input), scope, store),
  };
}

/**
 * All that are named, or, where none is, all that there could be: `…:alarm:*`, of which nothing is looked up. A list that
 * names nothing stands for an alarm without a name, as in AWS, so that it takes a permission, too.
 */
export function alarmsTarget<Input>({
  names,
  ...declaration
}: AlarmTargetDeclaration<Input> & {
  readonly names: (input: Input) => readonly string[] | undefined;
}): Target<Input, readonly FoundAlarm[], CloudWatchPorts> {
  return eachOf(target(declaration), async (input, { store }, scope) => {
    const wanted = names(input);
    if (wanted === undefined) return [{ arn: arnOf('*', scope) }];
    const found: FoundAlarm[] = [];
    for (const name of new Set(wanted.length === 0 ? [''] : wanted)) found.push(await findAlarm(name, scope, store));
    return found;
  });
}

/** The alarm whose ARN the request names, for tags. */
export function taggedAlarmTarget<Input extends { readonly ResourceARN: string }>(
  declaration: AlarmTargetDeclaration<Input>,
): Target<Input, Alarm, CloudWatchPorts> {
  return {
    ...(target(declaration) as unknown as Omit<Target<Input, Alarm, CloudWatchPorts>, 'resolve'>),
    resolve: ({ ResourceARN }, { store }, scope) => findByArn(ResourceARN, scope, store) as MaybePromise<Alarm>,
    check: ({ record }: FoundAlarm) => {
      if (record === undefined) throw new KeyholdError('ResourceNotFoundException', 'Unknown');
    },
  };
}

function target<Input>({ permission, conditions = {} }: AlarmTargetDeclaration<Input>) {
  const reader = conditionReader<ConditionRequest<Input, FoundAlarm>>(
    conditions as ConditionTable<ConditionRequest<Input, FoundAlarm>>,
    { 'aws:ResourceTag/${TagKey}': ({ resolved: { record } }, tagKey) => record && valuesOfTag(record.tags, tagKey) },
  );
  return {
    permission,
    facts: ({ arn }: FoundAlarm) => ({ arn, accountId: arn.split(':')[4] as string }),
    condition: reader.read,
    summary: { namedBy: 'alarm', crossAccount: false, states: [], conditionKeys: reader.names },
  };
}

function arnOf(name: string, { caller, region }: Scope): string {
  return alarmArn({ accountId: caller.principal.accountId, region, name });
}

async function findAlarm(name: string, scope: Scope, reader: Reader): Promise<FoundAlarm> {
  const place = { accountId: scope.caller.principal.accountId, region: scope.region, name };
  const arn = alarmArn(place);
  // No record has such a name.
  if (name === '' || name.includes('\0')) return { arn };
  const stored = await reader.get(alarmsTable, alarmKey(place));
  return stored === undefined ? { arn } : { arn, record: stored.value, version: stored.version };
}

/**
 * Alarms of other accounts and Regions are not looked for: no policy could allow those of the former to the caller, and
 * those of the latter are reached there.
 */
function findByArn(arn: string, scope: Scope, reader: Reader): MaybePromise<FoundAlarm> {
  const [, region = '', accountId = '', name = ''] =
    /^arn:[a-z-]+:cloudwatch:([^:]*):(\d{12}):alarm:(.+)$/s.exec(arn) ?? [];
  if (alarmArn({ region, accountId, name }) !== arn)
    throw new KeyholdError('InvalidParameterValueException', `The ARN is not one of an alarm: ${arn}`);
  if (accountId !== scope.caller.principal.accountId || region !== scope.region) return { arn };
  return findAlarm(name, scope, reader);
}
