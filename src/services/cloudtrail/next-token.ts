import { refuse } from './errors.ts';

/** For listings that always fit into one answer, and so never give a token. */
export function refuseToken({ NextToken }: { readonly NextToken?: string | undefined }): void {
  if (NextToken !== undefined && NextToken !== '') {
    refuse('InvalidTokenException', 'The token is not one that this operation has given.');
  }
}
