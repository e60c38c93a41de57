import { KeyholdError } from '../../runtime/errors.ts';

/** What a request may ask for and this server cannot do yet. Each goes when it can. */

/** There are no custom key stores, so none has this id. */
export function refuseCustomKeyStore(id: string | undefined): void {
  if (id !== undefined) {
    throw new KeyholdError('CustomKeyStoreNotFoundException', `Custom key store ${id} does not exist.`);
  }
}
