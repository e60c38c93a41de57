import { type AwsErrorCode, KeyholdError } from '../../runtime/errors.ts';

/** Refusals of CloudTrail in AWS's own words, as far as they are known; the others say what is wrong in ours. */

/** Words that several of CloudTrail's exceptions have for what one operation alone is about. */
export function refuse(code: AwsErrorCode, message: string): never {
  throw new KeyholdError(code, message);
}

export function unknownTrail(nameOrArn: string, accountId: string): KeyholdError {
  return new KeyholdError('TrailNotFoundException', `Unknown trail: ${nameOrArn} for the user: ${accountId}`);
}

export function invalidArn(message: string): KeyholdError {
  return new KeyholdError('CloudTrailARNInvalidException', message);
}

/** What AWS has and this server has not: an honest refusal rather than a setting that nobody follows. */
export function notHere(what: string): KeyholdError {
  return new KeyholdError('UnsupportedOperationException', `${what} is not supported by this server.`);
}
