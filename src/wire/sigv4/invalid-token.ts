import { KeyholdError } from '../../runtime/errors.ts';

/** AWS's one answer to an access key, or a session token, that is nobody's, is no longer anyone's, or is someone else's. */
export function invalidToken(): KeyholdError {
  return new KeyholdError('UnrecognizedClientException', 'The security token included in the request is invalid.');
}
