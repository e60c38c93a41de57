/**
 * A root key wraps domain keys and does nothing else. It may live in a file, behind a passphrase, in a hardware token or
 * in another KMS; Keyhold only ever asks it these two things.
 */
export interface RootKey {
  /** Wraps a domain key; `identity` is authenticated with it. */
  wrap(domainKey: Uint8Array, identity: Uint8Array): Promise<Uint8Array>;
  /** Unwraps what {@link wrap} made. Throws WrongRootKey if this is not the root key or the bytes were changed. */
  unwrap(wrapped: Uint8Array, identity: Uint8Array): Promise<Buffer>;
}
