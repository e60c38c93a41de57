import { KeyholdError } from '../../runtime/errors.ts';
import { unsupported } from './errors.ts';

/** What a request may ask for and this server cannot do yet. Each goes when it can. */

/** No grant has been made in this server, so no grant token can be one of ours. */
export function refuseGrantTokens(tokens: readonly string[] | undefined): void {
  if (tokens !== undefined && tokens.length > 0) {
    throw new KeyholdError('InvalidGrantTokenException', 'The request contains an invalid grant token.');
  }
}

/** Answers to Nitro enclaves are not made yet, and answering in plaintext instead would defeat their purpose. */
export function refuseRecipient(recipient: object | undefined): void {
  if (recipient !== undefined) throw unsupported('The Recipient parameter is not supported yet.');
}

/** There are no custom key stores, so none has this id. */
export function refuseCustomKeyStore(id: string | undefined): void {
  if (id !== undefined) {
    throw new KeyholdError('CustomKeyStoreNotFoundException', `Custom key store ${id} does not exist.`);
  }
}
