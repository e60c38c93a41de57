import { setImmediate } from 'node:timers/promises';
import type {
  ContextEntry,
  EvaluationResult,
  OrderedOrganizationPolicyType,
  SimulatePolicyResponse,
} from '@aws-sdk/client-iam';
import { contextKeysOf, type Policy, type Principal } from '../../../authorization/index.ts';
import { KeyholdError } from '../../../runtime/errors.ts';
import { listItems } from '../listing.ts';
import { parseIdentityArn } from './identity-target.ts';
import { ANY_RESOURCE, shownResult, writtenKeys } from './shown-results.ts';
import { contextValues } from './simulated-context.ts';
import { type Simulation, simulate, simulationWork } from './simulation.ts';
import {
  inputPolicies,
  inputPolicy,
  type PoliciesInForce,
  refuseLongerPolicies,
  type SourcedPolicy,
} from './sources.ts';

/** What SimulateCustomPolicy and SimulatePrincipalPolicy have in common of their requests. */
export interface SimulationRequest {
  readonly PolicyInputList?: string[] | undefined;
  readonly PermissionsBoundaryPolicyInputList?: string[] | undefined;
  readonly OrderedOrganizationPolicyInputList?: OrderedOrganizationPolicyType[] | undefined;
  readonly ActionNames: string[];
  readonly ResourceArns?: string[] | undefined;
  readonly ResourcePolicy?: string | undefined;
  readonly ResourceOwner?: string | undefined;
  readonly ContextEntries?: ContextEntry[] | undefined;
  readonly MaxItems?: number | undefined;
  readonly Marker?: string | undefined;
}

/** Actions times resources that one answer holds at most; more come with the next page. */
const MOST_OUTCOMES = 1000;

/**
 * Simulates each action on each resource, a page of actions at a time. No state is looked at or changed.
 *
 * @param inForce the policies that the caller has besides those of the request
 */
export async function runSimulation(
  operation: string,
  input: SimulationRequest,
  principal: Principal,
  inForce: PoliciesInForce,
): Promise<SimulatePolicyResponse> {
  const resources =
    input.ResourceArns === undefined || input.ResourceArns.length === 0 ? [ANY_RESOURCE] : input.ResourceArns;
  if (resources.length > MOST_OUTCOMES) {
    throw new KeyholdError('InvalidInputException', `The list of resources cannot exceed ${MOST_OUTCOMES} items.`);
  }
  for (const action of input.ActionNames) refuseAction(action);
  refuseLongerPolicies([
    ...(input.PolicyInputList ?? []),
    ...(input.PermissionsBoundaryPolicyInputList ?? []),
    ...(input.OrderedOrganizationPolicyInputList ?? []).flatMap((level) => level.ServiceControlPolicyInputList ?? []),
    input.ResourcePolicy ?? '',
  ]);
  const simulation = simulationOf(input, principal, inForce);
  const keys = writtenKeys(keysOf(simulation));

  const numbered = input.ActionNames.map((action, index) => ({
    action,
    place: String(index).padStart(PLACE_DIGITS, '0'),
  }));
  const mostActions = Math.floor(MOST_OUTCOMES / resources.length);
  const { items, more } = listItems(
    numbered,
    operation,
    { Marker: input.Marker, MaxItems: Math.min(input.MaxItems ?? USUAL_ACTIONS, mostActions) },
    ({ place }) => place,
  );
  const results: EvaluationResult[] = [];
  for (const { action } of items) {
    const outcomes = [];
    for (const resource of resources) {
      outcomes.push(simulate(simulation, action, resource));
      // A decision may take milliseconds, and there are many: others have their turn in between.
      await setImmediate();
    }
    results.push(shownResult(action, outcomes, keys));
  }
  return { EvaluationResults: results, ...more };
}

/** "If you do not include this parameter, the number of items defaults to 100" (API reference). */
const USUAL_ACTIONS = 100;
/** Of the number of an action, so that the order of texts is that of numbers: no request has a million parameters. */
const PLACE_DIGITS = 6;

const ACTION = /^[A-Za-z0-9-]+:[A-Za-z0-9]+$/;

/** "This operation does not support using wildcards (*) in an action name" (API reference). */
function refuseAction(action: string): void {
  if (!ACTION.test(action)) throw new KeyholdError('InvalidInputException', `Invalid action name: ${action}`);
}

function simulationOf(input: SimulationRequest, principal: Principal, inForce: PoliciesInForce): Simulation {
  const boundaries = input.PermissionsBoundaryPolicyInputList ?? [];
  if (boundaries.length > 1) {
    throw new KeyholdError('InvalidInputException', 'The list of permissions boundary policies cannot exceed 1 item.');
  }
  const [boundaryText] = boundaries;
  const boundary =
    boundaryText === undefined
      ? inForce.boundary
      : inputPolicy(boundaryText, 'PermissionsBoundaryPolicyInputList.1', 'Permissions Boundary Policy');
  const { ResourcePolicy, ResourceOwner } = input;
  return {
    principal,
    identity: [...inForce.identity, ...inputPolicies(input.PolicyInputList, 'PolicyInputList')],
    ...(boundary === undefined ? {} : { boundary }),
    ...(ResourcePolicy === undefined
      ? {}
      : { resourcePolicy: inputPolicy(ResourcePolicy, 'ResourcePolicy', 'Resource Policy', 'resource') }),
    resourceOwner: ResourceOwner === undefined ? principal.accountId : parseOwner(ResourceOwner),
    organization: (input.OrderedOrganizationPolicyInputList ?? []).map(parseLevel),
    context: contextValues(input.ContextEntries),
    work: simulationWork(),
  };
}

function parseLevel({ ServiceControlPolicyInputList }: OrderedOrganizationPolicyType, index: number): Policy[] {
  const level = `OrderedOrganizationPolicyInputList.${index + 1}`;
  const policies = inputPolicies(ServiceControlPolicyInputList, level).map(({ policy }) => policy);
  if (policies.length > 0) return policies;
  throw new KeyholdError('InvalidInputException', `${level} must have a service control policy.`);
}

const OWNER = /^(?:arn:aws:iam::)?(\d{12})(?::root)?$/;

/** An account by its ARN or by its number: AWS's API reference has both. */
function parseOwner(written: string): string {
  const accountId = OWNER.exec(written)?.[1];
  if (accountId === undefined) throw new KeyholdError('InvalidInputException', `Invalid resource owner: ${written}`);
  return accountId;
}

function* keysOf({ identity, boundary, resourcePolicy }: Simulation): Generator<string> {
  const sources: (SourcedPolicy | undefined)[] = [...identity, boundary, resourcePolicy];
  for (const source of sources) if (source !== undefined) yield* contextKeysOf(source.text, source.policy.kind);
}

/**
 * Whoever `CallerArn` names, as resource policies see them: a role is one of its sessions, which is what asks for anything.
 *
 * @param id the unique id, where it is known
 */
export function simulatedPrincipal(callerArn: string, homeAccountId: string, id = ''): Principal {
  const { accountId, noun, name } = parseIdentityArn(callerArn, homeAccountId);
  if (noun !== 'role') return { type: 'User', arn: callerArn, accountId, id };
  return {
    type: 'AssumedRole',
    arn: `arn:aws:sts::${accountId}:assumed-role/${name}/simulation`,
    accountId,
    id: `${id}:simulation`,
    roleArn: callerArn,
  };
}
