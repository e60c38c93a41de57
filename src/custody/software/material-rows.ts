import { createHmac } from 'node:crypto';
import { lengthPrefixed } from '../../crypto/canonical.ts';
import { type KeySpec, keySpecs } from '../../crypto/key-specs.ts';
import type { MaterialIdentity, MaterialOwner, NewMaterial, WrappedMaterial } from '../contract.ts';
import type { Sealer } from '../domain-keys.ts';

/** How key material becomes what is stored of it, and back: the same for material that was made here and that came in. */

/** Names material and wraps it for its row. The plaintext is wiped. */
export function nameAndWrap(sealer: Sealer, key: MaterialOwner, spec: KeySpec, secret: Buffer): NewMaterial {
  const materialId = materialIdOf(spec, secret);
  const material = wrap(sealer, { ...key, materialId }, secret);
  secret.fill(0);
  return { materialId, material };
}

export function wrap(sealer: Sealer, identity: MaterialIdentity, secret: Uint8Array): WrappedMaterial {
  return { wrapped: sealer.seal(wrappingIdentity(identity), secret).toString('base64') };
}

/** The plaintext, which is the caller's to wipe. Throws TamperedRecord. */
export function unwrap(sealer: Sealer, identity: MaterialIdentity, material: WrappedMaterial): Buffer {
  return sealer.open(wrappingIdentity(identity), Buffer.from(material.wrapped, 'base64'));
}

const ID_LABEL = 'keyhold key material id v1';

/**
 * A one-way name of the material: the id of random material tells nothing about it.
 *
 * INVARIANT: it is nothing that the key itself computes for its users. Ids are the names of rows, which whoever reads the
 * database sees; an HMAC key's own HMAC over the label would be a MAC that passes for one of its users'. So there the two
 * change places.
 */
function materialIdOf(spec: KeySpec, secret: Buffer): string {
  const [key, message] = keySpecs[spec].family === 'hmac' ? [ID_LABEL, secret] : [secret, ID_LABEL];
  return createHmac('sha256', key).update(message).digest('hex');
}

function wrappingIdentity(identity: MaterialIdentity): Buffer {
  return lengthPrefixed('key material', identity.accountId, identity.region, identity.keyId, identity.materialId);
}
