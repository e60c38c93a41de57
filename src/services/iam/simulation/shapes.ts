import type { ContextEntry, OrderedOrganizationPolicyType } from '@aws-sdk/client-iam';
import { iamString, marker, maxItems, policyDocument } from '../../../wire/iam-shapes.ts';
import { enumeration, list, required, string, structure } from '../../../wire/shapes.ts';

/** The members that the operations of the policy simulator share. */

export const policyInputs = list(policyDocument);

const resourceName = iamString({ min: 1, max: 2048 });

const contextEntry = structure<ContextEntry>({
  ContextKeyName: iamString({ min: 5, max: 256 }),
  ContextKeyValues: list(string()),
  ContextKeyType: enumeration([
    'string',
    'stringList',
    'numeric',
    'numericList',
    'boolean',
    'booleanList',
    'ip',
    'ipList',
    'binary',
    'binaryList',
    'date',
    'dateList',
  ]),
});

export const organizationPolicies = list(
  structure<OrderedOrganizationPolicyType>({ ServiceControlPolicyInputList: policyInputs }),
);

export const simulationMembers = {
  PermissionsBoundaryPolicyInputList: policyInputs,
  ActionNames: required(list(iamString({ min: 3, max: 128 }))),
  ResourceArns: list(resourceName),
  ResourcePolicy: policyDocument,
  ResourceOwner: resourceName,
  CallerArn: resourceName,
  ContextEntries: list(contextEntry),
  // It has AWS check that all resources of a scenario of EC2 are named. There is no EC2 here, and nothing to check.
  ResourceHandlingOption: iamString({ min: 1, max: 64 }),
  MaxItems: maxItems,
  Marker: marker,
};

/** What an audit record shows of a simulation. */
export const shownSimulationMembers = [
  'ActionNames',
  'ResourceArns',
  'ResourceOwner',
  'CallerArn',
  'ContextEntries',
  'MaxItems',
  'Marker',
] as const;
