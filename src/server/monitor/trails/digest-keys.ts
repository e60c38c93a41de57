import { type DigestKeyPlace, type DigestSigner, makeDigestKey, openDigestKey } from '../../../custody/digest-key.ts';
import type { Sealer } from '../../../custody/domain-keys.ts';
import { digestKeyKey, digestKeysTable } from '../../../services/cloudtrail/records.ts';
import type { Store } from '../../../store/sealed-store.ts';

/** The keys that digest files are signed with: made when first needed, and anew every year. */
export interface DigestKeys {
  /** The signer of a digest of this time. Its key is valid at the end of it, by which validators look for it. */
  signerFor(place: DigestKeyPlace, startMs: number, endMs: number): Promise<DigestSigner>;
}

/** AWS's keys are valid for 30 days, by its examples; here they cost their makers a transaction, and buy nothing by haste. */
const VALID_MS = 365 * 86_400_000;
const MOST_KEYS = 1000;

/** @param sealer of the purpose `digest signing keys` */
export function digestKeys(store: Store, sealer: Sealer): DigestKeys {
  return {
    async signerFor(place, startMs, endMs) {
      const prefix = `${place.accountId}/${place.region}/`;
      const known = await store.list(digestKeysTable, { prefix, limit: MOST_KEYS });
      const valid = known
        .map(({ value }) => value)
        .filter(({ validFromMs, validToMs }) => validFromMs <= endMs && endMs < validToMs)
        .sort((a, b) => b.validFromMs - a.validFromMs)[0];
      if (valid !== undefined) return openDigestKey(sealer, place, valid);
      const key = await makeDigestKey(sealer, place);
      // From the start of what it signs: a digest may be signed late, and is then of a time before its key was made.
      const record = { ...place, ...key, validFromMs: startMs, validToMs: startMs + VALID_MS };
      const name = digestKeyKey(place.accountId, place.region, key.fingerprint);
      await store.transact((transaction) => transaction.create(digestKeysTable, name, record));
      return openDigestKey(sealer, place, key);
    },
  };
}
