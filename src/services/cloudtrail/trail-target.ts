import { KeyholdError } from '../../runtime/errors.ts';
import { type ConditionTable, conditionReader } from '../condition-table.ts';
import { valuesOfTag } from '../iam/tags.ts';
import type { ConditionRequest, Target } from '../operation.ts';
import { unknownTrail } from './errors.ts';
import type { CloudTrailPorts } from './ports.ts';
import type { TrailRecord } from './records.ts';
import { isArn, type TrailIdentity, trailArn, trailOf } from './trail-name.ts';
import { isSeenIn, keyOf, storedTrail, trailsOf } from './trails.ts';

/** A trail as handlers get it: it exists, and the caller may do this to it. */
export interface Trail {
  readonly record: TrailRecord;
  readonly version: number;
  /** Under which it is kept. */
  readonly key: string;
  readonly arn: string;
}

/** What is found under a name, whether or not anything is. */
interface FoundTrail extends Omit<Trail, 'record' | 'version'> {
  readonly identity: TrailIdentity;
  readonly record?: TrailRecord;
  readonly version?: number;
  /** Where a trail of this name is at home that is seen here, if that is elsewhere. */
  readonly homeOfShadow?: string;
}

export interface TrailTargetDeclaration<Input> {
  /** `cloudtrail:GetTrail` */
  readonly permission: string;
  /** The member that names it, which `validate` has checked; undefined where the request has none such. */
  readonly trail: (input: Input) => string | undefined;
  /** A trail is read in each Region in which it is seen, elsewhere by its ARN. It is changed at home alone. */
  readonly from: 'any Region' | 'home';
  readonly conditions?: ConditionTable<ConditionRequest<Input, unknown>>;
  /** What is said of one that there is not; without this, TrailNotFoundException. */
  readonly missing?: (trail: { readonly arn: string; readonly given: string }, accountId: string) => KeyholdError;
}

/**
 * A trail that the request names. It is authorized before it is known to exist: whoever may not do this to a trail of that
 * name is not told whether there is one.
 */
export function trailTarget<Input>(declaration: TrailTargetDeclaration<Input>): Target<Input, Trail, CloudTrailPorts> {
  const { permission, from, missing = ({ arn }, accountId) => unknownTrail(arn, accountId) } = declaration;
  const reader = conditionReader<ConditionRequest<Input, FoundTrail>>(
    (declaration.conditions ?? {}) as ConditionTable<ConditionRequest<Input, FoundTrail>>,
    { 'aws:ResourceTag/${TagKey}': ({ resolved: { record } }, key) => record && valuesOfTag(record.tags, key) },
  );
  const given = (input: Input) => declaration.trail(input) ?? '';
  const target: Target<Input, FoundTrail, CloudTrailPorts> = {
    permission,
    applies: (input) => declaration.trail(input) !== undefined,
    resolve: async (input, ports, { caller, region }) => {
      const named = given(input);
      const identity = trailOf(named, { accountId: caller.principal.accountId, region });
      const stored = await storedTrail(ports.store, identity);
      const found: FoundTrail = { identity, key: keyOf(identity), arn: trailArn(identity) };
      if (stored !== undefined) return { ...found, record: stored.value, version: stored.version };
      if (from !== 'home' || isArn(named)) return found;
      const seen = (await trailsOf(ports.store, identity.accountId)).find(
        (each) => each.name === identity.name && isSeenIn(region, each),
      );
      return seen === undefined ? found : { ...found, homeOfShadow: seen.homeRegion };
    },
    facts: ({ arn, identity }) => ({ arn, accountId: identity.accountId }),
    condition: reader.read,
    check: ({ identity, record, arn, homeOfShadow }, input, { caller, region }) => {
      if (homeOfShadow !== undefined) throw notAtHome(identity.name, homeOfShadow);
      const isSeen = record !== undefined && (identity.region === region || isSeenIn(region, record));
      if (!isSeen) throw missing({ arn, given: given(input) }, caller.principal.accountId);
      if (from === 'home' && identity.region !== region) throw notAtHome(identity.name, identity.region);
    },
    summary: { namedBy: 'trail', crossAccount: false, states: [], conditionKeys: reader.names },
  };
  // Whoever gets past `check` has found it.
  return target as unknown as Target<Input, Trail, CloudTrailPorts>;
}

export interface NewTrailTargetDeclaration<Input> {
  readonly permission: string;
  readonly name: (input: Input) => string;
  readonly applies?: (input: Input) => boolean;
  readonly conditions: ConditionTable<ConditionRequest<Input, unknown>>;
}

/** A trail that the request is to make, in its Region. */
export function newTrailTarget<Input>({
  permission,
  name,
  applies,
  conditions,
}: NewTrailTargetDeclaration<Input>): Target<Input, TrailIdentity, CloudTrailPorts> {
  const reader = conditionReader(conditions);
  return {
    permission,
    ...(applies === undefined ? {} : { applies }),
    resolve: (input, _, { caller, region }) => ({
      accountId: caller.principal.accountId,
      region,
      name: name(input),
    }),
    facts: (identity) => ({ arn: trailArn(identity), accountId: identity.accountId }),
    condition: reader.read,
    summary: { namedBy: 'trail', crossAccount: false, states: [], conditionKeys: reader.names },
  };
}

function notAtHome(name: string, homeRegion: string): KeyholdError {
  return new KeyholdError(
    'InvalidHomeRegionException',
    `Trail ${name} can only be changed in its home Region, ${homeRegion}.`,
  );
}
