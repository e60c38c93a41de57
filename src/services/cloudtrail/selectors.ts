import type { AdvancedFieldSelector } from '@aws-sdk/client-cloudtrail';
import type { AuditRecord } from '../../audit/record.ts';
import type { Input } from '../../wire/shapes.ts';
import type { AdvancedSelector, ManagementEventSelector, TrailRecord } from './records.ts';

/**
 * Which events a trail delivers: management events, unless event selectors say which of them, and data events if advanced
 * event selectors say so ("Logging management events" and "Logging data events", AWS CloudTrail user guide). The data events
 * of this server are those of CloudWatch's metrics.
 */

export type FieldSelector = Input<AdvancedFieldSelector>;
export type FieldOperator = Exclude<keyof AdvancedFieldSelector, 'Field'>;

/** What a trail without selectors of its own delivers, in AWS's way to say so. */
export const allManagementEvents: ManagementEventSelector = {
  ReadWriteType: 'All',
  IncludeManagementEvents: true,
  DataResources: [],
  ExcludeManagementEventSources: [],
};

/** "Global service events": of services that are in no Region. */
const GLOBAL_EVENT_SOURCES: ReadonlySet<string> = new Set(['iam.amazonaws.com', 'organizations.amazonaws.com']);

/** Whether a trail delivers a record, while it is logging. Of accounts, Regions, global services and event selectors. */
export function selects(trail: TrailRecord, record: AuditRecord): boolean {
  if (record.recipientAccountId !== trail.accountId) return false;
  if (!trail.isMultiRegion && record.awsRegion !== trail.homeRegion) return false;
  if (!trail.includeGlobalServiceEvents && GLOBAL_EVENT_SOURCES.has(record.eventSource)) return false;
  const { eventSelectors, advancedEventSelectors } = trail;
  if (advancedEventSelectors !== undefined) return advancedEventSelectors.some((each) => meetsAll(each, record));
  return (
    record.eventCategory !== 'Data' && (eventSelectors ?? [allManagementEvents]).some((each) => meets(each, record))
  );
}

function meets(selector: ManagementEventSelector, { readOnly, eventSource }: AuditRecord): boolean {
  const { ReadWriteType, IncludeManagementEvents, ExcludeManagementEventSources } = selector;
  if (!IncludeManagementEvents || ExcludeManagementEventSources.includes(eventSource)) return false;
  return ReadWriteType === 'All' || (ReadWriteType === 'ReadOnly') === readOnly;
}

const selectableFields = {
  eventCategory: ({ eventCategory }: AuditRecord) => eventCategory,
  readOnly: ({ readOnly }: AuditRecord) => String(readOnly),
  eventSource: ({ eventSource }: AuditRecord) => eventSource,
  eventName: ({ eventName }: AuditRecord) => eventName,
  'resources.type': ({ resources }: AuditRecord) => resources?.[0]?.type ?? '',
} satisfies Readonly<Record<string, (record: AuditRecord) => string>>;

type SelectableField = keyof typeof selectableFields;

/**
 * The fields that selectors of trails can name ("AdvancedFieldSelector", API reference), by the category of their events. That
 * data events are of no ARN here leaves `resources.ARN` out.
 */
export const fieldsOf: Readonly<Record<AuditRecord['eventCategory'], readonly SelectableField[]>> = {
  Management: ['eventCategory', 'readOnly', 'eventSource'],
  Data: ['eventCategory', 'resources.type', 'readOnly', 'eventName'],
};

function isSelectable(field: string): field is SelectableField {
  return Object.hasOwn(selectableFields, field);
}

/** Of the values of one operator any will do, or where it says not, none may apply. */
export const fieldOperators: Readonly<Record<FieldOperator, (actual: string, values: readonly string[]) => boolean>> = {
  Equals: (actual, values) => values.includes(actual),
  StartsWith: (actual, values) => values.some((value) => actual.startsWith(value)),
  EndsWith: (actual, values) => values.some((value) => actual.endsWith(value)),
  NotEquals: (actual, values) => !values.includes(actual),
  NotStartsWith: (actual, values) => !values.some((value) => actual.startsWith(value)),
  NotEndsWith: (actual, values) => !values.some((value) => actual.endsWith(value)),
};

function meetsAll({ FieldSelectors }: AdvancedSelector, record: AuditRecord): boolean {
  return FieldSelectors.every((selector) => {
    // PutEventSelectors takes no other fields: what cannot be looked at selects nothing.
    if (!isSelectable(selector.Field)) return false;
    const actual = selectableFields[selector.Field](record);
    return Object.entries(fieldOperators).every(([name, holds]) => {
      const values = selector[name as FieldOperator];
      return values === undefined || holds(actual, values);
    });
  });
}
