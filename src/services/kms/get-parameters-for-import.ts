import type { GetParametersForImportRequest, GetParametersForImportResponse } from '@aws-sdk/client-kms';
import type { KeySpec } from '../../crypto/key-specs.ts';
import {
  canWrap,
  isWrappingAlgorithm,
  type WrappingAlgorithm,
  type WrappingKeySpec,
  wrapsIn,
} from '../../crypto/key-wrapping.ts';
import { keyId, wrappingAlgorithm, wrappingKeySpec } from '../../wire/kms-shapes.ts';
import { type Input, required, structure } from '../../wire/shapes.ts';
import { unsupported } from './errors.ts';
import type { KmsOperation } from './ports.ts';
import { type KeyResource, keyTarget } from './targets.ts';

/** AWS's wrapping keys and tokens are good for 24 hours. */
const VALID_FOR_MS = 24 * 60 * 60 * 1000;

export const getParametersForImport: KmsOperation<
  GetParametersForImportRequest,
  GetParametersForImportResponse,
  { key: KeyResource }
> = {
  name: 'GetParametersForImport',
  input: structure<GetParametersForImportRequest>({
    KeyId: required(keyId),
    WrappingAlgorithm: required(wrappingAlgorithm),
    WrappingKeySpec: required(wrappingKeySpec),
  }),
  targets: {
    key: keyTarget({
      operation: 'GetParametersForImport',
      reference: (input) => input.KeyId,
      accepts: 'key',
      crossAccount: false,
      origin: 'EXTERNAL',
      conditions: {
        'kms:WrappingAlgorithm': ({ input }) => [input.WrappingAlgorithm],
        'kms:WrappingKeySpec': ({ input }) => [input.WrappingKeySpec],
      },
    }),
  },
  effect: 'read',
  audit: { readOnly: true, request: ['KeyId', 'WrappingAlgorithm', 'WrappingKeySpec'] },
  async handle({ input, targets, scope, ports }) {
    const { record, arn } = targets.key.key;
    const { algorithm, spec } = wrappingOf(input, record.keySpec, scope.region);
    const validToMs = scope.nowMs + VALID_FOR_MS;
    const { publicKey, token } = await ports.materialImport.parameters(record, spec, algorithm, validToMs);
    return { KeyId: arn, ImportToken: token, PublicKey: publicKey, ParametersValidTo: new Date(validToMs) };
  },
};

/** AWS's rules on what can wrap what ("Select a wrapping algorithm", developer guide). */
function wrappingOf(
  { WrappingAlgorithm: algorithm, WrappingKeySpec: spec }: Input<GetParametersForImportRequest>,
  keySpec: KeySpec,
  region: string,
): { algorithm: WrappingAlgorithm; spec: WrappingKeySpec } {
  // RSAES_PKCS1_V1_5 went out of service on October 10, 2023.
  if (!isWrappingAlgorithm(algorithm)) throw unsupported(`Wrapping algorithm ${algorithm} is not supported.`);
  if (!wrapsIn(algorithm, region)) {
    throw unsupported(`Wrapping algorithm ${algorithm} is not supported in this region.`);
  }
  if (!canWrap(keySpec, algorithm, spec)) {
    throw unsupported(
      `Wrapping algorithm ${algorithm} with wrapping key spec ${spec} is not supported for key spec ${keySpec}.`,
    );
  }
  return { algorithm, spec };
}
