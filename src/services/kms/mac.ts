import { keySpecs, type MacAlgorithm } from '../../crypto/key-specs.ts';
import type { Target } from '../operation.ts';
import { incompatibleAlgorithm } from './errors.ts';
import type { LoadedKey } from './key-source.ts';
import type { KmsPorts } from './ports.ts';
import { cryptographicKeyTarget, type KeyResource } from './targets.ts';

/** What GenerateMac and VerifyMac share. */

interface MacInput {
  readonly KeyId: string;
  readonly MacAlgorithm: MacAlgorithm;
}

export function macTarget<Input extends MacInput>(
  operation: 'GenerateMac' | 'VerifyMac',
): Target<Input, KeyResource, KmsPorts> {
  return cryptographicKeyTarget({
    operation,
    usage: 'GENERATE_VERIFY_MAC',
    conditions: { 'kms:MacAlgorithm': ({ input }) => [input.MacAlgorithm] },
  });
}

export function requireMacAlgorithm({ record: { keySpec } }: LoadedKey, algorithm: MacAlgorithm): void {
  if (keySpecs[keySpec].macAlgorithms?.includes(algorithm) !== true) throw incompatibleAlgorithm(algorithm, keySpec);
}
