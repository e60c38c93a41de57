import { createHmac, createSecretKey, type KeyObject } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { CredentialScope, ParsedSignature } from './signed-request.ts';

/**
 * A secret access key that can derive signing keys and nothing else: it has no property that JSON, `structuredClone` or
 * a log line could show.
 *
 * Whoever looks credentials up makes one for each version of a credential and keeps it: {@link SigningKeyCache} takes
 * another object for another secret.
 */
export class SigningSecret {
  readonly #key: KeyObject;

  /** @param secretAccessKey copied; a buffer stays the caller's to wipe */
  constructor(secretAccessKey: string | Uint8Array) {
    const prefixed = Buffer.concat([Buffer.from('AWS4'), Buffer.from(secretAccessKey)]);
    this.#key = createSecretKey(prefixed);
    prefixed.fill(0);
  }

  /** https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html, step 3 */
  deriveSigningKey(scope: CredentialScope): KeyObject {
    let key = this.#key;
    for (const part of [scope.date, scope.region, scope.service, scope.terminator]) {
      const digest = createHmac('sha256', key).update(part, 'latin1').digest();
      key = createSecretKey(digest);
      digest.fill(0);
    }
    return key;
  }
}

interface CachedSigningKey {
  readonly secret: SigningSecret;
  readonly key: KeyObject;
}

/**
 * Signing keys of credentials that have proven themselves, so that the four HMACs of the derivation are paid once a day
 * for each credential, Region and service.
 *
 * INVARIANT: a key is handed out only for the secret object it was derived from. A credential whose secret changed, or
 * that was deleted and made anew, is never verified with the old one.
 */
export class SigningKeyCache {
  readonly #keys: LRUCache<string, CachedSigningKey>;

  constructor(options: { maxEntries?: number } = {}) {
    this.#keys = new LRUCache({ max: options.maxEntries ?? 10_000 });
  }

  find(parsed: ParsedSignature, secret: SigningSecret): KeyObject | undefined {
    const cached = this.#keys.get(parsed.credential);
    return cached !== undefined && cached.secret === secret ? cached.key : undefined;
  }

  /** Called only once a signature has matched: else anybody who knows an access key id could push other keys out. */
  remember(parsed: ParsedSignature, secret: SigningSecret, key: KeyObject): void {
    this.#keys.set(parsed.credential, { secret, key });
  }

  /** Drops the signing keys of an access key that was deleted, disabled or changed. Walks the whole cache. */
  forget(accessKeyId: string): void {
    for (const credential of [...this.#keys.keys()]) {
      if (credential.startsWith(`${accessKeyId}/`)) this.#keys.delete(credential);
    }
  }

  clear(): void {
    this.#keys.clear();
  }

  get size(): number {
    return this.#keys.size;
  }
}
