import { parsePolicy } from '../../authorization/index.ts';
import { KeyholdError } from '../../runtime/errors.ts';
import type { Transaction } from '../../store/sealed-store.ts';
import { marker, maxItems, policyDocument, policyName } from '../../wire/iam-shapes.ts';
import { required, structure } from '../../wire/shapes.ts';
import type { AnyOperation } from '../perform.ts';
import { type Bearers, type BearerTargets, bearerTarget, shownMembers } from './bearers.ts';
import type { Entity, EntityKind } from './entity.ts';
import { listItems } from './listing.ts';
import { boundaryOfEntityConditions } from './permissions-boundaries.ts';
import { refuseLargerPolicies, urlEncodedPolicy } from './policy-document.ts';
import type { IamOperation } from './ports.ts';
import { type InlinePolicy, identityName, type PolicyBearer } from './records.ts';

/** Each of the requests has the bearer's name besides, in a member that is called after the kind. */
interface ListRequest {
  readonly Marker?: string;
  readonly MaxItems?: number;
}

interface PolicyRequest {
  readonly PolicyName: string | undefined;
}

interface PutRequest extends PolicyRequest {
  readonly PolicyDocument: string | undefined;
}

/** Put…Policy, Get…Policy, List…Policies and Delete…Policy of users, groups or roles. */
export function inlinePolicyOperations<R extends PolicyBearer>(bearers: Bearers<R>): AnyOperation[] {
  const { kind, title, name } = bearers;
  const member = `${title}Name`;
  const bearerName = { [member]: required(name) };
  const put: IamOperation<PutRequest, undefined, BearerTargets<R>> = {
    name: `Put${title}Policy`,
    input: structure<PutRequest>({
      ...bearerName,
      PolicyName: required(policyName),
      PolicyDocument: required(policyDocument),
    }),
    targets: bearerTarget(bearers, `Put${title}Policy`, boundaryOfEntityConditions(kind)),
    effect: 'change',
    audit: { readOnly: false, request: shownMembers<PutRequest>(bearers, 'PolicyName', 'PolicyDocument') },
    async handle({ input, targets, transaction }) {
      const { record } = targets.bearer;
      parsePolicy(input.PolicyDocument, 'identity');
      const policies = withPolicy(record.inlinePolicies, input.PolicyName, input.PolicyDocument);
      refuseLargerPolicies(title, kind.nameOf(record), policies);
      await replacePolicies(transaction, kind, targets.bearer, policies);
      return undefined;
    },
  };

  const get: IamOperation<PolicyRequest, object, BearerTargets<R>> = {
    name: `Get${title}Policy`,
    input: structure<PolicyRequest>({ ...bearerName, PolicyName: required(policyName) }),
    targets: bearerTarget(bearers, `Get${title}Policy`),
    effect: 'read',
    audit: { readOnly: true, request: shownMembers<PolicyRequest>(bearers, 'PolicyName') },
    handle({ input, targets: { bearer } }) {
      const policy = existingPolicy(kind, bearer.record, input.PolicyName);
      return {
        [member]: kind.nameOf(bearer.record),
        PolicyName: policy.policyName,
        PolicyDocument: urlEncodedPolicy(policy.document),
      };
    },
  };

  const list: IamOperation<ListRequest, object, BearerTargets<R>> = {
    name: `List${title}Policies`,
    input: structure<ListRequest>({ ...bearerName, Marker: marker, MaxItems: maxItems }),
    targets: bearerTarget(bearers, `List${title}Policies`),
    effect: 'read',
    audit: { readOnly: true, request: shownMembers<ListRequest>(bearers, 'Marker', 'MaxItems') },
    handle({ input, targets: { bearer } }) {
      const names = bearer.record.inlinePolicies.map((policy) => policy.policyName);
      const { items, more } = listItems(names, `List${title}Policies`, input, (each) => each);
      return { PolicyNames: items, ...more };
    },
  };

  const remove: IamOperation<PolicyRequest, undefined, BearerTargets<R>> = {
    name: `Delete${title}Policy`,
    input: structure<PolicyRequest>({ ...bearerName, PolicyName: required(policyName) }),
    targets: bearerTarget(bearers, `Delete${title}Policy`, boundaryOfEntityConditions(kind)),
    effect: 'change',
    audit: { readOnly: false, request: shownMembers<PolicyRequest>(bearers, 'PolicyName') },
    async handle({ input, targets: { bearer }, transaction }) {
      const policy = existingPolicy(kind, bearer.record, input.PolicyName);
      const others = bearer.record.inlinePolicies.filter((each) => each !== policy);
      await replacePolicies(transaction, kind, bearer, others);
      return undefined;
    },
  };

  return [put, get, list, remove];
}

function existingPolicy<R extends PolicyBearer>(kind: EntityKind<R>, record: R, name: string): InlinePolicy {
  const policy = record.inlinePolicies.find(({ policyName }) => policyName === name);
  if (policy !== undefined) return policy;
  throw new KeyholdError('NoSuchEntityException', `The ${kind.noun} policy with name ${name} cannot be found.`);
}

/** The same list with this policy, in the order of names: it replaces the one that has its name. */
export function withPolicy(policies: readonly InlinePolicy[], policyName: string, document: string): InlinePolicy[] {
  const others = policies.filter((each) => each.policyName !== policyName);
  return [...others, { policyName, document }].sort((a, b) => (a.policyName < b.policyName ? -1 : 1));
}

function replacePolicies<R extends PolicyBearer>(
  transaction: Transaction,
  { table, nameOf }: EntityKind<R>,
  { record, version }: Entity<R>,
  inlinePolicies: readonly InlinePolicy[],
): Promise<void> {
  const name = identityName(record.accountId, nameOf(record));
  return transaction.replace<R>(table, name, { ...record, inlinePolicies }, version);
}
