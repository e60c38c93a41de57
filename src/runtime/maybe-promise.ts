/** Either there at once, as on the hot path nearly everything is, or still to come. Awaiting either costs next to nothing. */
export type MaybePromise<T> = T | Promise<T>;

/**
 * Goes on with a value as soon as it is there. An async function would make a promise even of what is there at once, and so
 * would all that call it, which for Encrypt together cost as much as its decision.
 */
export function whenThere<T, U>(value: MaybePromise<T>, next: (value: T) => MaybePromise<U>): MaybePromise<U> {
  return value instanceof Promise ? value.then(next) : next(value);
}
