import type {
  Event,
  EventCategory,
  LookupAttribute,
  LookupAttributeKey,
  LookupEventsRequest,
  LookupEventsResponse,
} from '@aws-sdk/client-cloudtrail';
import { eventAttributes, resourcesOf, userNameOf } from '../../audit/event-attributes.ts';
import type { AuditRecord } from '../../audit/record.ts';
import { KeyholdError } from '../../runtime/errors.ts';
import { integer, list, required, type Shape, string, structure, timestamp } from '../../wire/shapes.ts';
import { namelessAccountTarget } from '../account-target.ts';
import type { CloudTrailOperation } from './ports.ts';

/** "You can look up events that occurred in a Region within the last 90 days": API reference of LookupEvents. */
const HISTORY_MS = 90 * 24 * 60 * 60 * 1000;
const MOST_RESULTS = 50;
const MOST_VALUE_CHARACTERS = 2000;
/** "Lookup supports the following attributes for Insights events". */
const INSIGHT_ATTRIBUTES: readonly string[] = ['EventId', 'EventName', 'EventSource'];

/**
 * Members whose published constraints are not the framework's to refuse: for each of them, LookupEvents has an exception of
 * its own. AWS publishes their names, and nothing of their messages.
 */
const attributeKey: Shape<LookupAttributeKey> = {
  ...(string() as Shape<LookupAttributeKey>),
  description: { type: 'string', enum: eventAttributes },
};
const attributeValue: Shape<string> = {
  ...string(),
  description: { type: 'string', min: 1, max: MOST_VALUE_CHARACTERS },
};
const eventCategory: Shape<EventCategory> = {
  ...(string() as Shape<EventCategory>),
  description: { type: 'string', enum: ['insight'] },
};
const maxResults: Shape<number> = { ...integer(), description: { type: 'integer', min: 1, max: MOST_RESULTS } };

export const lookupEvents: CloudTrailOperation<LookupEventsRequest, LookupEventsResponse, { account: undefined }> = {
  name: 'LookupEvents',
  input: structure<LookupEventsRequest>({
    LookupAttributes: list(
      structure<LookupAttribute>({ AttributeKey: required(attributeKey), AttributeValue: required(attributeValue) }),
    ),
    StartTime: timestamp(),
    EndTime: timestamp(),
    EventCategory: eventCategory,
    MaxResults: maxResults,
    NextToken: string(),
  }),
  validate({ LookupAttributes = [], StartTime, EndTime, EventCategory, MaxResults = MOST_RESULTS }) {
    if (EventCategory !== undefined && EventCategory !== 'insight') {
      throw new KeyholdError('InvalidEventCategoryException', 'The only event category that can be given is insight.');
    }
    if (LookupAttributes.length > 1) throw invalidAttributes('Only one lookup attribute can be given.');
    for (const { AttributeKey, AttributeValue } of LookupAttributes) {
      const known: readonly string[] = EventCategory === 'insight' ? INSIGHT_ATTRIBUTES : eventAttributes;
      if (!known.includes(AttributeKey))
        throw invalidAttributes(`The attribute key must be one of ${known.join(', ')}.`);
      const length = countedCharacters(AttributeValue);
      if (length < 1 || length > MOST_VALUE_CHARACTERS) {
        throw invalidAttributes(`An attribute value has 1 to ${MOST_VALUE_CHARACTERS} characters.`);
      }
    }
    if (StartTime !== undefined && EndTime !== undefined && StartTime.getTime() > EndTime.getTime()) {
      throw new KeyholdError('InvalidTimeRangeException', 'The start time is after the end time.');
    }
    if (MaxResults < 1 || MaxResults > MOST_RESULTS) {
      throw new KeyholdError('InvalidMaxResultsException', `MaxResults must be between 1 and ${MOST_RESULTS}.`);
    }
  },
  targets: { account: namelessAccountTarget('cloudtrail:LookupEvents') },
  effect: 'read',
  audit: { readOnly: true, request: ['LookupAttributes', 'StartTime', 'EndTime', 'EventCategory', 'MaxResults'] },
  async handle({ input, scope, ports }) {
    const { LookupAttributes = [], StartTime, EndTime, EventCategory, MaxResults, NextToken } = input;
    const { accountId } = scope.caller.principal;
    const { region, nowMs } = scope;
    const [attribute] = LookupAttributes;
    const times = [StartTime?.getTime(), EndTime?.getTime()];
    const pair = attribute && [attribute.AttributeKey, attribute.AttributeValue];
    const request = JSON.stringify([accountId, region, pair, times, EventCategory]);
    const before = NextToken === undefined ? undefined : ports.lookupTokens.read(NextToken, request);
    // Insights are events that AWS makes of unusual numbers of calls. Nothing here makes any.
    if (EventCategory === 'insight') return { Events: [] };
    const page = await ports.eventHistory.lookup({
      accountId,
      region,
      ...(attribute === undefined
        ? {}
        : { attribute: { key: attribute.AttributeKey, value: attribute.AttributeValue } }),
      fromMs: Math.max(StartTime?.getTime() ?? 0, nowMs - HISTORY_MS),
      toMs: EndTime?.getTime() ?? Number.MAX_SAFE_INTEGER,
      limit: MaxResults ?? MOST_RESULTS,
      ...(before === undefined ? {} : { before }),
    });
    return {
      Events: page.records.map(shownEvent),
      ...(page.before === undefined ? {} : { NextToken: ports.lookupTokens.issue(page.before, request) }),
    };
  },
};

/** "The following characters count as two characters towards the 2000 character limit": `_`, blank, `,` and line feed. */
function countedCharacters(value: string): number {
  return [...value].reduce((length, character) => length + ('_ ,\n'.includes(character) ? 2 : 1), 0);
}

function shownEvent(recordJson: string): Event {
  const record: AuditRecord = JSON.parse(recordJson);
  const { eventID, eventName, readOnly, userIdentity, eventTime, eventSource } = record;
  const userName = userNameOf(userIdentity);
  return {
    EventId: eventID,
    EventName: eventName,
    ReadOnly: String(readOnly),
    ...(userIdentity.accessKeyId === undefined ? {} : { AccessKeyId: userIdentity.accessKeyId }),
    EventTime: new Date(eventTime),
    EventSource: eventSource,
    ...(userName === undefined ? {} : { Username: userName }),
    Resources: resourcesOf(record).map(({ type, name }) => ({ ResourceType: type, ResourceName: name })),
    CloudTrailEvent: recordJson,
  };
}

function invalidAttributes(message: string): KeyholdError {
  return new KeyholdError('InvalidLookupAttributesException', message);
}
