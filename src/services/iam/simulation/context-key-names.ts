import { contextKeysOf } from '../../../authorization/index.ts';
import { writtenKeys } from './shown-results.ts';
import type { SourcedPolicy } from './sources.ts';

/** The condition keys of all these policies, each once and as it is first written. */
export function contextKeyNames(sources: readonly SourcedPolicy[]): string[] {
  return [...writtenKeys(sources.flatMap(({ text, policy }) => contextKeysOf(text, policy.kind))).values()];
}
