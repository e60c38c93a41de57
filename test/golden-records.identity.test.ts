import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { invariant, KeyholdError } from '../src/runtime/errors.ts';
import { seededRandom } from '../src/runtime/random.test-helper.ts';
import { attemptRecords } from '../src/services/attempt-records.ts';
import { type Attempt, refusedAttempt } from '../src/services/audit-record.ts';
import { type ServiceUnderTest, servicesUnderTest } from '../src/services/every-operation.test-helper.ts';
import { type AnyOperation, perform } from '../src/services/perform.ts';
import { sampleInputs } from '../src/services/sample-input.test-helper.ts';
import { administrator, NOW, REGION, scopeOf } from '../src/services/scope.test-helper.ts';
import { expectedRecord, type Golden, golden } from './support/golden-records.ts';

/**
 * Every operation of IAM and STS is performed as it is declared, in an account with one of everything, and its record
 * compared with what is published, member by member (`vectors/cloudtrail-records.identity.json`). Those of which
 * `cloudtrail-records.json` has the record are performed through a server (`golden-records.test.ts`).
 */

/** The record of a request with all the members that there are, or with the `required` ones alone, as published ones have it. */
interface SampledGolden extends Golden {
  readonly members?: 'required';
  /** Of the request, instead of the sample values. */
  readonly input?: Readonly<Record<string, unknown>>;
}

const sampled = JSON.parse(
  readFileSync(new URL('./vectors/cloudtrail-records.identity.json', import.meta.url), 'utf8'),
) as Readonly<Record<'iam' | 'sts', Readonly<Record<string, SampledGolden>>>>;

const random = seededRandom('golden records');
const services = await servicesUnderTest();
const iam = serviceNamed('iam');
const sts = serviceNamed('sts');

// What is neither in use nor there already, so that it can be made or deleted.
await change('CreateUser', { UserName: 'leaver' });
await change('CreateGroup', { GroupName: 'empty' });
await change('CreateRole', { RoleName: 'unused' });
await change('CreatePolicy', { PolicyName: 'unused' });
await change('CreateAccountAlias', { AccountAlias: 'sample' });
await change('PutUserPermissionsBoundary', { UserName: 'alice' });
await change('PutRolePermissionsBoundary', { RoleName: 'app' });

describe.each([
  ['iam', iam],
  ['sts', sts],
] as const)('%s', (name, under) => {
  test('there is a golden record for every operation', () => {
    const all = [...Object.keys(golden[name]), ...Object.keys(sampled[name])];
    expect(all.toSorted()).toEqual([...under.service.operations.keys()].toSorted());
  });

  test.each(Object.keys(sampled[name]))('%s', async (operationName) => {
    const shape = sampled[name][operationName] as SampledGolden;
    const input = inputOf(under, operationOf(under, operationName), shape);
    const records = await recordsOf(under, operationOf(under, operationName), input);
    expect(records).toEqual([expectedRecord(under.service.eventSource, operationName, shape)]);
  });
});

function serviceNamed(name: string): ServiceUnderTest {
  const found = services.find(({ service }) => service.name === name);
  invariant(found !== undefined, 'each service is under test');
  return found;
}

function operationOf({ service }: ServiceUnderTest, name: string): AnyOperation {
  const operation = service.operations.get(name);
  invariant(operation !== undefined, 'only operations that are declared have golden records');
  return operation;
}

function inputOf(
  { values, ofOperation }: ServiceUnderTest,
  operation: AnyOperation,
  { members, input = {} }: Pick<SampledGolden, 'members' | 'input'>,
): object {
  const samples = sampleInputs(operation, values, { ...ofOperation[operation.name], ...input });
  return samples[members === 'required' ? 0 : 1]?.input as object;
}

class Undone extends Error {}

/** The records of the request, as a server writes them. What it changed is undone, so that the next one finds all as it was. */
async function recordsOf(under: ServiceUnderTest, operation: AnyOperation, input: object): Promise<unknown[]> {
  const { service } = under;
  const attempt: Attempt = {
    ...{ requestId: random.uuid(), eventId: random.uuid(), nowMs: NOW, region: REGION },
    ...{ sourceIp: '127.0.0.1', userAgent: 'test/1.0', host: 'localhost:8080' },
    ...{ service, operation, identity: administrator.auditIdentity, input, touched: [] },
  };
  const parsed = (of: Attempt) => attemptRecords(of, random).map((json) => JSON.parse(json) as unknown);
  let records: unknown[] = [];
  try {
    await perform(
      service,
      operation,
      input,
      scopeOf(administrator),
      attempt.touched,
      (output, targets, consequences) => {
        records = parsed({ ...attempt, output, targets, consequences });
        return Promise.reject(new Undone());
      },
    );
  } catch (error) {
    if (error instanceof Undone) return records;
    if (!(error instanceof KeyholdError)) throw error;
    const refused = service.spoken[0]?.protocol.writeError(error, attempt.requestId);
    invariant(refused !== undefined, 'a service speaks a protocol');
    return parsed(refusedAttempt(attempt, refused, error, random.uuid()));
  }
  invariant(false, 'what is done is undone');
}

/** Done, and not undone. */
async function change(name: string, input: Readonly<Record<string, unknown>>): Promise<void> {
  const operation = operationOf(iam, name);
  const request = inputOf(iam, operation, { members: 'required', input });
  await perform(iam.service, operation, request, scopeOf(administrator), [], () => Promise.resolve());
}
