import type { DescribeAlarmsInput, DescribeAlarmsOutput } from '@aws-sdk/client-cloudwatch';
import { KeyholdError } from '../../../runtime/errors.ts';
import * as shapes from '../../../wire/alarm-shapes.ts';
import { structure } from '../../../wire/shapes.ts';
import { readNextToken, writeNextToken } from '../next-token.ts';
import type { CloudWatchOperation } from '../ports.ts';
import type { AlarmRecord } from './alarm-record.ts';
import { alarmsTarget, type FoundAlarm } from './alarm-targets.ts';
import { shownAlarm } from './shown-alarm.ts';
import { storedAlarms } from './stored-alarms.ts';

const USUAL_RECORDS = 50;

/** There are metric alarms only: composite ones are asked for in vain. */
export const describeAlarms: CloudWatchOperation<
  DescribeAlarmsInput,
  DescribeAlarmsOutput,
  { alarms: readonly FoundAlarm[] }
> = {
  name: 'DescribeAlarms',
  input: structure<DescribeAlarmsInput>({
    AlarmNames: shapes.alarmNames,
    AlarmNamePrefix: shapes.alarmReference,
    AlarmTypes: shapes.alarmTypes,
    ChildrenOfAlarmName: shapes.alarmReference,
    ParentsOfAlarmName: shapes.alarmReference,
    StateValue: shapes.stateValue,
    ActionPrefix: shapes.actionPrefix,
    MaxRecords: shapes.maxRecords,
    NextToken: shapes.nextToken,
  }),
  validate: ({ MaxRecords: _, NextToken: _token, ...wanted }) => {
    const given = Object.keys(wanted);
    const family = given.find((name) => name === 'ChildrenOfAlarmName' || name === 'ParentsOfAlarmName');
    if (family !== undefined && given.length > 1) {
      throw new KeyholdError('ValidationException', `${family} cannot be combined with other parameters.`);
    }
    if (wanted.AlarmNames !== undefined && wanted.AlarmNamePrefix !== undefined) {
      throw new KeyholdError('ValidationException', 'AlarmNames and AlarmNamePrefix cannot both be specified.');
    }
  },
  targets: {
    alarms: alarmsTarget({ permission: 'cloudwatch:DescribeAlarms', names: ({ AlarmNames }) => AlarmNames }),
  },
  effect: 'read',
  audit: {
    readOnly: true,
    request: [
      'AlarmNames',
      'AlarmNamePrefix',
      'AlarmTypes',
      'ChildrenOfAlarmName',
      'ParentsOfAlarmName',
      'StateValue',
      'ActionPrefix',
      'MaxRecords',
    ],
  },
  async handle({ input, targets, scope, ports }) {
    const { AlarmNames, AlarmNamePrefix, AlarmTypes = ['MetricAlarm'], MaxRecords = USUAL_RECORDS } = input;
    const after = readNextToken('DescribeAlarms', input.NextToken);
    const family = input.ChildrenOfAlarmName ?? input.ParentsOfAlarmName;
    if (family !== undefined || !AlarmTypes.includes('MetricAlarm')) return { MetricAlarms: [], CompositeAlarms: [] };
    const alarms =
      AlarmNames === undefined
        ? storedAlarms(ports.store, scope, AlarmNamePrefix, after)
        : named(targets.alarms).filter(({ name }) => after === undefined || name > after);
    const page: AlarmRecord[] = [];
    for await (const alarm of alarms) {
      if (!isWanted(alarm, input)) continue;
      if (page.length === MaxRecords) {
        const last = page.at(-1)?.name ?? '';
        return { ...shown(page), NextToken: writeNextToken('DescribeAlarms', last) };
      }
      page.push(alarm);
    }
    return shown(page);
  },
};

function named(alarms: readonly FoundAlarm[]): AlarmRecord[] {
  const records = alarms.flatMap(({ record }) => (record === undefined ? [] : [record]));
  return records.sort((a, b) => (a.name < b.name ? -1 : 1));
}

function isWanted(alarm: AlarmRecord, { StateValue, ActionPrefix }: DescribeAlarmsInput): boolean {
  if (StateValue !== undefined && alarm.state.value !== StateValue) return false;
  const actions = [...alarm.okActions, ...alarm.alarmActions, ...alarm.insufficientDataActions];
  return ActionPrefix === undefined || actions.some((action) => action.startsWith(ActionPrefix));
}

function shown(alarms: readonly AlarmRecord[]): DescribeAlarmsOutput {
  return { MetricAlarms: alarms.map(shownAlarm), CompositeAlarms: [] };
}
