import { createHmac, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { join } from 'node:path';
import {
  CreateAliasCommand,
  CreateGrantCommand,
  CreateKeyCommand,
  type CreateKeyCommandInput,
  DecryptCommand,
  EncapsulateCommand,
  EncryptCommand,
  GetPublicKeyCommand,
  ImportKeyMaterialCommand,
  type KMSClient,
  ScheduleKeyDeletionCommand,
  SignCommand,
} from '@aws-sdk/client-kms';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { verifyAuditDirectory } from '../src/audit/verify.ts';
import { parseJson } from '../src/wire/json-text.ts';
import { dice, testSeed } from './support/dice.ts';
import { newUser } from './support/iam.ts';
import { FOR_GOOD, importRequest } from './support/import-material.ts';
import { type Ciphertext, type Knowledge, objection } from './support/kms-oracle.ts';
import type { KeyKnowledge } from './support/kms-oracle-keys.ts';
import { type Answer, openLane, readLooseRequest, sendAlone } from './support/raw-http.ts';
import { type Mutant, type MutationContext, mutant, type Template } from './support/request-mutations.ts';
import { cleanUp, startServer, type TestServer } from './support/server.ts';
import { signatureHolds, signerFor } from './support/sign.ts';

/**
 * A hundred thousand requests, each a little or very wrong: none may bring the server down or make it answer 5xx, and
 * none may be answered that is not, after all, a valid request of somebody who is allowed to ask.
 *
 * KEYHOLD_TEST_SEED repeats a run; KEYHOLD_MUTANTS sets how many there are.
 */

const MUTANTS = Number(process.env['KEYHOLD_MUTANTS'] ?? 100_000);
const LANES = 12;
/** How long a server that cannot tell where a request ends is left waiting for more. */
const NO_MORE_AFTER_MS = 150;
const SECRET = 'the plaintext that no error may quote';

let server: TestServer;
let kms: KMSClient;
let context: MutationContext;
let knowledge: Knowledge;

beforeAll(async () => {
  server = await startServer({ workers: 1, args: ['--log-level', 'warn'] });
  kms = server.kms();
  const crypto = await createKey('alias/mutants-crypto');
  const changed = await createKey('alias/mutants-changed');
  const doomed = await createKey('alias/mutants-doomed');
  await kms.send(new ScheduleKeyDeletionCommand({ KeyId: doomed.keyId, PendingWindowInDays: 7 }));
  const plain = await encrypt(crypto);
  const bound = await encrypt(crypto, { tenant: 'example', purpose: 'backup' });
  const specials = await makeSpecialKeys();
  knowledge = {
    keyNames: new Set([crypto, changed, doomed, ...specials.made].flatMap(({ names }) => [...names])),
    ciphertexts: new Map([plain, bound].map((each) => [each.blob, each])),
    keys: specials.known,
  };
  context = {
    host: `127.0.0.1:${server.port}`,
    sign: signerFor(server.credentials),
    accessKeyId: server.credentials.accessKeyId,
    templates: [...templatesOf(crypto.keyId, plain, bound), ...specials.templates],
    changeTemplates: [...changeTemplatesOf(changed.keyId, doomed.keyId), ...specials.changeTemplates],
    harmlessOperations: [
      'Encrypt',
      'Decrypt',
      'GenerateDataKey',
      'DescribeKey',
      'ListKeys',
      'ListAliases',
      'ListKeyRotations',
      'GetPublicKey',
      'TagResource',
    ],
    now: Date.now,
  };
});

// Mutations put plaintexts into members that records show.
afterAll(() => cleanUp(server, { secretsAnywhere: true }));

interface MadeKey {
  readonly keyId: string;
  readonly names: ReadonlySet<string>;
}

async function createKey(alias: string, input: CreateKeyCommandInput = {}): Promise<MadeKey> {
  const { KeyMetadata } = await kms.send(new CreateKeyCommand(input));
  const { KeyId: keyId = '', Arn: arn = '' } = KeyMetadata ?? {};
  await kms.send(new CreateAliasCommand({ AliasName: alias, TargetKeyId: keyId }));
  return { keyId, names: new Set([keyId, arn, alias, arn.replace(`key/${keyId}`, alias)]) };
}

async function encrypt({ keyId, names }: MadeKey, encryptionContext?: Record<string, string>): Promise<Ciphertext> {
  const Plaintext = Buffer.from(SECRET);
  const { CiphertextBlob = new Uint8Array() } = await kms.send(
    new EncryptCommand({ KeyId: keyId, Plaintext, ...(encryptionContext && { EncryptionContext: encryptionContext }) }),
  );
  return {
    blob: Buffer.from(CiphertextBlob).toString('base64'),
    plaintext: Plaintext.toString('base64'),
    encryptionContext: encryptionContext ?? {},
    keyNames: names,
  };
}

function templatesOf(keyId: string, plain: Ciphertext, bound: Ciphertext): Template[] {
  const EncryptionContext = bound.encryptionContext;
  return [
    { operation: 'Encrypt', body: { KeyId: keyId, Plaintext: plain.plaintext } },
    { operation: 'Encrypt', body: { KeyId: 'alias/mutants-crypto', Plaintext: plain.plaintext, EncryptionContext } },
    { operation: 'Decrypt', body: { CiphertextBlob: plain.blob } },
    { operation: 'Decrypt', body: { CiphertextBlob: bound.blob, EncryptionContext } },
    { operation: 'Decrypt', body: { CiphertextBlob: bound.blob, EncryptionContext, KeyId: keyId } },
    { operation: 'GenerateDataKey', body: { KeyId: keyId, KeySpec: 'AES_256', EncryptionContext } },
    { operation: 'GenerateDataKeyWithoutPlaintext', body: { KeyId: keyId, NumberOfBytes: 64 } },
    {
      operation: 'ReEncrypt',
      body: { CiphertextBlob: bound.blob, SourceEncryptionContext: EncryptionContext, DestinationKeyId: keyId },
    },
    { operation: 'GenerateRandom', body: { NumberOfBytes: 32 } },
    { operation: 'DescribeKey', body: { KeyId: keyId } },
    { operation: 'ListKeys', body: { Limit: 2 } },
    { operation: 'ListAliases', body: { KeyId: keyId, Limit: 1 } },
    { operation: 'ListResourceTags', body: { KeyId: keyId } },
    { operation: 'GetKeyPolicy', body: { KeyId: keyId, PolicyName: 'default' } },
  ];
}

interface SpecialKeys {
  readonly made: readonly MadeKey[];
  readonly known: KeyKnowledge;
  readonly templates: readonly Template[];
  readonly changeTemplates: readonly Template[];
}

/** Keys that sign, authenticate, agree and encapsulate, that are imported, granted and replicated. */
async function makeSpecialKeys(): Promise<SpecialKeys> {
  const spec = (KeySpec: CreateKeyCommandInput['KeySpec'], KeyUsage: CreateKeyCommandInput['KeyUsage'], more = {}) =>
    createKey(`alias/mutants-${KeySpec?.toLowerCase()}-${KeyUsage?.toLowerCase()}`, { KeySpec, KeyUsage, ...more });
  const signing = await spec('ECC_NIST_P256', 'SIGN_VERIFY');
  const mac = await spec('HMAC_256', 'GENERATE_VERIFY_MAC', { Origin: 'EXTERNAL' });
  const agreement = await spec('ECC_NIST_P256', 'KEY_AGREEMENT');
  const kem = await spec('ML_KEM_768', 'ENCAPSULATE_DECAPSULATE');
  const granted = await createKey('alias/mutants-granted');
  const related = await createKey('alias/mutants-related', { MultiRegion: true });

  const message = Buffer.from(SECRET);
  const macKey = Buffer.alloc(32, 0x6b);
  const imported = { ...(await importRequest(kms, mac.keyId, macKey)), ...FOR_GOOD };
  await kms.send(new ImportKeyMaterialCommand(imported));
  const ourKey = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
  const capsule = await kms.send(new EncapsulateCommand({ KeyId: kem.keyId, EncapsulationAlgorithm: 'ML_KEM' }));
  const SigningAlgorithm = 'ECDSA_SHA_256';
  const { Signature } = await kms.send(new SignCommand({ KeyId: signing.keyId, Message: message, SigningAlgorithm }));
  const GranteePrincipal = await newUser(server, 'mutant');
  const { GrantId = '', GrantToken = '' } = await kms.send(
    new CreateGrantCommand({ KeyId: granted.keyId, GranteePrincipal, Operations: ['Decrypt', 'RetireGrant'] }),
  );

  const known: KeyKnowledge = {
    signingKey: await publicKeyOf(signing),
    macKey,
    agreementKey: await publicKeyOf(agreement),
    ourKey,
    kemKey: await publicKeyOf(kem),
    capsule: { ciphertext: base64(capsule.SharedSecretCiphertextBlob), secret: base64(capsule.SharedSecret) },
    importToken: base64(imported.ImportToken),
    wrappedMaterial: base64(imported.EncryptedKeyMaterial),
  };
  const signed = { KeyId: signing.keyId, Message: base64(message), MessageType: 'RAW', SigningAlgorithm };
  const digested = { ...signed, Message: base64(Buffer.alloc(32, 7)), MessageType: 'DIGEST' };
  const authenticated = { KeyId: mac.keyId, Message: base64(message), MacAlgorithm: 'HMAC_SHA_256' };
  const KeyId = granted.keyId;
  const RetiringPrincipal = GranteePrincipal;
  return {
    made: [signing, mac, agreement, kem, granted, related],
    known,
    templates: [
      { operation: 'Sign', body: signed },
      { operation: 'Sign', body: digested },
      { operation: 'Verify', body: { ...signed, Signature: base64(Signature) } },
      { operation: 'GenerateMac', body: authenticated },
      {
        operation: 'VerifyMac',
        body: { ...authenticated, Mac: createHmac('sha256', macKey).update(message).digest('base64') },
      },
      {
        operation: 'DeriveSharedSecret',
        body: {
          KeyId: agreement.keyId,
          KeyAgreementAlgorithm: 'ECDH',
          PublicKey: base64(createPublicKey(ourKey).export({ type: 'spki', format: 'der' })),
        },
      },
      {
        operation: 'Decapsulate',
        body: {
          KeyId: kem.keyId,
          SharedSecretCiphertextBlob: known.capsule.ciphertext,
          EncapsulationAlgorithm: 'ML_KEM',
        },
      },
      { operation: 'GenerateDataKeyPair', body: { KeyId, KeyPairSpec: 'ECC_NIST_P256' } },
      { operation: 'GetPublicKey', body: { KeyId: signing.keyId } },
      { operation: 'GetKeyLastUsage', body: { KeyId: signing.keyId } },
      { operation: 'GetKeyRotationStatus', body: { KeyId } },
      { operation: 'ListKeyRotations', body: { KeyId, Limit: 1 } },
      { operation: 'ListGrants', body: { KeyId, Limit: 1, GranteePrincipal } },
      { operation: 'ListRetirableGrants', body: { RetiringPrincipal, Limit: 1 } },
    ],
    changeTemplates: [
      {
        operation: 'CreateGrant',
        body: { KeyId, GranteePrincipal, RetiringPrincipal, Operations: ['Encrypt', 'Decrypt'], Name: 'mutant' },
      },
      { operation: 'CreateGrant', body: { KeyId, GranteePrincipal, Operations: ['Decrypt'], Constraints: {} } },
      { operation: 'RetireGrant', body: { GrantToken } },
      { operation: 'RevokeGrant', body: { KeyId, GrantId } },
      { operation: 'EnableKeyRotation', body: { KeyId, RotationPeriodInDays: 365 } },
      { operation: 'ReplicateKey', body: { KeyId: related.keyId, ReplicaRegion: 'eu-west-1' } },
      {
        operation: 'ImportKeyMaterial',
        body: {
          KeyId: mac.keyId,
          ImportToken: known.importToken,
          EncryptedKeyMaterial: known.wrappedMaterial,
          ...FOR_GOOD,
        },
      },
    ],
  };
}

async function publicKeyOf({ keyId }: MadeKey): Promise<KeyObject> {
  const { PublicKey = new Uint8Array() } = await kms.send(new GetPublicKeyCommand({ KeyId: keyId }));
  return createPublicKey({ key: Buffer.from(PublicKey), type: 'spki', format: 'der' });
}

const base64 = (bytes: Uint8Array = new Uint8Array()) => Buffer.from(bytes).toString('base64');

/** What they change is no business of the others. */
function changeTemplatesOf(keyId: string, doomedKeyId: string): Template[] {
  const Policy = JSON.stringify({
    Version: '2012-10-17',
    Statement: [{ Effect: 'Allow', Principal: { AWS: server.accountId }, Action: 'kms:*', Resource: '*' }],
  });
  return [
    { operation: 'TagResource', body: { KeyId: keyId, Tags: [{ TagKey: 'team', TagValue: 'orders' }] } },
    { operation: 'UntagResource', body: { KeyId: keyId, TagKeys: ['team'] } },
    { operation: 'UpdateKeyDescription', body: { KeyId: keyId, Description: 'mutated' } },
    { operation: 'PutKeyPolicy', body: { KeyId: keyId, Policy, BypassPolicyLockoutSafetyCheck: false } },
    { operation: 'UpdateAlias', body: { AliasName: 'alias/mutants-changed', TargetKeyId: keyId } },
    { operation: 'ScheduleKeyDeletion', body: { KeyId: doomedKeyId, PendingWindowInDays: 7 } },
    { operation: 'CreateAlias', body: { AliasName: 'alias/mutants-changed', TargetKeyId: keyId } },
  ];
}

test(`${MUTANTS} mutated requests: no crash, no 5xx, and no answer that is not due`, { timeout: 600_000 }, async () => {
  const seed = testSeed();
  const seen = new Map<string, number>();
  let next = 0;
  let audited = 0;

  async function drive(): Promise<void> {
    const lane = openLane(server.port);
    try {
      for (let index = next++; index < MUTANTS; index = next++) {
        const made = mutant(context, dice(seed, index));
        const which = `KEYHOLD_TEST_SEED=${seed} mutant ${index} (${made.kind})`;
        noteNewAlias(made);
        const answer =
          made.request === undefined
            ? await sendAlone(server.port, made.bytes, NO_MORE_AFTER_MS)
            : await lane.exchange(made.bytes, made.request.method);
        const problem = problemWith(made, answer);
        if (problem !== undefined) throw new Error(`${which}: ${problem}\n${shown(made, answer)}`);
        if (answer.headers.has('x-amzn-requestid')) audited += 1;
        const type = answer.headers.get('x-amzn-errortype') ?? String(answer.status);
        seen.set(type, (seen.get(type) ?? 0) + 1);
      }
    } finally {
      lane.close();
    }
  }

  await Promise.all(Array.from({ length: LANES }, drive));

  // The mutants went where they were meant to go: through every layer.
  for (const type of [
    '0',
    '200',
    '400',
    '431',
    'AlreadyExistsException',
    'DryRunOperationException',
    'IncompleteSignatureException',
    'InvalidArnException',
    'InvalidCiphertextException',
    'InvalidGrantTokenException',
    'InvalidKeyUsageException',
    'KMSInvalidMacException',
    'KMSInvalidSignatureException',
    'InvalidMarkerException',
    'InvalidSignatureException',
    'KMSInvalidStateException',
    'MalformedPolicyDocumentException',
    'MissingAuthenticationTokenException',
    'NotFoundException',
    'SerializationException',
    'UnknownOperationException',
    'UnrecognizedClientException',
    'UnsupportedOperationException',
    'ValidationException',
  ]) {
    if (MUTANTS >= 100_000) expect.soft(seen.get(type) ?? 0, `${type} of seed ${seed}`).toBeGreaterThan(0);
  }
  if (process.env['KEYHOLD_SHOW_MUTANTS'] === '1') console.log(Object.fromEntries([...seen].sort()));

  // The server is the same that was started, and as good as new.
  expect(server.process.exitCode).toBeNull();
  expect(server.output.stderr, 'no fault was logged').not.toMatch(/"level":[56]0/);
  const [known] = [...knowledge.ciphertexts.values()];
  const decrypted = await kms.send(new DecryptCommand({ CiphertextBlob: Buffer.from(known?.blob ?? '', 'base64') }));
  expect(Buffer.from(decrypted.Plaintext ?? []).toString()).toBe(SECRET);

  expect(await server.stop()).toBe(0);
  const verdicts = await verifyAuditDirectory(join(server.dataDir, 'audit'));
  expect(verdicts).toEqual([{ stream: 'w0', records: expect.any(Number) }]);
  expect(verdicts[0]?.records, 'every answer that has a request id has a record').toBeGreaterThanOrEqual(audited);
});

/** A mutant that makes an alias makes a name for a key, which a later one might hit upon. */
function noteNewAlias({ request, kind }: Mutant): void {
  if (request === undefined || !kind.startsWith('CreateAlias')) return;
  for (const [name] of request.body.toString('utf8').matchAll(/alias\/[a-zA-Z0-9/_-]+/g)) {
    knowledge.keyNames.add(name);
    knowledge.keyNames.add(`arn:aws:kms:us-east-1:${server.accountId}:${name}`);
  }
}

function problemWith({ request, bytes }: Mutant, answer: Answer): string | undefined {
  const { status, body } = answer;
  if (status >= 500) return `answered with ${status}`;
  if (body.includes(server.credentials.secretAccessKey)) return 'the answer holds the secret access key';
  if (status !== 200) {
    if (body.includes(SECRET)) return 'the refusal quotes the plaintext';
    return answer.headers.has('x-amzn-requestid') ? problemWithRefusal(answer) : undefined;
  }
  if (request === undefined) return problemWithLooseRequest(bytes);
  if ((request.method === 'GET' || request.method === 'HEAD') && request.target === '/health') return undefined;
  if (request.method !== 'POST') return 'another method than POST was answered';
  if (!signatureHolds(request, server.credentials, new Date())) return 'the signature does not hold';
  const target = request.headers.find(([name]) => name.toLowerCase() === 'x-amz-target')?.[1] ?? '';
  if (!target.startsWith('TrentService.')) return `${target} is no target`;
  const text = request.body.toString('utf8');
  if (!Buffer.from(text).equals(request.body)) return 'the body is not UTF-8';
  const operation = target.slice('TrentService.'.length);
  // JSON.parse itself would not do, for the reason that parseJson gives.
  return objection(operation, parseJson(text), body === '' ? {} : JSON.parse(body), knowledge);
}

/** A refusal of the API is one of AWS's, in AWS's form. */
function problemWithRefusal({ status, headers, body }: Answer): string | undefined {
  if (status !== 400 && status !== 413) return `refused with ${status}`;
  const type = headers.get('x-amzn-errortype');
  // HEAD has no body to look into.
  if (body === '') return undefined;
  const { __type, ...rest } = JSON.parse(body) as Record<string, unknown>;
  if (__type !== type) return 'the type in the body is another than in the header';
  if (type === 'InvalidCiphertextException' && Object.keys(rest).length > 0) return 'a refused ciphertext is explained';
  return undefined;
}

/**
 * Requests that the strict reader of these tests would not take, and the server may. Of those only some are whole and
 * untouched, and these only may be answered.
 */
function problemWithLooseRequest(bytes: Buffer): string | undefined {
  const loose = readLooseRequest(bytes);
  if (loose === undefined) return 'it is no request';
  if ((loose.method === 'GET' || loose.method === 'HEAD') && loose.target === '/health') return undefined;
  return signatureHolds(loose, server.credentials, new Date()) ? undefined : 'the signature does not hold';
}

function shown({ bytes }: Mutant, { status, body }: Answer): string {
  return `${JSON.stringify(bytes.toString('latin1').slice(0, 3000))}\n→ ${status} ${body.slice(0, 1000)}`;
}
