import type { AttachedPolicy } from '@aws-sdk/client-iam';
import { KeyholdError } from '../../../runtime/errors.ts';
import { arn, marker, maxItems, policyPath } from '../../../wire/iam-shapes.ts';
import { required, structure } from '../../../wire/shapes.ts';
import type { AnyOperation } from '../../perform.ts';
import { type Bearers, type BearerTargets, bearerTarget, shownMembers } from '../bearers.ts';
import type { Entity } from '../entity.ts';
import { removeLinkedRecord } from '../linked-records.ts';
import { listItems } from '../listing.ts';
import { boundaryOfEntityConditions } from '../permissions-boundaries.ts';
import { attachablePolicy, parsePolicyArn } from '../policies/managed-policy.ts';
import type { IamOperation } from '../ports.ts';
import { refuseBeyondQuota } from '../quotas.ts';
import {
  attachmentName,
  attachmentsTable,
  identityName,
  type ManagedPolicyRecord,
  type PolicyBearer,
} from '../records.ts';

/** AWS's quota of managed policies of one user, group or role. */
export const MOST_ATTACHED = 10;

/** Each of the requests has the bearer's name besides, in a member that is called after the kind. */
interface AttachRequest {
  readonly PolicyArn: string | undefined;
}

interface ListRequest {
  readonly PathPrefix?: string;
  readonly Marker?: string;
  readonly MaxItems?: number;
}

/** Attach…Policy, Detach…Policy and ListAttached…Policies of users, groups or roles. */
export function attachmentOperations<R extends PolicyBearer>(bearers: Bearers<R>): AnyOperation[] {
  const { kind, title, name } = bearers;
  const bearerName = { [`${title}Name`]: required(name) };
  const policyConditions = {
    'iam:PolicyARN': ({ input }: { readonly input: object }) => [(input as { PolicyArn: string }).PolicyArn],
    ...boundaryOfEntityConditions(kind),
  };

  const attach: IamOperation<AttachRequest, undefined, BearerTargets<R>> = {
    name: `Attach${title}Policy`,
    input: structure<AttachRequest>({ ...bearerName, PolicyArn: required(arn) }),
    targets: bearerTarget(bearers, `Attach${title}Policy`, policyConditions),
    effect: 'change',
    audit: { readOnly: false, request: shownMembers<AttachRequest>(bearers, 'PolicyArn') },
    async handle({ input: { PolicyArn }, targets: { bearer }, transaction }) {
      const { record } = bearer;
      refuseServiceRolePolicy(await attachablePolicy(PolicyArn, record.accountId, transaction));
      if (record.attachedPolicies.includes(PolicyArn)) return undefined;
      refuseBeyondQuota(`PoliciesPer${title}`, MOST_ATTACHED, record.attachedPolicies.length);
      const attached = { ...record, attachedPolicies: [...record.attachedPolicies, PolicyArn] };
      const attachment = attachmentOf(bearer, PolicyArn);
      await transaction.replace<R>(kind.table, recordName(record), attached, bearer.version);
      await transaction.create(attachmentsTable, attachmentName(record.accountId, attachment), attachment);
      return undefined;
    },
  };

  const detach: IamOperation<AttachRequest, undefined, BearerTargets<R>> = {
    name: `Detach${title}Policy`,
    input: structure<AttachRequest>({ ...bearerName, PolicyArn: required(arn) }),
    targets: bearerTarget(bearers, `Detach${title}Policy`, policyConditions),
    effect: 'change',
    audit: { readOnly: false, request: shownMembers<AttachRequest>(bearers, 'PolicyArn') },
    async handle({ input: { PolicyArn }, targets: { bearer }, transaction }) {
      const { record } = bearer;
      parsePolicyArn(PolicyArn);
      if (!record.attachedPolicies.includes(PolicyArn)) {
        throw new KeyholdError('NoSuchEntityException', `Policy ${PolicyArn} was not found.`);
      }
      const rest = { ...record, attachedPolicies: record.attachedPolicies.filter((each) => each !== PolicyArn) };
      await transaction.replace<R>(kind.table, recordName(record), rest, bearer.version);
      const attachment = attachmentName(record.accountId, attachmentOf(bearer, PolicyArn));
      await removeLinkedRecord(transaction, attachmentsTable, attachment);
      return undefined;
    },
  };

  const list: IamOperation<ListRequest, object, BearerTargets<R>> = {
    name: `ListAttached${title}Policies`,
    input: structure<ListRequest>({ ...bearerName, PathPrefix: policyPath, Marker: marker, MaxItems: maxItems }),
    targets: bearerTarget(bearers, `ListAttached${title}Policies`),
    effect: 'read',
    audit: { readOnly: true, request: shownMembers<ListRequest>(bearers, 'PathPrefix', 'Marker', 'MaxItems') },
    handle({ input, targets: { bearer } }) {
      const { PathPrefix = '/' } = input;
      const attached = bearer.record.attachedPolicies
        .map((policyArn) => ({ policyArn, ...parsePolicyArn(policyArn) }))
        .filter(({ path }) => path.startsWith(PathPrefix))
        .map(({ policyArn, policyName, accountId }) => ({ policyArn, policyName, order: `${policyName}|${accountId}` }))
        .sort((a, b) => (a.order < b.order ? -1 : 1));
      const { items, more } = listItems(attached, `ListAttached${title}Policies`, input, ({ order }) => order);
      const shown: AttachedPolicy[] = items.map(({ policyArn, policyName }) => ({
        PolicyName: policyName,
        PolicyArn: policyArn,
      }));
      return { AttachedPolicies: shown, ...more };
    },
  };

  function attachmentOf({ record }: Entity<R>, policyArn: string) {
    return { policyArn, kind: title, name: kind.nameOf(record), id: bearers.idOf(record) };
  }

  function recordName(record: R): string {
    return identityName(record.accountId, kind.nameOf(record));
  }

  return [attach, detach, list];
}

/** Policies that AWS made for its own service-linked roles, of which there are none here. */
export function refuseServiceRolePolicy({ path }: ManagedPolicyRecord): void {
  if (!path.startsWith('/aws-service-role/')) return;
  throw new KeyholdError('PolicyNotAttachableException', 'Cannot attach a Service Role Policy to a Customer Role.');
}
