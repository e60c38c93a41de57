import { KeyholdError } from '../../runtime/errors.ts';

/** What a request may ask for and this server cannot do yet. Each goes when it can. */

/** No grant has been made in this server, so no grant token can be one of ours. */
export function refuseGrantTokens(tokens: readonly string[] | undefined): void {
  if (tokens !== undefined && tokens.length > 0) {
    throw new KeyholdError('InvalidGrantTokenException', 'The request contains an invalid grant token.');
  }
}

/** There are no custom key stores, so none has this id. */
export function refuseCustomKeyStore(id: string | undefined): void {
  if (id !== undefined) {
    throw new KeyholdError('CustomKeyStoreNotFoundException', `Custom key store ${id} does not exist.`);
  }
}
