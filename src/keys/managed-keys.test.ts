import { describe, expect, test } from 'vitest';
import type { KeyRecord } from './key.ts';
import { type KeyOperation, keyStateTable } from './key-state-table.ts';
import { isRefusedByManager } from './managed-key-operations.ts';
import { managedKeyAliases, managedKeyServiceOf, managedKeyServices } from './managed-key-services.ts';
import { serviceKeyId } from './service-key-id.ts';

const operations = Object.keys(keyStateTable) as KeyOperation[];
const managed = { keyManager: 'AWS' } as KeyRecord;
const customers = { keyManager: 'CUSTOMER' } as KeyRecord;

describe('the operations on an AWS managed key', () => {
  test('are all that policies of managed keys allow, so that who is refused is told by the policy', () => {
    const looking = ['kms:Describe*', 'kms:Get*', 'kms:List*', 'kms:RevokeGrant'];
    const used = managedKeyServices.flatMap(({ operations, operationsFromAnyRegion = [] }) => [
      ...operations,
      ...operationsFromAnyRegion,
    ]);
    const allowed = [...new Set([...looking, ...used])];
    const isAllowed = (operation: string) =>
      allowed.some((pattern) =>
        pattern.endsWith('*') ? `kms:${operation}`.startsWith(pattern.slice(0, -1)) : pattern === `kms:${operation}`,
      );
    for (const operation of operations) {
      expect(isRefusedByManager(managed, operation), operation).toBe(!isAllowed(operation));
    }
  });

  test('are no concern of customers’ keys', () => {
    for (const operation of operations) expect(isRefusedByManager(customers, operation), operation).toBe(false);
  });
});

describe('the services with managed keys', () => {
  test('are in the order of their names, each of them once', () => {
    const names = managedKeyServices.map(({ name }) => name);
    expect(names).toEqual([...new Set(names)].toSorted());
    expect(managedKeyAliases).toEqual(names.map((name) => `alias/aws/${name}`));
  });

  test('are found by their aliases alone', () => {
    expect(managedKeyServiceOf('alias/aws/s3')?.name).toBe('s3');
    for (const other of ['alias/aws/', 'alias/aws/S3', 's3', 'aws/s3', 'alias/aws/constructor', '__proto__', '']) {
      expect(managedKeyServiceOf(other)).toBeUndefined();
    }
  });
});

describe('the id of a service’s key', () => {
  const owner = { accountId: '111122223333', region: 'us-east-1' };

  test('stays what it is: the keys that are there have it', () => {
    expect(serviceKeyId(owner, 'managed/s3')).toBe('ed0a6f9d-ea9c-87ef-bee9-f212dc116d11');
  });

  test('is a UUID of version 8', () => {
    for (let n = 0; n < 100; n++) {
      const id = serviceKeyId(owner, `managed/${n}`);
      expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    }
  });

  test('is another for another account, Region or name, wherever one ends and the next begins', () => {
    const ids = [
      serviceKeyId(owner, 'managed/s3'),
      serviceKeyId(owner, 'owned/s3'),
      serviceKeyId({ ...owner, accountId: '111122223334' }, 'managed/s3'),
      serviceKeyId({ ...owner, region: 'us-east-2' }, 'managed/s3'),
      serviceKeyId({ accountId: '111122223333u', region: 's-east-1' }, 'managed/s3'),
      serviceKeyId({ ...owner, region: 'us-east-1m' }, 'anaged/s3'),
    ];
    expect(new Set(ids).size).toBe(ids.length);
  });
});
