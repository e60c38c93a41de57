import { describe, expect, test } from 'vitest';
import type { ShapeDescription } from '../../wire/shapes.ts';
import { type Attempt, auditRecordJson } from '../audit-record.ts';
import type { AnyOperation } from '../perform.ts';
import { administrator, NOW, REGION } from '../scope.test-helper.ts';
import { kmsOperations } from './index.ts';

/** What must be true of every declared operation of AWS KMS, besides what must be of all services' (`../declarations.test.ts`). */

const operations = [...kmsOperations.values()];

describe.each(operations.map((operation) => [operation.name, operation] as const))('%s', (name, operation) => {
  test('works on something, each of it behind a permission of KMS', () => {
    const targets = Object.values(operation.targets) as { permission: string }[];
    expect(targets.length).toBeGreaterThan(0);
    for (const { permission } of targets) expect(permission).toMatch(/^kms:[A-Z][A-Za-z]+$/);
    // All permissions are the operation's own, but for ReEncrypt, which has one for each side, and for making a key with
    // tags, which takes the permission to tag as well, also when it is made as a replica.
    const others: Record<string, string[]> = {
      ReEncrypt: ['kms:ReEncryptFrom', 'kms:ReEncryptTo'],
      CreateKey: ['kms:CreateKey', 'kms:TagResource'],
      ReplicateKey: ['kms:ReplicateKey', 'kms:CreateKey', 'kms:TagResource'],
    };
    const expected = others[name] ?? [`kms:${name}`];
    expect(new Set(targets.map(({ permission }) => permission))).toEqual(new Set(expected));
  });

  test('lets no bytes into its audit record, be they in the request or in the response', () => {
    const input = sampleOf(operation.input.description) as object;
    const marked = { Plaintext: MARK, CiphertextBlob: MARK, PrivateKeyPlaintext: MARK, Nested: [{ Blob: MARK }] };
    const json = auditRecordJson(attempt(operation, input, { ...input, ...marked }), {
      eventId: 'x',
      recipient: undefined,
    });
    for (const form of [MARK.toString('utf8'), MARK.toString('base64'), MARK.toString('hex'), [...MARK].join(',')]) {
      expect(json).not.toContain(form);
    }
  });

  test.runIf(operation.effect === 'read')('shows no response, as in CloudTrail', () => {
    expect(operation.audit.response).toBeUndefined();
  });
});

const MARK = Buffer.from('bytes that must not be found');

const key = { key: { arn: 'arn:aws:kms:us-east-1:111122223333:key/k', record: { keySpec: 'SYMMETRIC_DEFAULT' } } };

/** A value of this shape in which all bytes, and all that is sensitive, are {@link MARK}. */
function sampleOf(description: ShapeDescription): unknown {
  if (description.sensitive === true) return MARK;
  switch (description.type) {
    case 'blob':
      return MARK;
    case 'string':
      return description.enum?.[0] ?? 'text';
    case 'integer':
    case 'long':
    case 'double':
      return 1;
    case 'boolean':
      return true;
    case 'timestamp':
      return new Date(NOW);
    case 'list':
      return [sampleOf(description.member as ShapeDescription)];
    case 'map':
      return { name: sampleOf(description.value as ShapeDescription) };
    case 'structure':
      return Object.fromEntries(
        Object.entries(description.members ?? {}).map(([name, member]) => [name, sampleOf(member)]),
      );
  }
}

function attempt(operation: AnyOperation, input: object, output: object): Attempt {
  return {
    requestId: '7b2f0c1e-4a7d-4f0a-9a51-3c1f6d2b8e90',
    eventId: '0d9a6f52-1c3b-4e8f-8f7a-6b5c4d3e2f10',
    nowMs: NOW,
    sourceIp: '192.0.2.7',
    userAgent: 'test/1.0',
    host: 'localhost:8080',
    operation,
    identity: administrator.auditIdentity,
    region: REGION,
    input,
    output,
    targets: { key, newKey: key, primary: key, grant: { grant: { value: { grantId: 'g' } } }, account: {} },
    touched: [],
  };
}
