import type { AdvancedEventSelector, EventSelector } from '@aws-sdk/client-cloudtrail';
import type { DataResource } from '../../audit/record.ts';
import type { Input } from '../../wire/shapes.ts';
import { refuse } from './errors.ts';
import type { AdvancedSelector, ManagementEventSelector } from './records.ts';
import { allManagementEvents, type FieldOperator, type FieldSelector, fieldOperators, fieldsOf } from './selectors.ts';

/**
 * Reads event selectors. Taken is what delivery follows: of management events all that AWS lets trails select by, and of data
 * events those of CloudWatch's metrics, for this server records no others. Only advanced event selectors can name these.
 */

const MOST_SELECTORS = 5;
const MOST_VALUES = 500;
/** "In this release, … it can filter out AWS KMS or Amazon RDS Data API events" ("EventSelector", API reference). */
const METRICS: DataResource['type'] = 'AWS::CloudWatch::Metric';
const EXCLUDABLE_SOURCES: readonly string[] = ['kms.amazonaws.com', 'rdsdata.amazonaws.com'];

/** Throws InvalidEventSelectorsException. */
export function readEventSelectors(requested: readonly Input<EventSelector>[]): ManagementEventSelector[] {
  if (requested.length < 1 || requested.length > MOST_SELECTORS) {
    refuse('InvalidEventSelectorsException', `Give 1 to ${MOST_SELECTORS} event selectors.`);
  }
  return requested.map(readEventSelector);
}

function readEventSelector(requested: Input<EventSelector>): ManagementEventSelector {
  const { DataResources = [], ...rest } = requested;
  // The console and Terraform send types without values where they want no data events.
  if (DataResources.some(({ Values = [] }) => Values.length > 0)) noSuchEvents();
  // What has been read has no members that are undefined.
  const selector = { ...allManagementEvents, ...(rest as ManagementEventSelector), DataResources };
  if (!selector.IncludeManagementEvents && DataResources.length === 0) {
    refuse('InvalidEventSelectorsException', 'An event selector includes management events or names data resources.');
  }
  const unknown = selector.ExcludeManagementEventSources.find((each) => !EXCLUDABLE_SOURCES.includes(each));
  if (unknown !== undefined) {
    refuse('InvalidEventSelectorsException', `Value ${unknown} for ExcludeManagementEventSources is invalid.`);
  }
  return selector;
}

/** Throws InvalidEventSelectorsException. */
export function readAdvancedSelectors(requested: readonly Input<AdvancedEventSelector>[]): AdvancedSelector[] {
  if (requested.length === 0) refuse('InvalidEventSelectorsException', 'Give at least one advanced event selector.');
  for (const { FieldSelectors } of requested) {
    const category = FieldSelectors.find(({ Field }) => Field === 'eventCategory');
    const [value, ...more] = category?.Equals ?? [];
    if (value === undefined || more.length > 0) {
      refuse('InvalidEventSelectorsException', 'An advanced event selector names one eventCategory by Equals.');
    }
    if (value !== 'Management' && value !== 'Data') noSuchEvents();
    for (const each of FieldSelectors) checkFieldSelector(each, value);
    const types = FieldSelectors.filter(({ Field }) => Field === 'resources.type').flatMap(valuesOf);
    if (value === 'Data' && (types.length !== 1 || types[0] !== METRICS)) noSuchEvents();
  }
  const values = requested.flatMap(({ FieldSelectors }) => FieldSelectors.flatMap(valuesOf)).length;
  if (values > MOST_VALUES) {
    refuse('InvalidEventSelectorsException', `Advanced event selectors have at most ${MOST_VALUES} values.`);
  }
  return [...requested];
}

function checkFieldSelector(selector: FieldSelector, category: keyof typeof fieldsOf): void {
  const { Field } = selector;
  if (!fieldsOf[category].some((each) => each === Field)) {
    refuse(
      'InvalidEventSelectorsException',
      `Value ${Field} for Field is invalid for ${category.toLowerCase()} events.`,
    );
  }
  if (valuesOf(selector).length === 0) {
    refuse('InvalidEventSelectorsException', `The field selector of ${Field} has no operator.`);
  }
  // "This is the only valid operator that you can use with the readOnly, eventCategory, and resources.type fields."
  const onlyEquals = valuesOf(selector).length === (selector.Equals ?? []).length;
  if (Field !== 'eventSource' && Field !== 'eventName' && !onlyEquals) {
    refuse('InvalidEventSelectorsException', `The field ${Field} takes no operator but Equals.`);
  }
  if (Field === 'readOnly' && !selector.Equals?.every((each) => each === 'true' || each === 'false')) {
    refuse('InvalidEventSelectorsException', 'The field readOnly is true or false.');
  }
}

function valuesOf(selector: FieldSelector): readonly string[] {
  return (Object.keys(fieldOperators) as FieldOperator[]).flatMap((each) => selector[each] ?? []);
}

function noSuchEvents(): never {
  return refuse(
    'InvalidEventSelectorsException',
    `This server records management events, and data events of ${METRICS}: no others, network activity events or Insights events.`,
  );
}
