import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { invariant } from '../runtime/errors.ts';
import type { ShapeDescription } from './shapes.ts';

/**
 * For tests: compares a declared input with what AWS publishes of it, in the service description of an installed
 * botocore, so that a slip of the pen, or a change of AWS's, shows.
 *
 * The compiler already holds each declaration to the SDK's types, which may be newer than that botocore. AWS's API only
 * ever grows, so what a declaration takes beyond botocore's description (a member, a value of an enumeration, the
 * absence of a member) is the SDK's and no difference; what it fails to take is one. Limits, patterns and sensitivity,
 * of which types know nothing, must be equal.
 */

interface BotocoreShape {
  readonly type: string;
  readonly min?: number;
  readonly max?: number;
  readonly pattern?: string;
  readonly enum?: readonly string[];
  readonly sensitive?: boolean;
  /** Of exceptions that do not go by their shape's name and status 400. */
  readonly error?: { readonly code?: string; readonly httpStatusCode?: number };
  readonly required?: readonly string[];
  readonly members?: Readonly<Record<string, { readonly shape: string }>>;
  readonly member?: { readonly shape: string };
  readonly key?: { readonly shape: string };
  readonly value?: { readonly shape: string };
}

interface BotocoreOperation {
  readonly input?: { readonly shape: string };
  readonly errors?: readonly { readonly shape: string }[];
}

export interface ServiceDescription {
  readonly operations: Readonly<Record<string, BotocoreOperation>>;
  readonly shapes: Readonly<Record<string, BotocoreShape>>;
}

/** The newest description of a service (`kms`) by the botocore that `python3` finds; undefined where there is none. */
export function findServiceDescription(service: string): ServiceDescription | undefined {
  const script = 'import botocore, os; print(os.path.dirname(botocore.__file__))';
  try {
    const directory = execFileSync('python3', ['-c', script], { encoding: 'utf8', stdio: 'pipe' }).trim();
    const versions = `${directory}/data/${service}`;
    const newest = readdirSync(versions).sort().at(-1);
    return JSON.parse(gunzipSync(readFileSync(`${versions}/${newest}/service-2.json.gz`)).toString());
  } catch {
    return undefined;
  }
}

/** A declared input as plain data. */
export function constraintsOf(declared: { readonly description: ShapeDescription }): ShapeDescription {
  return declared.description;
}

/** @returns what differs, one sentence each; empty where the declaration says what botocore says */
export function compareWithBotocore(
  service: ServiceDescription,
  operationName: string,
  declared: { readonly description: ShapeDescription },
): string[] {
  const operation = service.operations[operationName];
  invariant(operation !== undefined, `botocore knows ${operationName}`);
  const ours = constraintsOf(declared);
  // An operation that takes nothing has no shape for it.
  if (operation.input !== undefined) return compareShapes(service, operationName, ours, operation.input.shape);
  return Object.keys(ours.members ?? {}).map((member) => `${operationName}.${member} is not AWS's`);
}

function compareShapes(service: ServiceDescription, path: string, ours: ShapeDescription, name: string): string[] {
  const theirs = service.shapes[name];
  invariant(theirs !== undefined, `botocore defines ${name}`);
  const differences: string[] = [];
  const compare = (property: string, declared: unknown, published: unknown) => {
    if (JSON.stringify(declared) === JSON.stringify(published)) return;
    differences.push(`${path}: ${property} is ${JSON.stringify(declared)}, but AWS's is ${JSON.stringify(published)}`);
  };

  compare('type', ours.type, theirs.type);
  // A least length of nothing constrains nothing; botocore writes it for some shapes and omits it for others.
  compare('min', ours.min || undefined, theirs.min || undefined);
  compare('max', ours.max, theirs.max);
  compare('pattern', ours.patternUnpublished ? undefined : ours.pattern, theirs.pattern);
  compare('sensitive', ours.sensitive ?? false, theirs.sensitive ?? false);
  for (const value of theirs.enum ?? []) {
    if (!ours.enum?.includes(value)) differences.push(`${path}: enum lacks ${value}`);
  }
  for (const member of ours.required ?? []) {
    if (!theirs.required?.includes(member)) differences.push(`${path}.${member} is required, but not by AWS`);
  }

  const parts: [string, ShapeDescription | undefined, { readonly shape: string } | undefined][] = [
    ['member', ours.member, theirs.member],
    ['key', ours.key, theirs.key],
    ['value', ours.value, theirs.value],
    ...Object.entries(theirs.members ?? {}).map(([part, published]): (typeof parts)[number] => [
      part,
      ours.members?.[part],
      published,
    ]),
  ];
  for (const [part, declared, published] of parts) {
    if (published === undefined) continue;
    if (declared === undefined) differences.push(`${path}.${part} is not declared`);
    else differences.push(...compareShapes(service, `${path}.${part}`, declared, published.shape));
  }
  return differences;
}
