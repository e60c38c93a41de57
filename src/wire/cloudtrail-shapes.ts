import type {
  AdvancedEventSelector,
  AdvancedFieldSelector,
  DataResource,
  EventSelector,
  Tag,
} from '@aws-sdk/client-cloudtrail';
import { boolean, enumeration, list, type Pattern, required, string, structure, timestamp } from './shapes.ts';

/**
 * The members that CloudTrail's operations share, with the constraints of its published service description. It publishes
 * few: what a name, an ARN or a bucket may be has exceptions of its own, beside the operations (`services/cloudtrail/`).
 */

/** Most of CloudTrail's strings. */
export const text = string();
export const flag = boolean();
export const moment = timestamp();

export const tags = list(
  structure<Tag>({ Key: required(string({ min: 1, max: 128 })), Value: string({ min: 1, max: 256 }) }),
  { max: 200 },
);

export const eventSelectors = list(
  structure<EventSelector>({
    ReadWriteType: enumeration(['ReadOnly', 'WriteOnly', 'All']),
    IncludeManagementEvents: flag,
    DataResources: list(structure<DataResource>({ Type: text, Values: list(text) })),
    ExcludeManagementEventSources: list(text),
  }),
);

const anything: Pattern = { printed: '.*', matches: /^.*$/ };
const something: Pattern = { printed: '.+', matches: /^.+$/ };
const fieldCharacters: Pattern = { printed: '[\\w|\\d|\\.|_]+', matches: /^[\w.|]+$/ };
const operator = list(string({ min: 1, max: 2048, pattern: something }), { min: 1 });

export const advancedEventSelectors = list(
  structure<AdvancedEventSelector>({
    Name: string({ min: 0, max: 1000, pattern: anything }),
    FieldSelectors: required(
      list(
        structure<AdvancedFieldSelector>({
          Field: required(string({ min: 1, max: 1000, pattern: fieldCharacters })),
          Equals: operator,
          StartsWith: operator,
          EndsWith: operator,
          NotEquals: operator,
          NotStartsWith: operator,
          NotEndsWith: operator,
        }),
        { min: 1 },
      ),
    ),
  }),
);
