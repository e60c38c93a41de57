import { createHmac } from 'node:crypto';
import { lengthPrefixed } from '../../crypto/canonical.ts';
import type { MaterialIdentity, MaterialOwner, NewMaterial, WrappedMaterial } from '../contract.ts';
import type { Sealer } from '../domain-keys.ts';

/** How key material becomes what is stored of it, and back: the same for material that was made here and that came in. */

/** Names material and wraps it for its row. The plaintext is wiped. */
export function nameAndWrap(sealer: Sealer, key: MaterialOwner, secret: Buffer): NewMaterial {
  const materialId = materialIdOf(secret);
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

/** A one-way name of the material: knowing the id tells nothing about the material's 256 bits. */
function materialIdOf(secret: Buffer): string {
  return createHmac('sha256', secret).update('keyhold key material id v1').digest('hex');
}

function wrappingIdentity(identity: MaterialIdentity): Buffer {
  return lengthPrefixed('key material', identity.accountId, identity.region, identity.keyId, identity.materialId);
}
