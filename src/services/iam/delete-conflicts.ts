import { KeyholdError } from '../../runtime/errors.ts';
import type { PolicyBearer } from './records.ts';

/** Refuses to delete an identity that still has something. */
export function refuseDeletion(still: boolean, what: string): void {
  if (still) throw new KeyholdError('DeleteConflictException', `Cannot delete entity, must ${what} first.`);
}

export function refuseDeletionWithPolicies({ attachedPolicies, inlinePolicies }: PolicyBearer): void {
  refuseDeletion(attachedPolicies.length > 0, 'detach all policies');
  refuseDeletion(inlinePolicies.length > 0, 'delete policies');
}
