import { KeyholdError } from '../../runtime/errors.ts';
import { decodeMarker, encodeMarker } from '../pagination.ts';

/** CloudWatch's markers, `NextToken`: they name the last item given, as other services' do. */

export const writeNextToken = encodeMarker;

/** @returns undefined where a listing begins */
export function readNextToken(operation: string, token: string | undefined): string | undefined {
  if (token === undefined) return undefined;
  try {
    const name = decodeMarker(operation, token);
    // No record has such a name.
    if (!name.includes('\0')) return name;
  } catch (error) {
    if (!(error instanceof KeyholdError)) throw error;
  }
  throw new KeyholdError('InvalidNextToken', 'The next token is not one that this operation has given.');
}
