import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as iam from '@aws-sdk/client-iam';
import * as kms from '@aws-sdk/client-kms';
import * as sts from '@aws-sdk/client-sts';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { AuditRecord } from '../src/audit/record.ts';
import { recipientKey, testHypervisor } from '../src/crypto/attestation/attestation.test-helper.ts';
import { kmsOperations } from '../src/services/kms/index.ts';
import { auditRecordsOf } from './support/audit.ts';
import { expectedRecord, formOf, type Golden, golden } from './support/golden-records.ts';
import { iamClient, trustOf } from './support/iam.ts';
import { importRequest } from './support/import-material.ts';
import { type NewKey, newKey, policyOf, statement } from './support/kms.ts';
import { startOpenIdProvider } from './support/openid-provider.ts';
import { advanceClock, DAY_SECONDS } from './support/sandbox-clock.ts';
import { cleanUp, startServer, type TestServer, temporaryDirectory } from './support/server.ts';

/**
 * Every operation is performed for real, and its record compared with what AWS publishes, member by member
 * (`vectors/cloudtrail-records.json`). What changes from one request to the next is compared by its form.
 */

let server: TestServer;
let client: kms.KMSClient;
let records: AuditRecord[] = [];
/** By service and operation, or by what the request is about: the id of the request that was made. */
const requests = new Map<string, string | undefined>();
/** What {@link requests} were about where nobody asked: the key's ARN. */
const keysOf = new Map<string, string>();
const directory = temporaryDirectory();
const enclave = recipientKey();

/** Notes the request's id, whatever becomes of it. */
async function noted<Answer extends { $metadata: { requestId?: string } }>(
  what: string,
  request: Promise<Answer>,
): Promise<Answer> {
  const outcome = await request.catch((error: Answer) => error);
  expect(requests.has(what), `${what} is performed once`).toBe(false);
  requests.set(what, outcome.$metadata.requestId);
  return outcome;
}

beforeAll(async () => {
  const hypervisor = testHypervisor(Date.now());
  writeFileSync(join(directory, 'root.pem'), hypervisor.rootPem);
  server = await startServer({ args: ['--sandbox', '--attestation-root', join(directory, 'root.pem')] });
  client = server.kms();
  const pcrs = new Map([0, 1, 2, 3, 4, 8].map((register) => [register, randomBytes(48).toString('hex')] as const));
  const AttestationDocument = hypervisor.attest({ publicKey: enclave.publicKey, pcrs });
  await performEnclaveRequests({ KeyEncryptionAlgorithm: 'RSAES_OAEP_SHA_256', AttestationDocument });
  const key = await performKeyRequests();
  await performOtherKeys();
  await performImport();
  await performMultiRegion();
  await performStores();
  await performIdentities();
  await performWebIdentity();
  await performRefusals(key);
  await performForeign(key);
  await performLifecycles();
  records = await auditRecordsOf(server);
});
afterAll(() => cleanUp(server));

async function performEnclaveRequests(Recipient: kms.RecipientInfo): Promise<void> {
  const { id: KeyId } = await newKey(client);
  const { CiphertextBlob } = await client.send(new kms.EncryptCommand({ KeyId, Plaintext: Buffer.from('x') }));
  await noted('enclave Decrypt', client.send(new kms.DecryptCommand({ KeyId, CiphertextBlob, Recipient })));
  const dataKey = new kms.GenerateDataKeyCommand({ KeyId, KeySpec: 'AES_256', Recipient });
  await noted('enclave GenerateDataKey', client.send(dataKey));
  await noted('enclave GenerateRandom', client.send(new kms.GenerateRandomCommand({ NumberOfBytes: 32, Recipient })));
}

const both = { Department: 'Engineering', Project: 'Alpha' };

async function performKeyRequests(): Promise<NewKey> {
  const of = <A extends { $metadata: { requestId?: string } }>(name: string, request: Promise<A>) =>
    noted(`kms ${name}`, request);
  const created = await of('CreateKey', client.send(new kms.CreateKeyCommand({ Description: 'golden' })));
  const KeyId = created.KeyMetadata?.KeyId ?? '';
  const key = { id: KeyId, arn: created.KeyMetadata?.Arn ?? '', materialId: '' };
  const other = await newKey(client);
  await of('DescribeKey', client.send(new kms.DescribeKeyCommand({ KeyId })));
  const Plaintext = randomBytes(32);
  const encrypted = await of(
    'Encrypt',
    client.send(new kms.EncryptCommand({ KeyId, Plaintext, EncryptionContext: both })),
  );
  const { CiphertextBlob } = encrypted;
  await of('Decrypt', client.send(new kms.DecryptCommand({ CiphertextBlob, EncryptionContext: both })));
  const reEncrypt = {
    ...{ CiphertextBlob, SourceEncryptionContext: both, DestinationKeyId: other.id },
    DestinationEncryptionContext: { Level: '3A' },
  };
  await of('ReEncrypt', client.send(new kms.ReEncryptCommand(reEncrypt)));
  const dataKey = { KeyId, KeySpec: 'AES_256', EncryptionContext: { Department: 'Engineering' } } as const;
  await of('GenerateDataKey', client.send(new kms.GenerateDataKeyCommand(dataKey)));
  const without = new kms.GenerateDataKeyWithoutPlaintextCommand(dataKey);
  await of('GenerateDataKeyWithoutPlaintext', client.send(without));
  const pair = { KeyId, KeyPairSpec: 'ECC_NIST_P256', EncryptionContext: { Project: 'Alpha' } } as const;
  await of('GenerateDataKeyPair', client.send(new kms.GenerateDataKeyPairCommand(pair)));
  const pairWithout = new kms.GenerateDataKeyPairWithoutPlaintextCommand(pair);
  await of('GenerateDataKeyPairWithoutPlaintext', client.send(pairWithout));
  await of('GenerateRandom', client.send(new kms.GenerateRandomCommand({ NumberOfBytes: 32 })));
  await of('GetKeyLastUsage', client.send(new kms.GetKeyLastUsageCommand({ KeyId })));
  await of('GetKeyPolicy', client.send(new kms.GetKeyPolicyCommand({ KeyId, PolicyName: 'default' })));
  await of('ListKeyPolicies', client.send(new kms.ListKeyPoliciesCommand({ KeyId })));
  const everything = policyOf(
    statement('Allow', `arn:aws:iam::${server.accountId}:root`, 'kms:*'),
    statement('Allow', 'arn:aws:iam::111122223333:root', 'kms:Encrypt'),
  );
  await of('PutKeyPolicy', client.send(new kms.PutKeyPolicyCommand({ KeyId, Policy: everything })));
  const description = { KeyId, Description: 'New key description' };
  await of('UpdateKeyDescription', client.send(new kms.UpdateKeyDescriptionCommand(description)));
  const Tags = [{ TagKey: 'Department', TagValue: 'IT' }];
  await of('TagResource', client.send(new kms.TagResourceCommand({ KeyId, Tags })));
  await of('ListResourceTags', client.send(new kms.ListResourceTagsCommand({ KeyId })));
  await of('UntagResource', client.send(new kms.UntagResourceCommand({ KeyId, TagKeys: ['Department'] })));
  const AliasName = 'alias/example-alias';
  await of('CreateAlias', client.send(new kms.CreateAliasCommand({ AliasName, TargetKeyId: KeyId })));
  await of('ListAliases', client.send(new kms.ListAliasesCommand({ Limit: 5 })));
  await of('UpdateAlias', client.send(new kms.UpdateAliasCommand({ AliasName, TargetKeyId: other.id })));
  await of('DeleteAlias', client.send(new kms.DeleteAliasCommand({ AliasName })));
  await of('ListKeys', client.send(new kms.ListKeysCommand({})));
  const grantee = `arn:aws:iam::${server.accountId}:root`;
  const grant: kms.CreateGrantCommandInput = {
    ...{ KeyId, GranteePrincipal: grantee, Operations: ['Encrypt', 'RetireGrant'] },
    Constraints: { EncryptionContextSubset: { ContextKey1: 'Value1' } },
  };
  const { GrantId } = await of('CreateGrant', client.send(new kms.CreateGrantCommand(grant)));
  await of('ListGrants', client.send(new kms.ListGrantsCommand({ KeyId, Limit: 5 })));
  const retirable = new kms.ListRetirableGrantsCommand({ RetiringPrincipal: grantee });
  await of('ListRetirableGrants', client.send(retirable));
  await of('RevokeGrant', client.send(new kms.RevokeGrantCommand({ KeyId, GrantId })));
  const { GrantToken } = await client.send(new kms.CreateGrantCommand(grant));
  await of('RetireGrant', client.send(new kms.RetireGrantCommand({ GrantToken })));
  const rotation = { KeyId, RotationPeriodInDays: 180 };
  await of('EnableKeyRotation', client.send(new kms.EnableKeyRotationCommand(rotation)));
  await of('GetKeyRotationStatus', client.send(new kms.GetKeyRotationStatusCommand({ KeyId })));
  await of('DisableKeyRotation', client.send(new kms.DisableKeyRotationCommand({ KeyId })));
  keysOf.set('rotation on demand', key.arn);
  await of('RotateKeyOnDemand', client.send(new kms.RotateKeyOnDemandCommand({ KeyId })));
  const listing = { KeyId, IncludeKeyMaterial: 'ALL_KEY_MATERIAL' } as const;
  await of('ListKeyRotations', client.send(new kms.ListKeyRotationsCommand(listing)));
  await of('DisableKey', client.send(new kms.DisableKeyCommand({ KeyId })));
  await of('EnableKey', client.send(new kms.EnableKeyCommand({ KeyId })));
  const deletion = { KeyId, PendingWindowInDays: 20 };
  await of('ScheduleKeyDeletion', client.send(new kms.ScheduleKeyDeletionCommand(deletion)));
  await of('CancelKeyDeletion', client.send(new kms.CancelKeyDeletionCommand({ KeyId })));
  await client.send(new kms.EnableKeyCommand({ KeyId }));
  return key;
}

async function performOtherKeys(): Promise<void> {
  const signing = await newKey(client, { KeySpec: 'ECC_NIST_P256', KeyUsage: 'SIGN_VERIFY' });
  const Message = randomBytes(32);
  const how = { KeyId: signing.id, Message, MessageType: 'RAW', SigningAlgorithm: 'ECDSA_SHA_256' } as const;
  const { Signature } = await noted('kms Sign', client.send(new kms.SignCommand(how)));
  await noted('kms Verify', client.send(new kms.VerifyCommand({ ...how, Signature })));
  await noted('kms GetPublicKey', client.send(new kms.GetPublicKeyCommand({ KeyId: signing.id })));
  const mac = await newKey(client, { KeySpec: 'HMAC_256', KeyUsage: 'GENERATE_VERIFY_MAC' });
  const macInput = { KeyId: mac.id, Message, MacAlgorithm: 'HMAC_SHA_256' } as const;
  const { Mac } = await noted('kms GenerateMac', client.send(new kms.GenerateMacCommand(macInput)));
  await noted('kms VerifyMac', client.send(new kms.VerifyMacCommand({ ...macInput, Mac })));
  const agreeing = await newKey(client, { KeySpec: 'ECC_NIST_P256', KeyUsage: 'KEY_AGREEMENT' });
  const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const PublicKey = publicKey.export({ type: 'spki', format: 'der' });
  const agreement = { KeyId: agreeing.id, KeyAgreementAlgorithm: 'ECDH', PublicKey } as const;
  await noted('kms DeriveSharedSecret', client.send(new kms.DeriveSharedSecretCommand(agreement)));
  const KeyUsage = 'ENCAPSULATE_DECAPSULATE';
  const encapsulating = await newKey(client, { KeySpec: 'ML_KEM_768', KeyUsage });
  const kem = { KeyId: encapsulating.id, EncapsulationAlgorithm: 'ML_KEM' } as const;
  const made = await noted('kms Encapsulate', client.send(new kms.EncapsulateCommand(kem)));
  const { SharedSecretCiphertextBlob } = made;
  await noted('kms Decapsulate', client.send(new kms.DecapsulateCommand({ ...kem, SharedSecretCiphertextBlob })));
}

async function performImport(): Promise<void> {
  const key = await newKey(client, { Origin: 'EXTERNAL' });
  const KeyId = key.id;
  const parameters = { KeyId, WrappingAlgorithm: 'RSAES_OAEP_SHA_256', WrappingKeySpec: 'RSA_2048' } as const;
  await noted('kms GetParametersForImport', client.send(new kms.GetParametersForImportCommand(parameters)));
  const material = randomBytes(32);
  const imported = await noted(
    'kms ImportKeyMaterial',
    client.send(
      new kms.ImportKeyMaterialCommand({
        ...(await importRequest(client, KeyId, material)),
        ValidTo: new Date(Date.now() + DAY_SECONDS * 1000),
        ExpirationModel: 'KEY_MATERIAL_EXPIRES',
        ImportType: 'NEW_KEY_MATERIAL',
        KeyMaterialDescription: 'ExampleKeyMaterialA',
      }),
    ),
  );
  const which = { KeyId, KeyMaterialId: imported.KeyMaterialId };
  await noted('kms DeleteImportedKeyMaterial', client.send(new kms.DeleteImportedKeyMaterialCommand(which)));
  // Again, to expire.
  const ValidTo = new Date(Date.now() + DAY_SECONDS * 1000);
  const again = { ...(await importRequest(client, KeyId, material)), ValidTo };
  await client.send(new kms.ImportKeyMaterialCommand(again));
  keysOf.set('expiry', key.arn);
}

async function performMultiRegion(): Promise<void> {
  const { id: KeyId, arn } = await newKey(client, { MultiRegion: true });
  const replication = new kms.ReplicateKeyCommand({ KeyId, ReplicaRegion: 'eu-west-1' });
  await noted('kms ReplicateKey', client.send(replication));
  keysOf.set('replica', arn.replace('us-east-1', 'eu-west-1'));
  await client.send(new kms.RotateKeyOnDemandCommand({ KeyId }));
  keysOf.set('synchronization', arn);
  const primary = new kms.UpdatePrimaryRegionCommand({ KeyId, PrimaryRegion: 'eu-west-1' });
  await noted('kms UpdatePrimaryRegion', client.send(primary));
}

async function performStores(): Promise<void> {
  const CustomKeyStoreId = 'cks-1234567890abcdef0';
  const of = (name: string, request: Promise<{ $metadata: { requestId?: string } }>) => noted(`kms ${name}`, request);
  await of('ConnectCustomKeyStore', client.send(new kms.ConnectCustomKeyStoreCommand({ CustomKeyStoreId })));
  await of('DisconnectCustomKeyStore', client.send(new kms.DisconnectCustomKeyStoreCommand({ CustomKeyStoreId })));
  await of('DeleteCustomKeyStore', client.send(new kms.DeleteCustomKeyStoreCommand({ CustomKeyStoreId })));
  await of('DescribeCustomKeyStores', client.send(new kms.DescribeCustomKeyStoresCommand({ CustomKeyStoreId })));
  const update = { CustomKeyStoreId, NewCustomKeyStoreName: 'New', KeyStorePassword: 'kmsPswd-of-it' };
  await of('UpdateCustomKeyStore', client.send(new kms.UpdateCustomKeyStoreCommand(update)));
  const create = {
    ...{ CustomKeyStoreName: 'Example', CustomKeyStoreType: 'AWS_CLOUDHSM' as const },
    ...{ CloudHsmClusterId: 'cluster-2a23b4cdefg', KeyStorePassword: 'kmsPswd-of-it' },
    TrustAnchorCertificate: 'a certificate',
  };
  await of('CreateCustomKeyStore', client.send(new kms.CreateCustomKeyStoreCommand(create)));
}

async function performIdentities(): Promise<void> {
  const identities = iamClient(server);
  const sessions = new sts.STSClient({ endpoint: server.url, region: 'us-east-1', credentials: server.credentials });
  const UserName = 'JaneDoe';
  await noted('iam CreateUser', identities.send(new iam.CreateUserCommand({ UserName })));
  const PolicyDocument = policyOf({ Effect: 'Allow', Action: 'kms:ListKeys', Resource: '*' });
  const inline = { UserName, PolicyName: 'ReadOnly' };
  await identities.send(new iam.PutUserPolicyCommand({ ...inline, PolicyDocument }));
  await noted('iam GetUserPolicy', identities.send(new iam.GetUserPolicyCommand(inline)));
  await noted('iam CreateAccessKey', identities.send(new iam.CreateAccessKeyCommand({ UserName })));
  const trust = JSON.parse(trustOf({ AWS: server.accountId })) as { Statement: { Action: unknown }[] };
  for (const each of trust.Statement) each.Action = ['sts:AssumeRole', 'sts:SetSourceIdentity'];
  const role = { RoleName: 'dev', AssumeRolePolicyDocument: JSON.stringify(trust) };
  const made = await noted('iam CreateRole', identities.send(new iam.CreateRoleCommand(role)));
  const assumption = {
    ...{ RoleArn: made.Role?.Arn, RoleSessionName: 'JohnDoe-dev', SourceIdentity: 'JohnDoe' },
    DurationSeconds: 3600,
  };
  await noted('sts AssumeRole', sessions.send(new sts.AssumeRoleCommand(assumption)));
  const federation = { Name: 'JohnDoe', Policy: PolicyDocument };
  await noted('sts GetFederationToken', sessions.send(new sts.GetFederationTokenCommand(federation)));
  await noted('sts GetSessionToken', sessions.send(new sts.GetSessionTokenCommand({ DurationSeconds: 3600 })));
  await noted('sts GetCallerIdentity', sessions.send(new sts.GetCallerIdentityCommand({})));
}

async function performWebIdentity(): Promise<void> {
  const provider = await startOpenIdProvider();
  try {
    const identities = iamClient(server);
    const federation = { Url: provider.url, ClientIDList: [provider.clientId] };
    const made = await identities.send(new iam.CreateOpenIDConnectProviderCommand(federation));
    const Principal = { Federated: made.OpenIDConnectProviderArn };
    const Action = ['sts:AssumeRoleWithWebIdentity', 'sts:TagSession', 'sts:SetSourceIdentity'];
    const AssumeRolePolicyDocument = policyOf({ Effect: 'Allow', Principal, Action });
    const role = { RoleName: 'FederatedWebIdentityRole', AssumeRolePolicyDocument };
    const { Role } = await identities.send(new iam.CreateRoleCommand(role));
    const WebIdentityToken = await provider.logIn('someone', {
      'https://aws.amazon.com/tags': { principal_tags: { CostCenter: ['24680'] }, transitive_tag_keys: ['CostCenter'] },
      'https://aws.amazon.com/source_identity': 'MyWebIdentityUser',
    });
    const nobody = { accessKeyId: 'nobody', secretAccessKey: 'nothing' };
    const sessions = new sts.STSClient({ endpoint: server.url, region: 'us-east-1', credentials: nobody });
    const assumption = {
      ...{ RoleArn: Role?.Arn, RoleSessionName: 'MyAssignedRoleSessionName' },
      ...{ WebIdentityToken, DurationSeconds: 3600 },
    };
    const assumed = sessions.send(new sts.AssumeRoleWithWebIdentityCommand(assumption));
    await noted('sts AssumeRoleWithWebIdentity', assumed);
  } finally {
    await provider.stop();
  }
}

async function performRefusals({ id: KeyId }: NewKey): Promise<void> {
  const CiphertextBlob = randomBytes(200);
  await noted('refused ciphertext', client.send(new kms.DecryptCommand({ CiphertextBlob })));
  const dryRun = new kms.EncryptCommand({ KeyId, Plaintext: randomBytes(32), DryRun: true });
  await noted('refused dry run', client.send(dryRun));
  await noted('refused name', iamClient(server).send(new iam.GetUserCommand({ UserName: 'nobody' })));
  const sessions = new sts.STSClient({ endpoint: server.url, region: 'us-east-1', credentials: server.credentials });
  const RoleArn = `arn:aws:iam::${server.accountId}:role/none`;
  await noted('refused role', sessions.send(new sts.AssumeRoleCommand({ RoleArn, RoleSessionName: 'none' })));
}

async function performForeign({ arn }: NewKey): Promise<void> {
  const foreigner = server.kms({ credentials: { accessKeyId: '111122223333', secretAccessKey: 'anything' } });
  const Plaintext = randomBytes(32);
  await noted('shared', foreigner.send(new kms.EncryptCommand({ KeyId: arn, Plaintext })));
  await noted('shared and refused', foreigner.send(new kms.DescribeKeyCommand({ KeyId: arn })));
}

async function performLifecycles(): Promise<void> {
  const rotated = await newKey(client);
  const rotation = { KeyId: rotated.id, RotationPeriodInDays: 90 };
  await client.send(new kms.EnableKeyRotationCommand(rotation));
  keysOf.set('automatic rotation', rotated.arn);
  const deleted = await newKey(client);
  await client.send(new kms.ScheduleKeyDeletionCommand({ KeyId: deleted.id, PendingWindowInDays: 7 }));
  keysOf.set('deletion', deleted.arn);
  await advanceClock(server, 91 * DAY_SECONDS);
  await vi.waitFor(
    async () => {
      const names = (await auditRecordsOf(server)).map(({ eventName }) => eventName);
      expect(names).toEqual(expect.arrayContaining(['DeleteKey', 'DeleteExpiredKeyMaterial']));
      expect(names.filter((name) => name === 'RotateKey').length).toBeGreaterThanOrEqual(3);
    },
    { timeout: 60_000, interval: 200 },
  );
}

describe.each(['kms', 'iam', 'sts'] as const)('%s', (service) => {
  test.each(Object.keys(golden[service]))('%s', (name) => {
    const id = requests.get(`${service} ${name}`);
    expect(id, 'it was performed').toBeDefined();
    const own = records.filter(({ requestID, eventName, userIdentity }) => {
      return requestID === id && eventName === name && userIdentity.invokedBy === undefined;
    });
    const shape = golden[service][name] as Golden;
    expect(own).toEqual([expectedRecord(`${service}.amazonaws.com`, name, shape)]);
  });
});

test('there is a golden record for every operation of KMS', () => {
  expect(Object.keys(golden.kms).toSorted()).toEqual([...kmsOperations.keys()].toSorted());
});

test.each(Object.keys(golden.kmsForEnclaves))('%s for an enclave', (name) => {
  const own = records.filter(({ requestID }) => requestID === requests.get(`enclave ${name}`));
  expect(own).toEqual([expectedRecord('kms.amazonaws.com', name, golden.kmsForEnclaves[name] as Golden)]);
});

test.each(Object.keys(golden.kmsEvents))('what comes of a change or by itself: %s', (what) => {
  const shape = golden.kmsEvents[what] as Golden;
  const { eventName = '' } = shape;
  const arn = keysOf.get(what);
  const own = records.filter((record) => {
    if (record.eventName !== eventName || record.userIdentity.invokedBy === undefined) return false;
    return what === 'new primary' || record.resources?.some((each) => 'ARN' in each && each.ARN === arn);
  });
  // The key is synchronized at its rotation; before that, when it gets its replica, there is nobody to synchronize with.
  expect(own[0]).toEqual(expectedRecord('kms.amazonaws.com', eventName, shape));
  if (what !== 'synchronization') expect(own).toHaveLength(1);
});

test.each([
  ['refused ciphertext', 'InvalidCiphertextException'],
  ['refused name', 'NoSuchEntityException'],
  ['refused role', 'AccessDenied'],
  ['refused dry run', 'DryRunOperationException'],
])('a refusal is spelled as CloudTrail spells it: %s', (what, errorCode) => {
  const own = records.filter(({ requestID }) => requestID === requests.get(what));
  expect(own).toMatchObject([{ errorCode, errorMessage: expect.any(String), responseElements: null }]);
  expect(own[0]).not.toHaveProperty('additionalEventData');
});

describe('a request about what is another account’s', () => {
  test('is in the trails of both, and shows the owner of the key no more of the caller than whose it is', () => {
    const [callers, owners, ...others] = records.filter(({ requestID }) => requestID === requests.get('shared'));
    expect(others).toEqual([]);
    expect(callers).toMatchObject({
      userIdentity: { type: 'Root', accountId: '111122223333', accessKeyId: '111122223333' },
      recipientAccountId: '111122223333',
      sharedEventID: expect.stringMatching(formOf('$uuid')),
    });
    expect(owners).toEqual({
      ...callers,
      userIdentity: { type: 'AWSAccount', principalId: '111122223333', accountId: '111122223333' },
      recipientAccountId: server.accountId,
      eventID: expect.stringMatching(formOf('$uuid')),
    });
    expect(owners?.eventID).not.toBe(callers?.eventID);
  });

  test('is so, too, if it is denied, and does not tell the caller that there is such a key', () => {
    const both = records.filter(({ requestID }) => requestID === requests.get('shared and refused'));
    expect(both.map(({ recipientAccountId }) => recipientAccountId)).toEqual(['111122223333', server.accountId]);
    for (const { errorCode, sharedEventID } of both)
      expect([errorCode, sharedEventID]).toEqual(['AccessDenied', undefined]);
    expect(both[0]).not.toHaveProperty('resources');
    expect(both[1]?.resources).toMatchObject([{ accountId: server.accountId }]);
  });
});
