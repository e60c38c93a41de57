import { alarmNames } from '../../../wire/alarm-shapes.ts';
import { required, structure } from '../../../wire/shapes.ts';
import type { CloudWatchOperation } from '../ports.ts';
import { type AlarmRecord, alarmKey, alarmsTable } from './alarm-record.ts';
import { alarmsTarget, type FoundAlarm } from './alarm-targets.ts';
import { addHistory, configurationUpdate } from './write-history.ts';

interface Request {
  AlarmNames: string[] | undefined;
}

type Switching = CloudWatchOperation<Request, undefined, { alarms: readonly FoundAlarm[] }>;

/** Whether alarms do their actions. As in AWS, names that no alarm has are no mistake. */
function switchActions(name: string, actionsEnabled: boolean): Switching {
  return {
    name,
    input: structure<Request>({ AlarmNames: required(alarmNames) }),
    targets: {
      alarms: alarmsTarget({ permission: `cloudwatch:${name}`, names: ({ AlarmNames }) => AlarmNames }),
    },
    effect: 'change',
    audit: { readOnly: false, request: ['AlarmNames'] },
    async handle({ targets, scope, ports, transaction }) {
      const { nowMs } = scope;
      for (const { record, version } of targets.alarms) {
        if (record === undefined || version === undefined || record.actionsEnabled === actionsEnabled) continue;
        const alarm: AlarmRecord = { ...record, actionsEnabled, configurationUpdatedAtMs: nowMs };
        await transaction.replace(alarmsTable, alarmKey(alarm), alarm, version);
        await addHistory(transaction, configurationUpdate('Update', alarm, nowMs), ports.random);
      }
      return undefined;
    },
  };
}

export const enableAlarmActions = switchActions('EnableAlarmActions', true);
export const disableAlarmActions = switchActions('DisableAlarmActions', false);
