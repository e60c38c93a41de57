import { KeyholdError } from '../runtime/errors.ts';
import { type ShapeDescription, serializationException } from './shape.ts';
import type { Input, Structure } from './shapes.ts';

/**
 * CloudWatch's operations on metrics are older than the words that AWS has for constraints elsewhere, and have their own:
 * `The parameter MetricData.member.1.MetricName is required.` They name every violation of one kind, one to a line (recorded in
 * aws-robotics/cloudwatchmetrics-ros1#46 and in moto's test_cloudwatch); what is missing is said first.
 */

export interface ParameterCodes {
  readonly missing: 'MissingRequiredParameterException' | 'ValidationException';
  readonly invalid: 'InvalidParameterValueException' | 'ValidationException';
}

/** Of what is the oldest. */
const parameterCodes: ParameterCodes = {
  missing: 'MissingRequiredParameterException',
  invalid: 'InvalidParameterValueException',
};

/** INVARIANT: an answer stays small whatever is sent. */
const MOST_LINES = 100;
const MOST_QUOTED_CHARACTERS = 255;

interface Faults {
  readonly missing: string[];
  readonly invalid: string[];
}

/** The same structure, whose violations are told in those words. It must have no patterns but those that it can tell. */
export function inParameterWords<T extends object>(
  shape: Structure<T>,
  codes: ParameterCodes = parameterCodes,
): Structure<T> {
  return {
    ...shape,
    parse: (json) => {
      if (typeof json !== 'object' || json === null || Array.isArray(json)) throw serializationException('');
      const value = shape.read(json);
      const faults: Faults = { missing: [], invalid: [] };
      checkMembers(value as Record<string, unknown>, shape.description, '', faults);
      refuse(faults, codes);
      return value as Input<T>;
    },
  };
}

/** As Java's `MessageFormat` writes numbers, which AWS's texts have been seen to have been made with: `∞`, `-0`, `1,234.568`. */
const QUOTED_NUMBER = new Intl.NumberFormat('en-US', { maximumFractionDigits: 3, roundingMode: 'halfEven' });

/** For what no shape can tell. */
export function invalidValue(value: unknown, path: string, code: ParameterCodes['invalid']): KeyholdError {
  const shown =
    typeof value === 'number'
      ? QUOTED_NUMBER.format(value)
      : String(value).slice(0, MOST_QUOTED_CHARACTERS).toWellFormed();
  return new KeyholdError(code, `The value ${shown} for parameter ${path} is invalid.`);
}

export function tooMany(path: string, most: number, code: ParameterCodes['invalid']): KeyholdError {
  return new KeyholdError(code, `The collection ${path} must not have a size greater than ${most}.`);
}

export function exclusive(
  one: string,
  other: string,
  code: ParameterCodes['invalid'] | 'InvalidParameterCombinationException',
) {
  return new KeyholdError(
    code,
    `The parameters ${one} and ${other} are mutually exclusive and you have specified both.`,
  );
}

function refuse({ missing, invalid }: Faults, codes: ParameterCodes): void {
  // AWS ends the last line, too, where something is missing, and only there.
  if (missing.length > 0) throw new KeyholdError(codes.missing, `${missing.slice(0, MOST_LINES).join('\n')}\n`);
  if (invalid.length > 0) throw new KeyholdError(codes.invalid, invalid.slice(0, MOST_LINES).join('\n'));
}

function checkMembers(
  value: Record<string, unknown>,
  { members = {}, required = [] }: ShapeDescription,
  path: string,
  faults: Faults,
) {
  for (const [name, shape] of Object.entries(members)) {
    const at = path === '' ? name : `${path}.${name}`;
    const item = value[name];
    // An empty string counts as none, for what must have a character.
    const absent = item === undefined || (item === '' && (shape.min ?? 0) > 0);
    if (!absent) checkValue(item, shape, at, faults);
    else if (required.includes(name)) faults.missing.push(`The parameter ${at} is required.`);
    else if (item === '') faults.invalid.push(`The parameter ${at} must be longer than 0 characters.`);
  }
}

function checkValue(value: unknown, shape: ShapeDescription, path: string, faults: Faults): void {
  const { type, min = 0, max = Number.POSITIVE_INFINITY } = shape;
  const fault = (what: string) => faults.invalid.push(`The parameter ${path} must be ${what}.`);
  switch (type) {
    case 'string': {
      const text = value as string;
      if (shape.enum !== undefined && !shape.enum.includes(text))
        fault(`a value in the set [ ${shape.enum.join(', ')} ]`);
      const { length } = [...text];
      if (length > max) fault(`shorter than ${max + 1} characters`);
      else if (length < min) fault(`longer than ${min - 1} characters`);
      return;
    }
    case 'integer':
      if ((value as number) < min) fault(`greater than or equal to ${min}`);
      if ((value as number) > max) fault(`less than or equal to ${max}`);
      return;
    case 'list': {
      const items = value as unknown[];
      if (items.length > max) faults.invalid.push(`The collection ${path} must not have a size greater than ${max}.`);
      for (const [index, item] of items.entries()) {
        const at = `${path}.member.${index + 1}`;
        if (item === null) faults.missing.push(`The parameter ${at} is required.`);
        else checkValue(item, shape.member as ShapeDescription, at, faults);
      }
      return;
    }
    case 'structure':
      checkMembers(value as Record<string, unknown>, shape, path, faults);
      return;
    default:
  }
}
