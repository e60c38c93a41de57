/** What all backends must agree on about keys, so that a record is found, ordered and listed alike in each of them. */

/**
 * Whether a record can have this key. A lone surrogate has no UTF-8 form (it would be written as U+FFFD, and two keys
 * would become one), and NUL ends a string in too many C libraries to be trusted.
 */
export function isRecordKey(key: string): boolean {
  return key.length > 0 && key.isWellFormed() && !key.includes('\0');
}

/** Orders keys by the bytes of their UTF-8. JavaScript's `<` compares UTF-16 and puts U+1F511 before U+FF5E. */
export function compareKeys(left: string, right: string): number {
  return Buffer.compare(Buffer.from(left, 'utf8'), Buffer.from(right, 'utf8'));
}
