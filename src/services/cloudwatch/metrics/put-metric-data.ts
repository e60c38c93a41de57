import type { MetricDatum as AwsDatum, EntityMetricData, PutMetricDataInput } from '@aws-sdk/client-cloudwatch';
import { reservedNamespaces } from '../../../monitoring/metric-directory.ts';
import { KeyholdError } from '../../../runtime/errors.ts';
import * as metrics from '../../../wire/metric-shapes.ts';
import { inParameterWords, invalidValue, tooMany } from '../../../wire/parameter-words.ts';
import { type Input, list, required, structure } from '../../../wire/shapes.ts';
import { namelessAccountTarget } from '../../account-target.ts';
import { conditionReader } from '../../condition-table.ts';
import type { Target } from '../../operation.ts';
import type { CloudWatchOperation, CloudWatchPorts } from '../ports.ts';
import { checkDatum, checkTime, datum, observedDatum } from './put-data.ts';

type PutInput = Input<PutMetricDataInput>;

const MOST_DATA = 1000;
const MOST_ENTITIES = 2;

const { names, read } = conditionReader<PutInput>({ 'cloudwatch:namespace': ({ Namespace }) => [Namespace] });

const ofAccount = namelessAccountTarget<PutInput, CloudWatchPorts>('cloudwatch:PutMetricData');
const account: Target<PutInput, undefined, CloudWatchPorts> = {
  ...ofAccount,
  condition: (key, { input }) => read(key, input),
  summary: { ...ofAccount.summary, conditionKeys: names },
};

/**
 * Records no change in the store: metrics are not kept there, and may be lost by the second. So it takes no transaction,
 * and its audit record is written after it was done, not before.
 */
export const putMetricData: CloudWatchOperation<PutMetricDataInput, undefined, { account: undefined }> = {
  name: 'PutMetricData',
  input: inParameterWords(
    structure<PutMetricDataInput>({
      Namespace: required(metrics.namespace),
      MetricData: list(datum),
      EntityMetricData: list(structure<EntityMetricData>({ Entity: metrics.entity, MetricData: list(datum) })),
      StrictEntityValidation: metrics.flag,
    }),
  ),
  validate: (input) => {
    refuseNamespace(input.Namespace);
    refuseEntities(input);
    const data = allData(input);
    if (data.length === 0) {
      throw new KeyholdError('MissingRequiredParameterException', 'The parameter MetricData is required.');
    }
    if (data.length > MOST_DATA) throw tooMany('MetricData', MOST_DATA, 'InvalidParameterValueException');
    for (const { each, path } of data) checkDatum(each, path);
  },
  targets: { account },
  effect: 'read',
  // Of what metrics, and never what was observed of them.
  audit: {
    readOnly: false,
    dataOf: 'AWS::CloudWatch::Metric',
    request: ['Namespace', 'MetricData'],
    parts: { MetricData: (data) => data.map(({ MetricName, Dimensions }) => ({ MetricName, Dimensions })) },
  },
  async handle({ input, scope, ports }) {
    const data = allData(input);
    for (const { each, path } of data) checkTime(each, path, scope.nowMs);
    await ports.metrics.put(data.flatMap(({ each }) => observedDatum(each, input.Namespace, scope) ?? []));
    return undefined;
  },
};

/** In AWS's words, which name what is reserved and not what was sent. */
function refuseNamespace(namespace: string): void {
  const reserved = reservedNamespaces.find((prefix) => namespace.startsWith(prefix));
  if (reserved !== undefined) throw invalidValue(reserved, 'Namespace', 'InvalidParameterValueException');
  if (!/^[\x20-\x39\x3b-\x7e][\x20-\x7e]*$/.test(namespace)) {
    throw invalidValue(namespace, 'Namespace', 'InvalidParameterValueException');
  }
}

/**
 * No entity is known here. AWS accepts the data of one that it cannot make out, without the entity, unless asked to be
 * strict ("StrictEntityValidation", API reference): so it is here with all of them.
 */
function refuseEntities({ EntityMetricData = [], StrictEntityValidation }: PutInput): void {
  if (EntityMetricData.length > MOST_ENTITIES) {
    throw tooMany('EntityMetricData', MOST_ENTITIES, 'InvalidParameterValueException');
  }
  if (EntityMetricData.length > 0 && StrictEntityValidation === true) {
    throw new KeyholdError('InvalidParameterValueException', 'Entities are not supported.');
  }
}

/** Each with its path, as AWS names it. */
function allData({ MetricData = [], EntityMetricData = [] }: PutInput): { each: Input<AwsDatum>; path: string }[] {
  const withPaths = (data: readonly Input<AwsDatum>[], path: string) =>
    data.map((each, index) => ({ each, path: `${path}.member.${index + 1}` }));
  return [
    ...withPaths(MetricData, 'MetricData'),
    ...EntityMetricData.flatMap((entity, index) =>
      withPaths(entity.MetricData ?? [], `EntityMetricData.member.${index + 1}.MetricData`),
    ),
  ];
}
