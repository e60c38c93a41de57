import { KeyholdError } from '../../runtime/errors.ts';
import type { Transaction } from '../../store/sealed-store.ts';
import type { ConditionTable } from '../condition-table.ts';
import type { ConditionRequest } from '../operation.ts';
import type { EntityKind } from './entity.ts';
import { findManagedDocument } from './identity-policies.ts';
import { removeLinkedRecord } from './linked-records.ts';
import { type AttachmentRecord, attachmentName, boundariesTable } from './records.ts';

/**
 * Records that a managed policy, of the account's own or of AWS's, is the boundary of an identity that had none.
 *
 * @throws KeyholdError InvalidInputException for what is no ARN of a policy, NoSuchEntityException for one that is not there
 */
export async function recordNewBoundary(
  transaction: Transaction,
  accountId: string,
  boundary: AttachmentRecord,
): Promise<void> {
  const { policyArn } = boundary;
  const [, , , , owner, resource = ''] = policyArn.split(':');
  // Of the same ARN AWS says ValidationError where it is to be attached (LocalStack's test_iam_roles snapshot).
  if (!resource.startsWith('policy/')) {
    throw new KeyholdError('InvalidInputException', `ARN ${policyArn} is not valid.`);
  }
  const isWithinReach = owner === accountId || owner === 'aws';
  if (!isWithinReach || (await findManagedDocument(policyArn, transaction)) === undefined) {
    throw new KeyholdError('NoSuchEntityException', `Scope ARN: ${policyArn} does not exist or is not attachable.`);
  }
  await transaction.create(boundariesTable, attachmentName(accountId, boundary), boundary);
}

/** Of an identity that is deleted. */
export async function forgetBoundary(
  transaction: Transaction,
  bearer: Pick<AttachmentRecord, 'kind' | 'name'> & {
    readonly accountId: string;
    readonly permissionsBoundary?: string;
  },
): Promise<void> {
  const { accountId, permissionsBoundary: policyArn, kind, name } = bearer;
  if (policyArn === undefined) return;
  await removeLinkedRecord(transaction, boundariesTable, attachmentName(accountId, { policyArn, kind, name }));
}

/**
 * `iam:PermissionsBoundary` ("Condition keys for IAM", Service Authorization Reference): of requests that set a boundary,
 * the one that they set; of those that change what an identity may do, the one that it has.
 */

export function boundaryOfRequestConditions<Input>(
  boundaryOf: (input: Input) => string | undefined,
): ConditionTable<ConditionRequest<Input, unknown>> {
  return { 'iam:PermissionsBoundary': ({ input }) => values(boundaryOf(input)) };
}

/** Nothing where no identity of this kind can have a boundary, as groups cannot. */
export function boundaryOfEntityConditions<R>({
  boundaryOf,
}: EntityKind<R>): ConditionTable<ConditionRequest<object, unknown>> {
  if (boundaryOf === undefined) return {};
  return {
    'iam:PermissionsBoundary': ({ resolved }) => {
      const { record } = resolved as { readonly record?: R };
      return record && values(boundaryOf(record));
    },
  };
}

function values(arn: string | undefined): readonly string[] | undefined {
  return arn === undefined ? undefined : [arn];
}
