import type { PutKeyPolicyRequest } from '@aws-sdk/client-kms';
import { keyName, policiesTable } from '../../keys/tables.ts';
import { KeyholdError } from '../../runtime/errors.ts';
import { keyId, policy, policyName } from '../../wire/kms-shapes.ts';
import { boolean, required, structure } from '../../wire/shapes.ts';
import { unsupported } from './errors.ts';
import { judgedKeyPolicy, ONLY_POLICY_NAME } from './key-policy.ts';
import type { KmsOperation } from './ports.ts';
import { type KeyResource, keyTarget } from './targets.ts';

export const putKeyPolicy: KmsOperation<PutKeyPolicyRequest, undefined, { key: KeyResource }> = {
  name: 'PutKeyPolicy',
  input: structure<PutKeyPolicyRequest>({
    KeyId: required(keyId),
    PolicyName: policyName,
    Policy: required(policy),
    BypassPolicyLockoutSafetyCheck: boolean(),
  }),
  validate: (input) => {
    if (input.PolicyName !== undefined && input.PolicyName !== ONLY_POLICY_NAME) {
      throw unsupported(`The only valid value of PolicyName is ${ONLY_POLICY_NAME}.`);
    }
  },
  targets: {
    key: keyTarget({
      operation: 'PutKeyPolicy',
      reference: (input) => input.KeyId,
      accepts: 'key',
      crossAccount: false,
      conditions: {
        'kms:BypassPolicyLockoutSafetyCheck': ({ input }) => [String(input.BypassPolicyLockoutSafetyCheck ?? false)],
      },
    }),
  },
  effect: 'change',
  audit: {
    readOnly: false,
    request: ['KeyId', 'PolicyName', 'Policy', 'BypassPolicyLockoutSafetyCheck'],
    implied: { PolicyName: 'default', BypassPolicyLockoutSafetyCheck: false },
  },
  async handle({ input, targets, scope, ports, transaction }) {
    const { key } = targets.key;
    const policy = await judgedKeyPolicy(
      { text: input.Policy, keyArn: key.arn, bypassLockoutCheck: input.BypassPolicyLockoutSafetyCheck },
      scope,
      ports,
    );
    const name = keyName(key.record);
    const current = await transaction.get(policiesTable, name);
    if (current === undefined) throw new KeyholdError('TamperedRecord', `${key.arn} has no policy row`);
    await transaction.replace(policiesTable, name, policy, current.version);
    return undefined;
  },
};
