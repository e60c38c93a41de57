import type { SetAlarmStateInput } from '@aws-sdk/client-cloudwatch';
import { KeyholdError } from '../../../runtime/errors.ts';
import type { Reader } from '../../../store/sealed-store.ts';
import { alarmReference, stateReason, stateReasonData, stateValue } from '../../../wire/alarm-shapes.ts';
import { required, structure } from '../../../wire/shapes.ts';
import { notificationsTable } from '../notifications.ts';
import type { CloudWatchOperation } from '../ports.ts';
import { alarmTarget, type FoundAlarm } from './alarm-targets.ts';
import { changeState } from './change-state.ts';

/** For a while: the next evaluation may set it back. */
export const setAlarmState: CloudWatchOperation<SetAlarmStateInput, undefined, { alarm: FoundAlarm }> = {
  name: 'SetAlarmState',
  input: structure<SetAlarmStateInput>({
    AlarmName: required(alarmReference),
    StateValue: required(stateValue),
    StateReason: required(stateReason),
    StateReasonData: stateReasonData,
  }),
  validate: ({ StateReasonData }) => {
    if (StateReasonData !== undefined && !isJson(StateReasonData)) {
      throw new KeyholdError('InvalidFormatFault', 'StateReasonData must be valid JSON');
    }
  },
  targets: {
    alarm: {
      ...alarmTarget<SetAlarmStateInput & { AlarmName: string }>({
        permission: 'cloudwatch:SetAlarmState',
        name: ({ AlarmName }) => AlarmName,
      }),
      check: ({ record }) => {
        if (record === undefined) throw new KeyholdError('ResourceNotFound', '');
      },
    },
  },
  effect: 'change',
  audit: { readOnly: false, request: ['AlarmName', 'StateValue', 'StateReason', 'StateReasonData'] },
  async handle({ input, targets, scope, ports, transaction }) {
    const { record: value, version } = targets.alarm as Required<FoundAlarm>;
    await refuseFlood(transaction, scope.caller.principal.accountId);
    const state = { value: input.StateValue, reason: input.StateReason, reasonData: input.StateReasonData };
    await changeState(transaction, { value, version }, state, scope.nowMs, ports.random);
    return undefined;
  },
};

/** AWS takes three of these a second; here, as many as are told of. */
const MOST_UNTOLD = 1000;

/**
 * INVARIANT: whoever sets states again and again does not fill the disk with what there is to tell: each leaves a record for
 * each action of the alarm, and to write them takes less than to deliver them.
 */
async function refuseFlood(reader: Reader, accountId: string): Promise<void> {
  const untold = await reader.names(notificationsTable, { prefix: `${accountId}/`, limit: MOST_UNTOLD });
  if (untold.length === MOST_UNTOLD) throw new KeyholdError('ThrottlingException', 'Rate exceeded');
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
