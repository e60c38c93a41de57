import type { Sealer } from '../../custody/domain-keys.ts';
import type { GrantPlace } from '../../keys/tables.ts';
import { KeyholdError } from '../../runtime/errors.ts';

/**
 * Grant tokens name a grant before it has reached all of AWS KMS ("Using a grant token", developer guide). Here a grant
 * reaches every worker before CreateGrant is answered, so that a token adds nothing to it; but it must be one of ours.
 *
 * A token is the grant's place, sealed under a key that serves for nothing else: nobody can make one up, each is another,
 * and reading it takes no look into the store. It stays valid when its grant is gone, as it then names nothing.
 */
export interface GrantTokens {
  issue(grant: GrantPlace): string;
  /** Throws InvalidGrantTokenException. */
  read(token: string): GrantPlace;
}

const ADDITIONAL_DATA = Buffer.from('grant token v1', 'ascii');
/** Some 200 bytes are sealed. What is longer is not looked at. */
const MOST_TOKEN_CHARACTERS = 1024;

export function grantTokens(sealer: Sealer): GrantTokens {
  return {
    issue({ accountId, region, keyId, grantId }) {
      const place = JSON.stringify([accountId, region, keyId, grantId]);
      return sealer.seal(ADDITIONAL_DATA, Buffer.from(place, 'utf8')).toString('base64');
    },
    read(token) {
      if (token.length > MOST_TOKEN_CHARACTERS) throw invalidGrantToken();
      const sealed = Buffer.from(token, 'base64');
      // Node's decoder overlooks what is not base64.
      if (sealed.toString('base64') !== token) throw invalidGrantToken();
      const [accountId, region, keyId, grantId] = JSON.parse(openOrRefuse(sealer, sealed).toString('utf8'));
      return { accountId, region, keyId, grantId };
    },
  };
}

function openOrRefuse(sealer: Sealer, sealed: Buffer): Buffer {
  try {
    return sealer.open(ADDITIONAL_DATA, sealed);
  } catch (error) {
    // Not tampering with the store: a token comes from outside.
    if (error instanceof KeyholdError && error.code === 'TamperedRecord') throw invalidGrantToken();
    throw error;
  }
}

function invalidGrantToken(): KeyholdError {
  return new KeyholdError('InvalidGrantTokenException', 'The request contains an invalid grant token.');
}
