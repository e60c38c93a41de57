import { accountRootArn } from '../../authorization/index.ts';
import type { KeyOwner } from '../../keys/key.ts';
import type { ManagedKeyService } from '../../keys/managed-key-services.ts';
import { servicePrincipal, viaServiceName } from '../service-names.ts';

/** The policies of keys that services have. Nobody writes them, and nobody can change them. */

/**
 * The policy of an AWS managed key, as AWS gives it: the account's principals use the key through the service, and the
 * account decides who may look at it. Only where AWS gives two statements one Sid, they have two here.
 */
export function managedKeyPolicy(service: ManagedKeyService, owner: KeyOwner): string {
  return JSON.stringify({
    Version: '2012-10-17',
    Id: service.policyId,
    Statement: [
      ...useFromOwnRegion(service, owner),
      ...useFromAnyRegion(service, owner),
      allowLooking(service, owner),
      ...lookingByItself(service),
    ],
  });
}

function useFromOwnRegion({ name, title, via = [{ name, title }], operations }: ManagedKeyService, owner: KeyOwner) {
  if (operations.length === 0) return [];
  return via.map((forwarder) => ({
    ...useThrough(forwarder.title, operations),
    Condition: {
      StringEquals: {
        'kms:CallerAccount': owner.accountId,
        'kms:ViaService': viaServiceName(forwarder.name, owner.region),
      },
    },
  }));
}

function useFromAnyRegion({ name, title, operationsFromAnyRegion }: ManagedKeyService, owner: KeyOwner) {
  if (operationsFromAnyRegion === undefined) return [];
  return [
    {
      ...useThrough(`${title} in any Region`, operationsFromAnyRegion),
      Condition: {
        StringEquals: { 'kms:CallerAccount': owner.accountId },
        StringLike: { 'kms:ViaService': viaServiceName(name, '*') },
      },
    },
  ];
}

function useThrough(title: string, operations: readonly string[]) {
  return {
    Sid: `Allow access through ${title} for all principals in the account that are authorized to use ${title}`,
    Effect: 'Allow',
    Principal: { AWS: '*' },
    Action: operations,
    Resource: '*',
  };
}

const looking = ['kms:Describe*', 'kms:Get*', 'kms:List*'];

/** The account can also revoke the grants that the service makes, if it makes any. */
function allowLooking({ operations, operationsFromAnyRegion = [] }: ManagedKeyService, owner: KeyOwner) {
  const grants = [...operations, ...operationsFromAnyRegion].includes('kms:CreateGrant');
  return {
    Sid: 'Allow direct access to key metadata to the account',
    Effect: 'Allow',
    Principal: { AWS: accountRootArn(owner.accountId) },
    Action: grants ? [...looking, 'kms:RevokeGrant'] : looking,
    Resource: '*',
  };
}

function lookingByItself({ name, title, describesItself }: ManagedKeyService) {
  if (describesItself !== true) return [];
  return [
    {
      Sid: `Allow ${title} to describe the key directly`,
      Effect: 'Allow',
      Principal: { Service: servicePrincipal(name) },
      Action: looking,
      Resource: '*',
    },
  ];
}

/** The policy of an AWS owned key, which is for its service alone. */
export function ownedKeyPolicy(service: string): string {
  return JSON.stringify({
    Version: '2012-10-17',
    Statement: [
      {
        Effect: 'Allow',
        Principal: { Service: servicePrincipal(service) },
        Action: ['kms:Encrypt', 'kms:Decrypt', 'kms:ReEncrypt*', 'kms:GenerateDataKey*', 'kms:DescribeKey'],
        Resource: '*',
      },
    ],
  });
}
