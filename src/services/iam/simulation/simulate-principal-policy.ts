import type { SimulatePolicyResponse, SimulatePrincipalPolicyRequest } from '@aws-sdk/client-iam';
import { arn } from '../../../wire/iam-shapes.ts';
import { list, required, structure } from '../../../wire/shapes.ts';
import type { IamOperation } from '../ports.ts';
import { type Identifier, policyIdentifier, withoutExcluded } from './exclusions.ts';
import { policySourceTarget, type SimulatedIdentity } from './identity-target.ts';
import { runSimulation, simulatedPrincipal } from './run-simulation.ts';
import { policyInputs, shownSimulationMembers, simulationMembers } from './shapes.ts';
import { policiesOfIdentity } from './sources.ts';

export const simulatePrincipalPolicy: IamOperation<
  SimulatePrincipalPolicyRequest,
  SimulatePolicyResponse,
  { identity: SimulatedIdentity }
> = {
  name: 'SimulatePrincipalPolicy',
  input: structure<SimulatePrincipalPolicyRequest>({
    PolicySourceArn: required(arn),
    PolicyInputList: policyInputs,
    PolicyExclusionList: list(policyIdentifier),
    ...simulationMembers,
  }),
  targets: { identity: policySourceTarget('iam:SimulatePrincipalPolicy') },
  effect: 'read',
  audit: { readOnly: true, request: ['PolicySourceArn', ...shownSimulationMembers] },
  async handle({ input, targets: { identity }, scope, ports }) {
    const { CallerArn } = input;
    const isCaller = CallerArn === undefined || CallerArn === identity.arn;
    const principal = isCaller
      ? simulatedPrincipal(identity.arn, identity.record.accountId, identity.id)
      : simulatedPrincipal(CallerArn, scope.caller.principal.accountId);
    const exclusions = input.PolicyExclusionList as readonly Identifier[] | undefined;
    const inForce = withoutExcluded(await policiesOfIdentity(identity, ports.store), exclusions);
    return runSimulation('SimulatePrincipalPolicy', input, principal, inForce);
  },
};
