import { describe, expect, test } from 'vitest';
import { awsErrorCodes, KeyholdError } from '../runtime/errors.ts';
import { compareWithBotocore, findServiceDescription } from '../wire/botocore-drift.test-helper.ts';
import { awsJson, awsQuery, type Protocol } from '../wire/protocol.ts';
import type { ShapeDescription } from '../wire/shapes.ts';
import { cloudTrailOperations } from './cloudtrail/index.ts';
import { cloudWatchOperations } from './cloudwatch/index.ts';
import { cloudWatchQuery } from './cloudwatch/protocols.ts';
import { iamOperations } from './iam/index.ts';
import { kmsOperations } from './kms/index.ts';
import type { AnyOperation } from './perform.ts';
import { stsOperations } from './sts/index.ts';

/** What must be true of every declared operation of every service, those to come included. */

const services: readonly [name: string, operations: ReadonlyMap<string, AnyOperation>, protocol: Protocol][] = [
  ['kms', kmsOperations, awsJson],
  ['iam', iamOperations, awsQuery()],
  ['sts', stsOperations, awsQuery()],
  ['cloudtrail', cloudTrailOperations, awsJson],
  ['cloudwatch', cloudWatchOperations, cloudWatchQuery],
];

/** Of these the SDK knows, but botocore only from a release on that may not be the installed one. */
const newest = ['Decapsulate', 'Encapsulate'];

/** These change nothing that is kept in the store, and so take no transaction; CloudTrail does not call them reads. */
const outsideOfTheStore = ['GetFederationToken', 'PutMetricData'];

describe.each(services)('%s', (service, operations, protocol) => {
  const botocore = findServiceDescription(service);
  if (botocore === undefined)
    console.warn(`skipped: no botocore is installed to compare the operations of ${service} with`);

  test.runIf(process.env['KEYHOLD_REQUIRE_CLIENTS'] === '1')('botocore is installed to compare with', () => {
    expect(botocore).toBeDefined();
  });

  describe.each([...operations])('%s', (name, operation) => {
    const published = botocore?.operations[name] !== undefined || !newest.includes(name);
    test.runIf(botocore !== undefined && published)('takes what AWS publishes', () => {
      expect(botocore && compareWithBotocore(botocore, name, operation.input)).toEqual([]);
    });

    test('is found by its name', () => {
      expect(operation.name).toBe(name);
      expect(name).toMatch(/^[A-Z][A-Za-z]+$/);
    });

    test('works on something, each of it behind a permission of the service', () => {
      const permissions = (Object.values(operation.targets) as { permission: string }[]).map((each) => each.permission);
      expect(permissions.length).toBeGreaterThan(0);
      for (const permission of permissions) expect(permission).toMatch(new RegExp(`^${service}:[A-Z][A-Za-z]+$`));
    });

    test('shows in its audit record only members that it has, and none that is bytes, secret or a token', () => {
      const members = operation.input.description.members ?? {};
      for (const shown of operation.audit.request as string[]) {
        const description = members[shown];
        expect(description, `${shown} is a member`).toBeDefined();
        expect(secretsWithin(shown, description as ShapeDescription)).toEqual([]);
        expect(shown).not.toMatch(/Token/);
      }
    });

    test('changes something, or says that it only reads', () => {
      expect(operation.audit.readOnly).toBe(operation.effect === 'read' && !outsideOfTheStore.includes(name));
    });
  });

  const ours = new Set<string>(awsErrorCodes);
  const exceptions = new Set(
    Object.values(botocore?.operations ?? {}).flatMap(({ errors = [] }) => errors.map(({ shape }) => shape)),
  );
  const answered = [...exceptions].filter((shape) => ours.has(shape));
  test.runIf(botocore !== undefined && protocol !== awsJson).each(answered)(
    '%s goes by the name and status that AWS publishes',
    (shape) => {
      const { code = shape, httpStatusCode = 400 } = botocore?.shapes[shape]?.error ?? {};
      const { status, body } = protocol.writeError(new KeyholdError(shape as never), 'id');
      expect(status).toBe(httpStatusCode);
      expect(body).toContain(`<Code>${code}</Code>`);
    },
  );
});

/** The paths within a member, itself included, at which bytes or secrets may stand. */
function secretsWithin(path: string, description: ShapeDescription): string[] {
  const { type, sensitive, member, key, value, members } = description;
  const within: [string, ShapeDescription][] = Object.entries(members ?? {});
  for (const [part, shape] of Object.entries({ member, key, value })) {
    if (shape !== undefined) within.push([part, shape]);
  }
  return [
    ...(type === 'blob' || sensitive === true ? [path] : []),
    ...within.flatMap(([part, shape]) => secretsWithin(`${path}.${part}`, shape)),
  ];
}
