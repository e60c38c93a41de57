import { KeyholdError } from '../runtime/errors.ts';

const LONGEST_QUOTE = 128;

/**
 * The refusal of a policy document. AWS KMS answers many of these with no text at all; where it is silent, the reasons
 * are those that IAM and S3 give for the same mistake, so that a user can find what to mend.
 */
export function malformed(reason: string): KeyholdError {
  return new KeyholdError('MalformedPolicyDocumentException', reason);
}

/** What the caller wrote, cut so that a message stays a message. */
export function quoted(text: string): string {
  return text.length <= LONGEST_QUOTE ? text : `${text.slice(0, LONGEST_QUOTE)}…`;
}
