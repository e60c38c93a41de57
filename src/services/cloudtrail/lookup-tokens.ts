import type { StreamBounds } from '../../audit/event-index/lookup.ts';
import type { Sealer } from '../../custody/domain-keys.ts';
import { KeyholdError } from '../../runtime/errors.ts';

/**
 * What LookupEvents gives to go on with: where in each audit stream it came to. Sealed, because how far the streams went
 * tells what all accounts together do; for one request of one account in one Region, so that it fits no other.
 *
 * INVARIANT: a token says only where to go on, and never whose events: those are the caller's, whatever is in it.
 */
export interface LookupTokens {
  /** @param request all that the next request must repeat */
  issue(before: StreamBounds, request: string): string;
  /** Throws InvalidNextTokenException. */
  read(token: string, request: string): StreamBounds;
}

/** Some 20 characters a stream, of which there are a few more than workers. What is longer is not looked at. */
const MOST_TOKEN_CHARACTERS = 64 * 1024;

export function lookupTokens(sealer: Sealer): LookupTokens {
  return {
    issue: (before, request) =>
      sealer.seal(additionalData(request), Buffer.from(JSON.stringify(before), 'utf8')).toString('base64'),
    read(token, request) {
      if (token.length > MOST_TOKEN_CHARACTERS) throw invalidToken();
      const sealed = Buffer.from(token, 'base64');
      // Node's decoder overlooks what is not base64.
      if (sealed.toString('base64') !== token) throw invalidToken();
      try {
        return JSON.parse(sealer.open(additionalData(request), sealed).toString('utf8'));
      } catch (error) {
        // Not tampering with the store: a token comes from outside.
        if (error instanceof KeyholdError && error.code === 'TamperedRecord') throw invalidToken();
        throw error;
      }
    },
  };
}

function additionalData(request: string): Buffer {
  return Buffer.from(`lookup token v1\n${request}`, 'utf8');
}

function invalidToken(): KeyholdError {
  return new KeyholdError(
    'InvalidNextTokenException',
    'The NextToken is not valid, or was given for a request with other parameters.',
  );
}
