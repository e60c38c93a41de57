import type { SimulateCustomPolicyRequest, SimulatePolicyResponse } from '@aws-sdk/client-iam';
import { KeyholdError } from '../../../runtime/errors.ts';
import { required, structure } from '../../../wire/shapes.ts';
import { accountTarget } from '../entity.ts';
import type { IamOperation } from '../ports.ts';
import { runSimulation, simulatedPrincipal } from './run-simulation.ts';
import { organizationPolicies, policyInputs, shownSimulationMembers, simulationMembers } from './shapes.ts';

/** Who asks where nobody is named, and no policy is there that could name anyone. */
const NOBODY = 'arn:aws:iam:::user/simulation';

export const simulateCustomPolicy: IamOperation<
  SimulateCustomPolicyRequest,
  SimulatePolicyResponse,
  { account: undefined }
> = {
  name: 'SimulateCustomPolicy',
  input: structure<SimulateCustomPolicyRequest>({
    PolicyInputList: required(policyInputs),
    OrderedOrganizationPolicyInputList: organizationPolicies,
    ...simulationMembers,
  }),
  targets: { account: accountTarget('iam:SimulateCustomPolicy') },
  effect: 'read',
  audit: { readOnly: true, request: shownSimulationMembers },
  handle({ input, scope }) {
    if (input.ResourcePolicy !== undefined && input.CallerArn === undefined) {
      throw new KeyholdError('InvalidInputException', 'CallerArn is required if a ResourcePolicy is given.');
    }
    const principal = simulatedPrincipal(input.CallerArn ?? NOBODY, scope.caller.principal.accountId);
    return runSimulation('SimulateCustomPolicy', input, principal, { identity: [] });
  },
};
