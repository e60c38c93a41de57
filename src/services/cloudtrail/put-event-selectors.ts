import type { PutEventSelectorsRequest, PutEventSelectorsResponse } from '@aws-sdk/client-cloudtrail';
import { advancedEventSelectors, eventSelectors, text } from '../../wire/cloudtrail-shapes.ts';
import { type Input, required, structure } from '../../wire/shapes.ts';
import { refuse } from './errors.ts';
import { readAdvancedSelectors, readEventSelectors } from './event-selectors.ts';
import type { CloudTrailOperation } from './ports.ts';
import { trailsTable } from './records.ts';
import { shownSelectors } from './shown-selectors.ts';
import { checkTrailReference } from './trail-name.ts';
import { type Trail, trailTarget } from './trail-target.ts';

/** "You can use either AdvancedEventSelectors or EventSelectors, but not both": what is put replaces what there was. */
export const putEventSelectors: CloudTrailOperation<
  PutEventSelectorsRequest,
  PutEventSelectorsResponse,
  { trail: Trail }
> = {
  name: 'PutEventSelectors',
  input: structure<PutEventSelectorsRequest>({
    TrailName: required(text),
    EventSelectors: eventSelectors,
    AdvancedEventSelectors: advancedEventSelectors,
  }),
  validate: (input) => {
    checkTrailReference(input.TrailName);
    readSelectors(input);
  },
  targets: {
    trail: trailTarget({
      permission: 'cloudtrail:PutEventSelectors',
      trail: ({ TrailName }) => TrailName,
      from: 'home',
    }),
  },
  effect: 'change',
  audit: {
    readOnly: false,
    request: ['TrailName', 'EventSelectors', 'AdvancedEventSelectors'],
    response: (output) => output,
  },
  async handle({ input, targets: { trail }, transaction }) {
    const { eventSelectors: _, advancedEventSelectors: __, ...rest } = trail.record;
    const changed = { ...rest, ...readSelectors(input) };
    await transaction.replace(trailsTable, trail.key, changed, trail.version);
    return shownSelectors(changed);
  },
};

function readSelectors({ EventSelectors, AdvancedEventSelectors }: Input<PutEventSelectorsRequest>) {
  if (EventSelectors !== undefined && AdvancedEventSelectors !== undefined) {
    refuse('InvalidEventSelectorsException', 'Give either EventSelectors or AdvancedEventSelectors, and not both.');
  }
  return AdvancedEventSelectors === undefined
    ? { eventSelectors: readEventSelectors(EventSelectors ?? []) }
    : { advancedEventSelectors: readAdvancedSelectors(AdvancedEventSelectors) };
}
