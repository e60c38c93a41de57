import type { Table, Transaction } from '../../store/sealed-store.ts';
import { moveLinkedRecord } from './linked-records.ts';
import {
  type AttachmentRecord,
  attachmentName,
  attachmentsTable,
  boundariesTable,
  type PolicyBearer,
} from './records.ts';

/** Of a user or a group that is renamed: the records of which managed policies it has, and of a user's boundary. */
export async function moveAttachments(
  transaction: Transaction,
  kind: AttachmentRecord['kind'],
  bearer: PolicyBearer & { readonly permissionsBoundary?: string },
  oldName: string,
  newName: string,
): Promise<void> {
  const { accountId, attachedPolicies, permissionsBoundary } = bearer;
  const place = (policyArn: string, name: string) => attachmentName(accountId, { policyArn, kind, name });
  const move = (table: Table<AttachmentRecord>, policyArn: string) =>
    moveLinkedRecord(transaction, table, place(policyArn, oldName), place(policyArn, newName), (attachment) => ({
      ...attachment,
      name: newName,
    }));
  for (const policyArn of attachedPolicies) await move(attachmentsTable, policyArn);
  if (permissionsBoundary !== undefined) await move(boundariesTable, permissionsBoundary);
}
