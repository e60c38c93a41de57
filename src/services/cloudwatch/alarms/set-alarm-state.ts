import type { SetAlarmStateInput } from '@aws-sdk/client-cloudwatch';
import { KeyholdError } from '../../../runtime/errors.ts';
import { alarmReference, stateReason, stateReasonData, stateValue } from '../../../wire/alarm-shapes.ts';
import { required, structure } from '../../../wire/shapes.ts';
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
    const state = { value: input.StateValue, reason: input.StateReason, reasonData: input.StateReasonData };
    await changeState(transaction, { value, version }, state, scope.nowMs, ports.random);
    return undefined;
  },
};

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
