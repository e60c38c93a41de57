import { partitionOf } from '../../keys/key.ts';
import { invalidArn, refuse } from './errors.ts';

/** How trails are called: by name within a Region, or by ARN. */

export interface TrailIdentity {
  readonly accountId: string;
  /** Its home. */
  readonly region: string;
  readonly name: string;
}

export function trailArn({ accountId, region, name }: TrailIdentity): string {
  return `arn:${partitionOf(region)}:cloudtrail:${region}:${accountId}:trail/${name}`;
}

const SHORTEST_NAME = 3;
const LONGEST_NAME = 128;
const FOUR_NUMBERS = /^\d+\.\d+\.\d+\.\d+$/;

/** What is wrong with a name, in AWS's words and in its order; undefined if nothing is. */
function faultOfTrailName(name: string): string | undefined {
  if (name === '') return 'Trail name cannot be blank!';
  const { length } = name;
  const actual = `Specified name length: ${length} characters.`;
  if (length < SHORTEST_NAME) return `Trail name too short. Minimum allowed length: 3 characters. ${actual}`;
  if (length > LONGEST_NAME) return `Trail name too long. Maximum allowed length: 128 characters. ${actual}`;
  if (!/^[A-Za-z0-9]/.test(name)) return 'Trail name must starts with a letter or number.';
  if (!/[A-Za-z0-9]$/.test(name)) return 'Trail name must ends with a letter or number.';
  if (!/^[A-Za-z0-9._-]+$/.test(name)) {
    return (
      'Trail name or ARN can only contain uppercase letters, lowercase letters, numbers, periods (.), hyphens (-), ' +
      'and underscores (_).'
    );
  }
  if (/[._-]{2}/.test(name)) {
    return 'Trail name or ARN cannot have adjacent periods (.), hyphens (-), or underscores (_).';
  }
  return FOUR_NUMBERS.test(name) ? 'Trail names must not be formatted as an IP address.' : undefined;
}

/** Throws InvalidTrailNameException. */
export function checkTrailName(name: string): void {
  const fault = faultOfTrailName(name);
  if (fault !== undefined) refuse('InvalidTrailNameException', fault);
}

/** Throws InvalidTrailNameException or CloudTrailARNInvalidException, whichever it was meant to be. */
export function checkTrailReference(nameOrArn: string): void {
  if (isArn(nameOrArn)) parseTrailArn(nameOrArn);
  else checkTrailName(nameOrArn);
}

/**
 * Whom a valid reference means.
 *
 * @param here whose names it is one of, if it is no ARN
 */
export function trailOf(nameOrArn: string, here: Omit<TrailIdentity, 'name'>): TrailIdentity {
  return isArn(nameOrArn) ? parseTrailArn(nameOrArn) : { ...here, name: nameOrArn };
}

export function isArn(nameOrArn: string): boolean {
  return nameOrArn.startsWith('arn:');
}

const ARN = /^arn:([a-z-]+):cloudtrail:([a-z0-9-]+):(\d{12}):trail\/(.+)$/;

/** Reads what {@link trailArn} wrote, and nothing else: each trail has one ARN, lest policies decide about another. */
export function parseTrailArn(arn: string): TrailIdentity {
  const [, , region = '', accountId = '', name = ''] = ARN.exec(arn) ?? [];
  const identity = { region, accountId, name };
  if (faultOfTrailName(name) !== undefined || trailArn(identity) !== arn) {
    throw invalidArn(
      `Invalid trail ARN: ${arn}. Its format is arn:aws:cloudtrail:us-east-2:123456789012:trail/MyTrail.`,
    );
  }
  return identity;
}
