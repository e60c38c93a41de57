import type { DeleteAlarmsInput } from '@aws-sdk/client-cloudwatch';
import { KeyholdError } from '../../../runtime/errors.ts';
import { alarmNames } from '../../../wire/alarm-shapes.ts';
import { required, structure } from '../../../wire/shapes.ts';
import type { CloudWatchOperation } from '../ports.ts';
import { alarmKey, alarmsTable } from './alarm-record.ts';
import { alarmsTarget, type FoundAlarm } from './alarm-targets.ts';
import { addHistory, configurationUpdate } from './write-history.ts';

/**
 * "If you specify any incorrect alarm names, the alarms you specify with correct names are still deleted" (API reference):
 * only where none of them exists is it ResourceNotFound. The history stays.
 */
export const deleteAlarms: CloudWatchOperation<DeleteAlarmsInput, undefined, { alarms: readonly FoundAlarm[] }> = {
  name: 'DeleteAlarms',
  input: structure<DeleteAlarmsInput>({ AlarmNames: required(alarmNames) }),
  targets: {
    alarms: alarmsTarget({ permission: 'cloudwatch:DeleteAlarms', names: ({ AlarmNames }) => AlarmNames }),
  },
  effect: 'change',
  audit: { readOnly: false, request: ['AlarmNames'] },
  async handle({ targets, scope, ports, transaction }) {
    let any = false;
    for (const { record, version } of targets.alarms) {
      if (record === undefined || version === undefined) continue;
      any = true;
      await transaction.remove(alarmsTable, alarmKey(record), version);
      await addHistory(transaction, configurationUpdate('Delete', record, scope.nowMs), ports.random);
    }
    if (!any) throw new KeyholdError('ResourceNotFound', '');
    return undefined;
  },
};
