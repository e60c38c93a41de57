import { readFileSync } from 'node:fs';
import { KeyholdError } from '../runtime/errors.ts';
import { awsRequestQuotas } from '../services/kms/request-quotas.ts';
import { isRegionName } from '../wire/sigv4/verify-signature.ts';

/** How many requests may begin in each window of time. */
export interface Rate {
  readonly requests: number;
  readonly windowMs: number;
}

export interface RequestQuota {
  /** For Regions that are not named; absent where those are not limited. */
  readonly default?: Rate;
  readonly byRegion: ReadonlyMap<string, Rate>;
}

/** By name; what is not in it is not limited. */
export type RequestQuotas = ReadonlyMap<string, RequestQuota>;

/** The most that a window's counter holds, with room to spare. */
const MOST_REQUESTS = 1_000_000;
const LONGEST_WINDOW_SECONDS = 3600;

/**
 * The request quotas that `--request-quotas` asks for: AWS's own, or those of a file with JSON such as
 * `{"CreateKey": 5, "Cryptographic operations (symmetric)": {"default": 500, "eu-west-1": 2000}}`.
 *
 * @param source `aws`, or the file's path
 * @throws KeyholdError StartupRefused with one line that says what is wrong
 */
export function readRequestQuotas(source: string): RequestQuotas {
  return source === 'aws' ? quotasOf(awsRequestQuotas, source) : quotasOf(readJson(source), source);
}

function readJson(path: string): unknown {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    throw new KeyholdError('StartupRefused', `cannot read the request quotas: ${(cause as Error).message}`, { cause });
  }
  try {
    return JSON.parse(text);
  } catch {
    // The parser's own message quotes the text, which may be many lines.
    throw unusable(path, 'it is not JSON');
  }
}

function quotasOf(table: unknown, source: string): RequestQuotas {
  return new Map(
    entriesOf(table, source, 'a JSON object is wanted').map(([name, rates]) => {
      if (!Object.hasOwn(awsRequestQuotas, name)) throw unusable(source, `there is no quota ${JSON.stringify(name)}`);
      return [name, typeof rates === 'number' ? everywhere(rates, name, source) : byRegion(rates, name, source)];
    }),
  );
}

function everywhere(perSecond: number, name: string, source: string): RequestQuota {
  return { default: rateOf(perSecond, name, source), byRegion: new Map() };
}

function byRegion(rates: unknown, name: string, source: string): RequestQuota {
  const regions = new Map<string, Rate>();
  for (const [region, perSecond] of entriesOf(rates, source, `${JSON.stringify(name)} wants ${A_RATE}`)) {
    if (!isRegionName(region)) throw unusable(source, `${JSON.stringify(region)} is not a Region`);
    regions.set(region, rateOf(perSecond, name, source));
  }
  // `default` is no Region's name, though it looks like one.
  const rate = regions.get('default');
  regions.delete('default');
  return { ...(rate === undefined ? {} : { default: rate }), byRegion: regions };
}

const A_RATE = `a rate, or rates by Region: a whole number of requests per second from 1 to ${MOST_REQUESTS}, or a fraction such as 0.5`;

/** A rate below one is one request in as many seconds as it takes. */
function rateOf(perSecond: unknown, name: string, source: string): Rate {
  if (typeof perSecond === 'number') {
    // Rounded up, so that no more is let through than was asked for; but 1 / 0.1 is not to become 11.
    const seconds = Math.ceil(1 / perSecond - 1e-9);
    const isFraction = perSecond > 0 && perSecond < 1 && seconds <= LONGEST_WINDOW_SECONDS;
    if (isFraction) return { requests: 1, windowMs: seconds * 1000 };
    if (Number.isInteger(perSecond) && perSecond >= 1 && perSecond <= MOST_REQUESTS) {
      return { requests: perSecond, windowMs: 1000 };
    }
  }
  throw unusable(source, `${JSON.stringify(name)} wants ${A_RATE}`);
}

function entriesOf(value: unknown, source: string, wanted: string): [string, unknown][] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw unusable(source, wanted);
  return Object.entries(value);
}

function unusable(source: string, why: string): KeyholdError {
  return new KeyholdError('StartupRefused', `the request quotas of ${source} cannot be used: ${why}`);
}
