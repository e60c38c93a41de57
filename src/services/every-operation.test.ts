import { describe, expect, test } from 'vitest';
import { invariant, KeyholdError } from '../runtime/errors.ts';
import type { Scope } from './caller.ts';
import { servicesUnderTest, TAG } from './every-operation.test-helper.ts';
import { globalCondition } from './global-conditions.ts';
import type { Target } from './operation.ts';
import { type AnyOperation, perform, type Service, thingsOf } from './perform.ts';
import { sampleInputs } from './sample-input.test-helper.ts';
import { policy, scopeOf, user } from './scope.test-helper.ts';

/**
 * Who may call each operation of each service, from the declarations: one that is added is tested with the others, and
 * fails until it has a sample input. By `perform`, as requests are; whatever succeeds is undone.
 */

/** "No permissions are required to perform this operation", says the API reference of each. */
const withoutPermission = ['GetCallerIdentity', 'GetSessionToken'];
/** "Calling AssumeRoleWithWebIdentity does not require the use of AWS security credentials": its token says who asks. */
const withoutCaller = ['AssumeRoleWithWebIdentity'];

/** Conditions that every request meets or fails by itself; each target's own are tried besides. */
const globalKeys = ['aws:RequestedRegion', 'aws:username', 'aws:PrincipalArn', 'aws:SecureTransport', 'aws:SourceIp'];

interface Permission {
  readonly action: string;
  readonly resource: string;
  /** Values of the request by the condition keys that it has. */
  readonly conditions: ReadonlyMap<string, readonly string[]>;
}

/** A grant to a service excludes one to a caller; the others have tests of their own. */
const neverTried = [
  'kms:GranteeServicePrincipal',
  'kms:RecipientAttestation:ImageSha384',
  // biome-ignore lint/suspicious/noTemplateCurlyInString: AWS's own way to write it
  'kms:RecipientAttestation:PCR${PCR_ID}',
  'kms:RetiringServicePrincipal',
  'kms:ViaService',
];

const DENIED = 'AccessDeniedException';

const tried = new Set<string>();
const services = await servicesUnderTest();

describe.each(services.map((each) => [each.service.name, each] as const))(
  '%s',
  (_, { service, values, ofOperation }) => {
    const authorized = [...service.operations.values()].filter((each) => !isUnsigned(each) && !isFree(each));
    const samplesOf = (operation: AnyOperation) => sampleInputs(operation, values, ofOperation[operation.name]);

    describe.each(authorized.map((operation) => [operation.name, operation] as const))('%s', (_, operation) => {
      test('is denied to who has no policy', async () => {
        for (const { title, input } of samplesOf(operation)) {
          expect(await outcome(service, operation, input, []), title).toBe(DENIED);
        }
      });

      test('is allowed by one permission for each thing it works on, and by none less', async () => {
        for (const { title, input } of samplesOf(operation)) {
          const permissions = await permissionsFor(service, operation, input);
          expect(permissions.length, title).toBeGreaterThan(0);
          const statements = permissions.map((each) => allow(each));
          expect(new Set(statements.map((each) => JSON.stringify(each))).size, title).toBe(permissions.length);
          expect(await outcome(service, operation, input, statements), title).not.toBe(DENIED);
          for (const missing of statements) {
            const others = statements.filter((each) => each !== missing);
            expect(
              await outcome(service, operation, input, others),
              `${title} without ${JSON.stringify(missing)}`,
            ).toBe(DENIED);
          }
        }
      });

      test('is denied when that permission has a condition that the request does not meet', async () => {
        for (const { title, input } of samplesOf(operation)) {
          const permissions = await permissionsFor(service, operation, input);
          for (const permission of permissions) {
            const others = permissions.filter((each) => each !== permission).map((each) => allow(each));
            for (const [key, actual] of permission.conditions) {
              const under = (wanted: readonly string[]) =>
                outcome(service, operation, input, [...others, allow(permission, key, wanted)]);
              const what = `${title} with ${permission.action} under ${key}`;
              expect(await under(actual), what).not.toBe(DENIED);
              expect(await under(actual.map((value) => `${value}-not`)), `${what} off`).toBe(DENIED);
            }
          }
        }
      });
    });
  },
);

test('everything takes a permission and a caller, but what AWS says takes none', () => {
  const all = services.flatMap(({ service }) => [...service.operations.values()]);
  const names = (some: readonly AnyOperation[]) => some.map(({ name }) => name).sort();
  expect(names(all.filter(isFree))).toEqual(withoutPermission);
  expect(names(all.filter(isUnsigned))).toEqual(withoutCaller);
});

test('every condition key that an operation declares has been tried, but for those whose requests take more', () => {
  const declared = new Set(
    services.flatMap(({ service }) =>
      [...service.operations.values()].flatMap((operation) =>
        targetsOf(operation).flatMap(({ summary }) => summary.conditionKeys),
      ),
    ),
  );
  expect([...declared].filter((key) => !tried.has(key)).sort()).toEqual(neverTried);
});

class Succeeded extends Error {}

/** The code that a request is refused with, or `success`. */
async function outcome(
  service: Service,
  operation: AnyOperation,
  input: object,
  statements: readonly object[],
): Promise<string> {
  const undo = () => Promise.reject(new Succeeded());
  try {
    await perform(service, operation, input, scopeWith(statements), [], undo);
  } catch (error) {
    if (error instanceof Succeeded) return 'success';
    if (error instanceof KeyholdError) return error.code;
    throw error;
  }
  invariant(false, 'what is done is undone');
}

function scopeWith(statements: readonly object[]): Scope {
  return scopeOf(user('alice', { identityPolicies: statements.length === 0 ? [] : [policy(...statements)] }));
}

/** What the request must be allowed, for whatever it works on. */
async function permissionsFor(service: Service, operation: AnyOperation, input: object): Promise<Permission[]> {
  const scope = scopeWith([]);
  const ports = service.ports();
  const targets = targetsOf(operation).filter((target) => target.applies?.(input, scope) ?? true);
  const all: Record<string, unknown> = {};
  for (const [name, target] of Object.entries(operation.targets) as [string, AnyTarget][]) {
    if (targets.includes(target)) all[name] = await target.resolve(input, ports, scope);
  }
  return (Object.entries(operation.targets) as [string, AnyTarget][])
    .filter(([, target]) => targets.includes(target) && target.needsNoPermission !== true)
    .flatMap(([name, target]) => thingsOf(target, all[name]).map((resolved) => ({ target, resolved })))
    .map(({ target, resolved }) => {
      const conditions = new Map<string, readonly string[]>();
      for (const declared of [...target.summary.conditionKeys, ...globalKeys]) {
        const [prefix = '', placeholder] = declared.split('${');
        const key = placeholder === undefined ? declared.toLowerCase() : `${prefix.toLowerCase()}${TAG}`;
        const values = target.condition(key, { input, resolved, all, scope }) ?? globalCondition(key, scope);
        if (values === undefined) continue;
        tried.add(declared);
        conditions.set(key, values);
      }
      return { action: target.permission, resource: target.facts(resolved, scope).arn, conditions };
    });
}

function allow({ action, resource }: Permission, key?: string, values: readonly string[] = []): object {
  const statement = { Effect: 'Allow', Action: action, Resource: resource };
  if (key === undefined) return statement;
  // A key with several values is compared as a set, which the request's must be within.
  const operator = values.length === 1 ? 'StringEquals' : 'ForAllValues:StringEquals';
  return { ...statement, Condition: { [operator]: { [key]: values } } };
}

type AnyTarget = Target<object, unknown, unknown>;

function isFree(operation: AnyOperation): boolean {
  return targetsOf(operation).every(({ needsNoPermission }) => needsNoPermission === true);
}

function isUnsigned({ identify }: AnyOperation): boolean {
  return identify !== undefined;
}

function targetsOf(operation: AnyOperation): AnyTarget[] {
  return Object.values(operation.targets) as AnyTarget[];
}
