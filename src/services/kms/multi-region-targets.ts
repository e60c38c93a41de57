import { keyArn } from '../../keys/key.ts';
import { isPrimary } from '../../keys/multi-region.ts';
import { invariant } from '../../runtime/errors.ts';
import type { Target } from '../operation.ts';
import { keyNotFound, notPrimary } from './errors.ts';
import { livingKey, parseKeyReference, type ResolvedKey } from './key-reference.ts';
import type { KmsPorts } from './ports.ts';
import { type KeyResource, type KeyTargetDeclaration, keyTarget } from './targets.ts';

/** A multi-Region primary key that the request names. */
export function primaryKeyTarget<Input>(
  declaration: KeyTargetDeclaration<Input>,
): Target<Input, KeyResource, KmsPorts> {
  const target = keyTarget(declaration);
  return {
    ...target,
    check: (resolved, input, scope) => {
      target.check?.(resolved, input, scope);
      if (!isPrimary(resolved.key.record)) throw notPrimary(resolved.key.arn);
    },
  };
}

/**
 * The key in another Region that is related to the one that the request names. Permission is needed in that Region, by
 * that key's own policy. Where there is none, nobody learns so without being allowed to use it: identity policies decide.
 */
export function relatedKeyTarget<Input>(
  declaration: KeyTargetDeclaration<Input>,
  regionOf: (input: Input) => string,
): Target<Input, KeyResource, KmsPorts> {
  const target = keyTarget(declaration);
  return {
    ...target,
    resolve: async (input, ports, scope) => {
      const reference = parseKeyReference(declaration.reference(input) ?? '', scope);
      invariant(reference.kind === 'key', 'the target before this one does not take aliases');
      const identity = { ...reference.owner, region: regionOf(input), keyId: reference.keyId };
      const key = await livingKey(ports.keys, identity, scope.nowMs);
      const resolved: ResolvedKey = { key, identity, namedArn: keyArn(identity) };
      // What is not there is refused by `check` below, before a handler could meet it.
      return resolved as KeyResource;
    },
    facts: (resolved, scope) => {
      const { accountId } = resolved.identity;
      const absent = (resolved as ResolvedKey).key === undefined && accountId === scope.caller.principal.accountId;
      if (absent) return { arn: resolved.namedArn, accountId };
      // CloudTrail names the key that the request names; what becomes of this one is an event of its own Region.
      const { audit: _, ...facts } = target.facts(resolved, scope);
      return facts;
    },
    condition: (key, request) =>
      key === 'aws:requestedregion' ? [regionOf(request.input)] : target.condition(key, request),
    check: (resolved, input, scope) => {
      if ((resolved as ResolvedKey).key === undefined) throw keyNotFound(resolved.namedArn);
      target.check?.(resolved, input, scope);
    },
  };
}
