import type { PutMetricAlarmInput } from '@aws-sdk/client-cloudwatch';
import { KeyholdError } from '../../../runtime/errors.ts';
import type { Reader } from '../../../store/sealed-store.ts';
import * as shapes from '../../../wire/alarm-shapes.ts';
import { boolean, double, type Input, required, structure } from '../../../wire/shapes.ts';
import { requestTagConditions, taggingTarget } from '../../iam/tags.ts';
import type { CloudWatchOperation } from '../ports.ts';
import { type AlarmRecord, alarmKey, alarmPrefix, alarmsTable } from './alarm-record.ts';
import { readAlarm, refuseActionsElsewhere } from './alarm-rules.ts';
import { withTags } from './alarm-tags.ts';
import { alarmTarget, type FoundAlarm } from './alarm-targets.ts';
import { addHistory, configurationUpdate } from './write-history.ts';

/** "5,000 per Region per account" ("CloudWatch service quotas", user guide). */
export const MOST_ALARMS = 5000;
/** AWS has a few dozen Regions; here any name can be one's, and each alarm is evaluated each minute. */
export const MOST_ALARMS_OF_ACCOUNT = 10_000;

interface Targets {
  readonly alarm: FoundAlarm;
  readonly tagging: FoundAlarm;
}

/** What there was of the name is overwritten, but for its state and its tags. */
export const putMetricAlarm: CloudWatchOperation<PutMetricAlarmInput, undefined, Targets> = {
  name: 'PutMetricAlarm',
  input: structure<PutMetricAlarmInput>({
    AlarmName: required(shapes.alarmName),
    AlarmDescription: shapes.alarmDescription,
    ActionsEnabled: boolean(),
    OKActions: shapes.actions,
    AlarmActions: shapes.actions,
    InsufficientDataActions: shapes.actions,
    MetricName: shapes.metricName,
    Namespace: shapes.namespace,
    Statistic: shapes.statistic,
    ExtendedStatistic: shapes.extendedStatistic,
    Dimensions: shapes.dimensions,
    Period: shapes.period,
    Unit: shapes.unit,
    EvaluationPeriods: shapes.evaluationPeriods,
    DatapointsToAlarm: shapes.datapointsToAlarm,
    Threshold: double(),
    ComparisonOperator: shapes.comparisonOperator,
    TreatMissingData: shapes.treatMissingData,
    EvaluateLowSampleCountPercentile: shapes.lowSampleCountPercentile,
    Metrics: shapes.metricDataQueries,
    Tags: shapes.tags,
    ThresholdMetricId: shapes.thresholdMetricId,
    EvaluationWindow: shapes.evaluationWindow,
    WarmUpConfiguration: shapes.warmUpConfiguration,
    EvaluationCriteria: shapes.evaluationCriteria,
    EvaluationInterval: shapes.evaluationInterval,
    ActionConfiguration: shapes.actionConfiguration,
  }),
  validate: (input) => {
    readAlarm(input);
    withTags([], input.Tags ?? []);
  },
  targets: {
    alarm: {
      ...alarmTarget<Input<PutMetricAlarmInput>>({
        permission: 'cloudwatch:PutMetricAlarm',
        name: ({ AlarmName }) => AlarmName,
        conditions: {
          ...requestTagConditions(({ Tags }) => Tags),
          'cloudwatch:AlarmActions': ({ input }) => actionsIn(input),
        },
      }),
      check: (_, input, { region }) => refuseActionsElsewhere(input, region),
    },
    // "you must have both the cloudwatch:PutMetricAlarm and cloudwatch:TagResource permissions" (API reference).
    tagging: taggingTarget(
      alarmTarget({
        permission: 'cloudwatch:TagResource',
        name: (input) => input.AlarmName,
        conditions: requestTagConditions(({ Tags }) => Tags),
      }),
    ),
  },
  effect: 'change',
  audit: {
    readOnly: false,
    request: [
      'AlarmName',
      'AlarmDescription',
      'ActionsEnabled',
      'OKActions',
      'AlarmActions',
      'InsufficientDataActions',
      'MetricName',
      'Namespace',
      'Statistic',
      'ExtendedStatistic',
      'Dimensions',
      'Period',
      'Unit',
      'EvaluationPeriods',
      'DatapointsToAlarm',
      'Threshold',
      'ComparisonOperator',
      'TreatMissingData',
      'EvaluateLowSampleCountPercentile',
      'Tags',
    ],
  },
  async handle({ input, targets, scope, ports, transaction }) {
    const { record: before, version } = targets.alarm;
    const { nowMs, region } = scope;
    const { accountId } = scope.caller.principal;
    const place = { accountId, region, name: input.AlarmName };
    const alarm: AlarmRecord = {
      ...readAlarm(input),
      ...place,
      tags: before?.tags ?? withTags([], input.Tags ?? []),
      configurationUpdatedAtMs: nowMs,
      state: before?.state ?? {
        value: 'INSUFFICIENT_DATA',
        reason: 'Unchecked: Initial alarm creation',
        updatedAtMs: nowMs,
        transitionedAtMs: nowMs,
      },
    };
    if (version === undefined) {
      await refuseBeyondQuota(transaction, accountId, region);
      await transaction.create(alarmsTable, alarmKey(place), alarm);
    } else {
      await transaction.replace(alarmsTable, alarmKey(place), alarm, version);
    }
    const history = configurationUpdate(version === undefined ? 'Create' : 'Update', alarm, nowMs);
    await addHistory(transaction, history, ports.random);
    return undefined;
  },
};

/** Undefined where there are none: a condition that wants some is not met then. */
function actionsIn({ OKActions = [], AlarmActions = [], InsufficientDataActions = [] }: ActionMembers) {
  const all = [...OKActions, ...AlarmActions, ...InsufficientDataActions];
  return all.length === 0 ? undefined : all;
}

type ActionMembers = Pick<PutMetricAlarmInput, 'OKActions' | 'AlarmActions' | 'InsufficientDataActions'>;

async function refuseBeyondQuota(reader: Reader, accountId: string, region: string): Promise<void> {
  const quotas: [prefix: string, most: number][] = [
    [alarmPrefix(accountId, region), MOST_ALARMS],
    [`${accountId}/`, MOST_ALARMS_OF_ACCOUNT],
  ];
  for (const [prefix, limit] of quotas) {
    const names = await reader.names(alarmsTable, { prefix, limit });
    if (names.length < limit) continue;
    throw new KeyholdError('LimitExceededFault', `The account has as many alarms as it may have: ${limit}`);
  }
}
