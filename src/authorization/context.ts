/**
 * The facts of a request that conditions and variables ask for. Values are computed when asked: most policies ask for
 * none.
 */
export interface ConditionContext {
  /**
   * The values of a condition key, undefined (or none) when the request does not have it.
   *
   * @param key in lower case, except what follows `kms:encryptioncontext:`, which is as the policy's author wrote it
   */
  get(key: string): readonly string[] | undefined;
}

const ENCRYPTION_CONTEXT_PREFIX = 'kms:encryptioncontext:';

/**
 * The form in which a key is looked up. Condition keys are case-insensitive, but a key of an encryption context is part
 * of what a ciphertext is bound to, and `Purpose` and `purpose` are two of them.
 */
export function contextKey(written: string): string {
  const key = written.toLowerCase();
  if (!key.startsWith(ENCRYPTION_CONTEXT_PREFIX)) return key;
  return ENCRYPTION_CONTEXT_PREFIX + written.slice(ENCRYPTION_CONTEXT_PREFIX.length);
}
