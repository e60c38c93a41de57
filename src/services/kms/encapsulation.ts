import type { EncapsulationAlgorithm } from '../../crypto/key-specs.ts';
import type { Target } from '../operation.ts';
import type { KmsPorts } from './ports.ts';
import { cryptographicKeyTarget, type KeyResource } from './targets.ts';

interface EncapsulationInput {
  readonly KeyId: string;
  readonly EncapsulationAlgorithm: EncapsulationAlgorithm;
}

/** The key of Encapsulate and Decapsulate. There is one algorithm, and every key of the usage has it. */
export function encapsulationTarget<Input extends EncapsulationInput>(
  operation: 'Encapsulate' | 'Decapsulate',
): Target<Input, KeyResource, KmsPorts> {
  return cryptographicKeyTarget({
    operation,
    usage: 'ENCAPSULATE_DECAPSULATE',
    conditions: { 'kms:EncapsulationAlgorithm': ({ input }) => [input.EncapsulationAlgorithm] },
  });
}
