import { awsQuery } from '../../wire/protocol.ts';
import { awsJson10, rpcV2Cbor } from '../../wire/query-compatible.ts';
import type { QueryErrors } from '../../wire/query-errors.ts';
import type { Spoken } from '../perform.ts';

/** By the names and statuses of botocore's description of CloudWatch. */
const errors: QueryErrors = {
  ConcurrentModificationException: { status: 429, name: 'ConcurrentModificationException' },
  ConflictException: { status: 409, name: 'ConflictException' },
  InvalidFormatFault: { status: 400, name: 'InvalidFormat' },
  KMSInternalException: { status: 500, name: 'InternalServiceError', shape: 'InternalServiceFault' },
  LimitExceededException: { status: 400, name: 'LimitExceededException' },
  LimitExceededFault: { status: 400, name: 'LimitExceeded' },
  MissingRequiredParameterException: { status: 400, name: 'MissingParameter' },
  ResourceNotFound: { status: 404, name: 'ResourceNotFound' },
  ResourceNotFoundException: { status: 404, name: 'ResourceNotFoundException' },
};

const doubles: ReadonlySet<string> = new Set([
  'Average',
  'ExtendedStatistics',
  'Maximum',
  'Minimum',
  'SampleCount',
  'Sum',
  'Threshold',
  'Values',
]);

const compatible = { shapes: 'com.amazonaws.cloudwatch', errors, doubles };
const cbor = rpcV2Cbor(compatible);

/** AWS's clients have asked by forms for most of CloudWatch's life, and ask in CBOR now. */
export const cloudWatchQuery = awsQuery({
  namespace: 'http://monitoring.amazonaws.com/doc/2010-08-01/',
  errors,
  moment: (ms) => new Date(ms).toISOString(),
});

const SERVICE = 'GraniteServiceVersion20100801';

export const cloudWatchProtocols: readonly Spoken[] = [
  { protocol: cloudWatchQuery, address: '2010-08-01' },
  { protocol: awsJson10(compatible), address: SERVICE },
  { protocol: cbor, address: SERVICE },
  { protocol: cbor, address: `com.amazonaws.cloudwatch.${SERVICE}` },
];
