import type { EncryptRequest } from '@aws-sdk/client-kms';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { AuditRecord } from '../audit/record.ts';
import { seededRandom } from '../runtime/random.test-helper.ts';
import * as kms from '../wire/kms-shapes.ts';
import { required, structure } from '../wire/shapes.ts';
import { attemptRecords } from './attempt-records.ts';
import type { Attempt } from './audit-record.ts';
import type { AnyOperation, Service } from './perform.ts';
import { ACCOUNT, administrator, NOW, REGION } from './scope.test-helper.ts';

const keyArn = `arn:aws:kms:us-east-1:${ACCOUNT}:key/1234abcd-12ab-34cd-56ef-1234567890ab`;

const operation: AnyOperation = {
  name: 'Encrypt',
  input: structure<EncryptRequest>({
    KeyId: required(kms.keyId),
    Plaintext: required(kms.plaintext),
    EncryptionContext: kms.encryptionContext,
    GrantTokens: kms.grantTokens,
    EncryptionAlgorithm: kms.encryptionAlgorithm,
    DryRun: kms.dryRun,
  }),
  targets: {},
  effect: 'read',
  audit: { readOnly: true, request: ['KeyId', 'EncryptionContext', 'DryRun', 'Tags'] },
  handle: () => ({}),
};

function showing(audit: Partial<AnyOperation['audit']>): AnyOperation {
  return { ...operation, audit: { ...operation.audit, ...audit } } as AnyOperation;
}

const service = { name: 'kms', eventSource: 'kms.amazonaws.com' } as Service;

function attempt(more: Partial<Attempt> = {}): Attempt {
  return {
    requestId: '7b2f0c1e-4a7d-4f0a-9a51-3c1f6d2b8e90',
    eventId: '0d9a6f52-1c3b-4e8f-8f7a-6b5c4d3e2f10',
    nowMs: NOW,
    sourceIp: '192.0.2.7',
    userAgent: 'test/1.0',
    host: 'localhost:8080',
    service,
    operation,
    identity: administrator.auditIdentity,
    region: REGION,
    touched: [],
    ...more,
  };
}

const random = seededRandom('audit records');

function jsonOf(of: Attempt): string {
  const [json = '', ...others] = attemptRecords(of, random);
  expect(others, 'nobody else is concerned').toEqual([]);
  return json;
}

function recordOf(of: Attempt): AuditRecord {
  const json = jsonOf(of);
  expect(json, 'a record is one line').not.toMatch(/[\r\n]/);
  return JSON.parse(json) as AuditRecord;
}

test('a request that succeeded, member by member', () => {
  const record = recordOf(
    attempt({
      input: { KeyId: 'alias/orders', EncryptionContext: { Tenant: 'example' } },
      output: { CiphertextBlob: Buffer.from('blob') },
      touched: [{ accountId: ACCOUNT, type: 'AWS::KMS::Key', ARN: keyArn }],
    }),
  );
  expect(record).toEqual({
    eventVersion: '1.11',
    userIdentity: {
      type: 'IAMUser',
      principalId: 'AIDAADMINISTRATORXXXX',
      arn: `arn:aws:iam::${ACCOUNT}:user/administrator`,
      accountId: ACCOUNT,
      accessKeyId: 'AKIAIOSFODNN7EXAMPLE',
      userName: 'administrator',
    },
    eventTime: '2026-11-22T10:30:15Z',
    eventSource: 'kms.amazonaws.com',
    eventName: 'Encrypt',
    awsRegion: 'us-east-1',
    sourceIPAddress: '192.0.2.7',
    userAgent: 'test/1.0',
    requestParameters: { keyId: 'alias/orders', encryptionContext: { Tenant: 'example' } },
    responseElements: null,
    requestID: '7b2f0c1e-4a7d-4f0a-9a51-3c1f6d2b8e90',
    eventID: '0d9a6f52-1c3b-4e8f-8f7a-6b5c4d3e2f10',
    readOnly: true,
    resources: [{ accountId: ACCOUNT, type: 'AWS::KMS::Key', ARN: keyArn }],
    eventType: 'AwsApiCall',
    managementEvent: true,
    recipientAccountId: ACCOUNT,
    eventCategory: 'Management',
  });
});

test('a request of nobody for nothing known', () => {
  const { requestId, eventId, nowMs, sourceIp, touched } = attempt();
  const record = recordOf({
    requestId,
    eventId,
    nowMs,
    sourceIp,
    touched,
    userAgent: '',
    host: '',
    error: { code: 'UnknownOperationException', message: '' },
  });
  expect(record).toMatchObject({
    userIdentity: { type: 'Unknown' },
    eventSource: 'keyhold.invalid',
    eventName: 'UnknownOperation',
    awsRegion: 'unknown',
    errorCode: 'UnknownOperationException',
    requestParameters: null,
    responseElements: null,
    readOnly: false,
  });
  expect(record).not.toHaveProperty('resources');
  expect(record).not.toHaveProperty('recipientAccountId');
  expect(record).not.toHaveProperty('tlsDetails');
});

test('only members that the declaration names are shown, and of those no bytes', () => {
  const input = {
    KeyId: 'alias/orders',
    Plaintext: Buffer.from('attack at dawn'),
    GrantTokens: ['a secret token'],
    DryRun: true,
  };
  expect(recordOf(attempt({ input })).requestParameters).toEqual({ keyId: 'alias/orders', dryRun: true });
  const careless = showing({ request: ['KeyId', 'Plaintext', 'Tags'] });
  const json = jsonOf(
    attempt({ operation: careless, input: { ...input, Tags: [{ TagKey: Buffer.from('attack at dawn') }] } }),
  );
  expect(JSON.parse(json)).toMatchObject({ requestParameters: { keyId: 'alias/orders' } });
  for (const form of ['attack', Buffer.from('attack').toString('base64').slice(0, 6), '97,116,116']) {
    expect(json).not.toContain(form);
  }
});

test('the response of a change is shown, in CloudTrail’s spelling, without its bytes', () => {
  const changing = showing({ readOnly: false, response: (output: object) => output });
  const output = {
    KeyMetadata: {
      AWSAccountId: ACCOUNT,
      KeyId: 'x',
      CreationDate: new Date(Date.UTC(2026, 10, 2, 9, 5, 7)),
      DeletionDate: new Date(Date.UTC(2026, 11, 31, 0, 0, 0)),
      Description: undefined,
      EncryptionAlgorithms: ['SYMMETRIC_DEFAULT'],
    },
    Plaintext: Buffer.from('attack at dawn'),
  };
  expect(recordOf(attempt({ operation: changing, output }))).toMatchObject({
    readOnly: false,
    responseElements: {
      keyMetadata: {
        aWSAccountId: ACCOUNT,
        keyId: 'x',
        creationDate: 'Nov 2, 2026, 9:05:07 AM',
        deletionDate: 'Dec 31, 2026, 12:00:00 AM',
        encryptionAlgorithms: ['SYMMETRIC_DEFAULT'],
      },
    },
  });
  expect(jsonOf(attempt({ operation: changing, output }))).not.toContain('plaintext');
});

test('noon is 12 PM', () => {
  const changing = showing({ response: (output: object) => output });
  const output = { CreationDate: new Date(Date.UTC(2026, 0, 1, 12, 0, 59)) };
  expect(recordOf(attempt({ operation: changing, output })).responseElements).toEqual({
    creationDate: 'Jan 1, 2026, 12:00:59 PM',
  });
});

test('IAM’s dates have no comma behind the year', () => {
  const changing = showing({ request: ['ValidTo'] as never, response: (output: object) => output });
  const date = new Date(Date.UTC(2024, 9, 29, 14, 43, 20));
  const iam = { name: 'iam', eventSource: 'iam.amazonaws.com' } as Service;
  const made = attempt({
    ...{ service: iam, operation: changing },
    ...{ input: { ValidTo: date }, output: { Policy: { CreateDate: date } } },
  });
  expect(recordOf(made)).toMatchObject({
    requestParameters: { validTo: 'Oct 29, 2024 2:43:20 PM' },
    responseElements: { policy: { createDate: 'Oct 29, 2024 2:43:20 PM' } },
  });
});

test('a refusal shows its code and no response', () => {
  const changing = showing({ response: (output: object) => output });
  const refused = attempt({
    operation: changing,
    output: { KeyId: 'x' },
    error: { code: 'DisabledException', message: `${keyArn} is disabled.` },
  });
  expect(recordOf(refused)).toMatchObject({
    errorCode: 'DisabledException',
    errorMessage: `${keyArn} is disabled.`,
    responseElements: null,
  });
  // CloudTrail's own spelling of the refusal that all services share.
  const denied = attempt({ error: { code: 'AccessDeniedException', message: 'no' } });
  expect(recordOf(denied).errorCode).toBe('AccessDenied');
});

test('of the message about a signature that does not match, only what is not the request itself is kept', () => {
  const message =
    "The signature does not match.\n\nThe Canonical String should have been\n'POST\n/\n\nx-amz-security-token:secret'";
  const record = recordOf(attempt({ error: { code: 'InvalidSignatureException', message } }));
  expect(record.errorMessage).toBe('The signature does not match.');
});

test('the names of an encryption context stay as the caller wrote them', () => {
  const input = { KeyId: 'x', EncryptionContext: JSON.parse('{"Upper":"A","__proto__":"B","":""}') };
  const json = jsonOf(attempt({ input }));
  expect(json).toContain('"encryptionContext":{"Upper":"A","__proto__":"B","":""}');
});

test('how the connection was secured is shown', () => {
  const tls = { version: 'TLSv1.3', cipher: 'TLS_AES_256_GCM_SHA384' };
  expect(recordOf(attempt({ tls })).tlsDetails).toEqual({
    tlsVersion: 'TLSv1.3',
    cipherSuite: 'TLS_AES_256_GCM_SHA384',
    clientProvidedHostHeader: 'localhost:8080',
  });
});

test('the time is that of each request, also when the clock is set back', () => {
  const timeOf = (nowMs: number) => recordOf(attempt({ nowMs })).eventTime;
  expect(timeOf(0)).toBe('1970-01-01T00:00:00Z');
  expect(timeOf(NOW)).toBe('2026-11-22T10:30:15Z');
  expect(timeOf(NOW + 749)).toBe('2026-11-22T10:30:15Z');
  expect(timeOf(NOW + 750)).toBe('2026-11-22T10:30:16Z');
  expect(timeOf(NOW - 1000)).toBe('2026-11-22T10:30:14Z');
});

test('whatever a caller puts where text is expected, the record is one line of JSON that says just that', () => {
  const text = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 50 }),
    fc.constantFrom('"', '\\', '"}', '\n', '\u2028', '","eventName":"Forged', '{"', 'a\0b', '\ud800'),
  );
  fc.assert(
    fc.property(fc.array(text, { minLength: 6, maxLength: 6 }), (texts) => {
      const [userAgent = '', host = '', region = '', message = '', keyId = '', name = ''] = texts;
      const record = recordOf(
        attempt({
          userAgent,
          host,
          region,
          error: { code: 'ValidationException', message },
          input: { KeyId: keyId, EncryptionContext: Object.fromEntries([[name, keyId]]) },
          tls: { version: 'TLSv1.3', cipher: 'any' },
        }),
      );
      expect(record).toMatchObject({ eventName: 'Encrypt', userAgent, awsRegion: region });
      expect(record.tlsDetails?.clientProvidedHostHeader).toBe(host);
      expect(record.errorMessage).toBe(message.split('\n')[0]);
      expect(record.requestParameters).toEqual({
        keyId,
        encryptionContext: JSON.parse(JSON.stringify(Object.fromEntries([[name, keyId]]))),
      });
    }),
  );
});

test('a record stays small, whatever is sent', () => {
  const long = 'x'.repeat(100_000);
  const tls = { version: 'TLSv1.3', cipher: 'any' };
  const json = jsonOf(
    attempt({ userAgent: long, host: long, tls, error: { code: 'ValidationException', message: long } }),
  );
  expect(json.length).toBeLessThan(4096);
});

test('a record stays small also where the members are large, and does not fall silent about the others', () => {
  const arns = Array.from({ length: 500 }, () => 'a'.repeat(2000));
  const members = { KeyId: 'first', Tags: arns, DryRun: true };
  const { requestParameters } = JSON.parse(jsonOf(attempt({ service, operation, input: members })));
  expect(requestParameters).toEqual({
    keyId: 'first',
    tags: { omitted: true, originalSize: JSON.stringify(arns).length },
    dryRun: true,
  });
});
