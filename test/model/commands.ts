import fc from 'fast-check';
import { wrapMaterial } from '../../src/crypto/wrap-material.test-helper.ts';
import { attempt } from './attempt.ts';
import { advance, ask, type Command, letDueWorkBeDone, restart } from './command.ts';
import {
  aliasAt,
  aliasName,
  another,
  bytes,
  constraints,
  context,
  description,
  grantName,
  hasReplicas,
  importType,
  isDisabled,
  isFor,
  isOf,
  isReplica,
  isScheduledForDeletion,
  keyAt,
  keyFor,
  kinds,
  named,
  nameOf,
  naming,
  number,
  operations,
  owner,
  PLAINTEXTS,
  pick,
  place,
  placeOf,
  plaintext,
  policy,
  referenceTo,
  region,
  rotates,
  TAG_KEYS,
  tags,
  validity,
} from './drawn.ts';
import {
  arnOf,
  type Caller,
  type ImportParameters,
  isHeld,
  isPrimary,
  type Key,
  livingKeys,
  livingMember,
  type Model,
  pendingMaterial,
  policyText,
  principalOf,
  regions,
} from './model.ts';
import type { Request, System } from './system.ts';

/** The commands of which sequences are made, for a system that knows these callers. */
export function commandsBy(callers: readonly Caller[]): fc.Arbitrary<Command>[] {
  const anyone = fc.constantFrom(...callers);
  const others = fc.constantFrom(...(callers.filter((each) => each !== 'owner') as Exclude<Caller, 'owner'>[]));
  // Mostly those who may, or few sequences would come to anything.
  const user = fc.oneof({ weight: 2, arbitrary: fc.constant<Caller>('owner') }, { weight: 1, arbitrary: anyone });

  /** An operation that the owner does to a key, mostly to one that suits. */
  const manage = <P>(
    operation: string,
    suits: (key: Key) => boolean,
    more: fc.Arbitrary<P>,
    input: (params: P, key: Key, model: Model) => object,
  ) =>
    ask(fc.tuple(number, more), (model, [at, params]) => {
      const key = keyAt(model, at, suits);
      return key && owner(key.region, operation, { KeyId: nameOf(model, key, at), ...input(params, key, model) });
    });
  /** The same, which others try as well. */
  const manageBy = (operation: string, suits: (key: Key) => boolean) =>
    ask(fc.tuple(number, user), (model, [at, by]) => {
      const key = keyAt(model, at, suits);
      return key && { ...owner(key.region, operation, { KeyId: arnOf(model, key) }), by };
    });
  /** An operation for which there are permissions, policies and grants. */
  const use = <P>(
    operation: string,
    suits: (key: Key) => boolean,
    more: fc.Arbitrary<P>,
    input: (params: P) => object,
  ) =>
    ask(fc.tuple(number, number, user, more), (model, [at, form, by, params]) => {
      const key = keyAt(model, at, suits);
      if (key === undefined) return undefined;
      const named = { KeyId: referenceTo(model, key, by, form) };
      return { by, region: key.region, operation, input: { ...named, ...input(params) } };
    });

  return [
    ask(fc.tuple(region, kinds, tags, description, policy), (model, [where, kind, Tags, Description, policyName]) =>
      owner(where, 'CreateKey', { ...kind, Tags, Description, Policy: policyText(model, policyName) }),
    ),
    manageBy('EnableKey', isDisabled),
    manageBy('DisableKey', any),
    manage('ScheduleKeyDeletion', isReplica, fc.constantFrom(7, 8, 30), (PendingWindowInDays) => ({
      PendingWindowInDays,
    })),
    manageBy('CancelKeyDeletion', isScheduledForDeletion),
    manage('UpdateKeyDescription', any, description, (Description) => ({ Description })),
    manage('TagResource', any, tags, (Tags) => ({ Tags })),
    manage('UntagResource', any, fc.subarray(TAG_KEYS, { minLength: 1 }), (TagKeys) => ({ TagKeys })),
    manage('PutKeyPolicy', any, policy, (name, _, model) => ({ Policy: policyText(model, name) })),
    use('DescribeKey', any, nothing, () => ({})),

    ...[any, isReplica].map((suits) =>
      ask(fc.tuple(number, aliasName), (model, [at, AliasName]) => {
        const key = keyAt(model, at, suits);
        return key && owner(key.region, 'CreateAlias', { AliasName, TargetKeyId: nameOf(model, key, at) });
      }),
    ),
    ask(fc.tuple(number, aliasName), (model, [at, AliasName]) => {
      const key = keyAt(model, at);
      return key && owner(key.region, 'CreateAlias', { AliasName, TargetKeyId: nameOf(model, key, at) });
    }),
    ...twice(
      ask(fc.tuple(number, number, aliasName), (model, [at, to, anyName]) => {
        const { region: where, name: AliasName } = aliasAt(model, at) ?? { region: regions[0], name: anyName };
        const key = pick(livingKeys(model, where), to);
        return key && owner(where, 'UpdateAlias', { AliasName, TargetKeyId: nameOf(model, key, at) });
      }),
    ),
    ask(fc.tuple(number, region, aliasName), (model, [at, anywhere, anyName]) => {
      const { region: where, name: AliasName } = aliasAt(model, at) ?? { region: anywhere, name: anyName };
      return owner(where, 'DeleteAlias', { AliasName });
    }),

    ...twice(
      use('Encrypt', isFor('ENCRYPT_DECRYPT'), fc.tuple(plaintext, context), ([Plaintext, EncryptionContext]) => ({
        Plaintext,
        EncryptionContext,
      })),
    ),
    use('GenerateDataKey', isFor('ENCRYPT_DECRYPT'), context, (EncryptionContext) => ({
      KeySpec: 'AES_256',
      EncryptionContext,
    })),
    ...twice(
      ask(fc.record({ at: number, by: user, where: place, context: another, named: naming }), (model, params) => {
        const blob = pick(model.blobs, params.at);
        if (blob === undefined) return undefined;
        const where = placeOf(model, blob, params.where);
        return {
          by: params.by,
          region: where,
          operation: 'Decrypt',
          input: {
            CiphertextBlob: blob.bytes,
            EncryptionContext: params.context ?? blob.context,
            ...named('KeyId', keyFor(model, blob, where, params.named, params.at), params.by, model, params.at),
          },
        };
      }),
    ),
    ask(
      fc.record({ at: number, to: number, by: user, before: another, after: context, named: naming }),
      (model, { at, to, by, before, after, named: how }) => {
        const [blob, destination] = [pick(model.blobs, at), keyAt(model, to, isFor('ENCRYPT_DECRYPT'))];
        if (blob === undefined || destination === undefined) return undefined;
        const { region: where } = destination;
        return {
          by,
          region: where,
          operation: 'ReEncrypt',
          input: {
            CiphertextBlob: blob.bytes,
            SourceEncryptionContext: before ?? blob.context,
            DestinationEncryptionContext: after,
            DestinationKeyId: referenceTo(model, destination, by, to),
            ...named('SourceKeyId', keyFor(model, blob, where, how, at), by, model, at),
          },
        };
      },
    ),
    use('Sign', isFor('SIGN_VERIFY'), plaintext, (Message) => ({ Message, SigningAlgorithm: 'ECDSA_SHA_256' })),
    ask(fc.record({ at: number, by: user, other: number }), (model, { at, by, other }) => {
      const signature = pick(model.signatures, at);
      if (signature === undefined) return undefined;
      const key = other % 4 === 0 ? pick(model.keys, other) : pick(signature.family.members, other);
      if (key === undefined) return undefined;
      const Message = other % 5 === 0 ? PLAINTEXTS[0] : signature.message;
      const input = { KeyId: referenceTo(model, key, by, other), Message, Signature: signature.bytes };
      return { by, region: key.region, operation: 'Verify', input: { ...input, SigningAlgorithm: 'ECDSA_SHA_256' } };
    }),

    ...twice(
      ask(
        fc.record({
          at: number,
          grantee: others,
          retiring: fc.option(others),
          operations,
          constraints,
          name: grantName,
        }),
        (model, { at, grantee, retiring, operations: Operations, constraints: Constraints, name }) => {
          const key = keyAt(model, at);
          return (
            key &&
            owner(key.region, 'CreateGrant', {
              KeyId: nameOf(model, key, at),
              GranteePrincipal: principalOf(model, grantee),
              Operations,
              ...(retiring === null ? {} : { RetiringPrincipal: principalOf(model, retiring) }),
              ...(Constraints === null ? {} : { Constraints }),
              ...(name === null ? {} : { Name: name }),
            })
          );
        },
      ),
    ),
    ask(number, (model, at) => {
      const grant = pick(model.grants, at);
      return grant && owner(grant.key.region, 'RevokeGrant', { KeyId: arnOf(model, grant.key), GrantId: grant.id });
    }),
    ask(fc.tuple(number, anyone, fc.boolean()), (model, [at, by, byToken]) => {
      const grant = pick(model.grants, at);
      if (grant === undefined) return undefined;
      const input = byToken ? { GrantToken: grant.token } : { KeyId: arnOf(model, grant.key), GrantId: grant.id };
      return { by, region: grant.key.region, operation: 'RetireGrant', input };
    }),

    ...twice(
      ask(
        fc.tuple(number, bytes, importType, validity),
        (model, [at]) => {
          const key = keyAt(model, at, isOf('EXTERNAL'));
          const wrapping = { WrappingAlgorithm: 'RSAES_OAEP_SHA_256', WrappingKeySpec: 'RSA_2048' };
          return key && owner(key.region, 'GetParametersForImport', { KeyId: arnOf(model, key), ...wrapping });
        },
        (model, [at, anyBytes, type, validForMs]) => {
          const parameters = model.imports.at(-1);
          if (parameters === undefined) return undefined;
          const missing = at % 4 < 3 ? missingBytes(model, parameters.key) : undefined;
          // Without an import type it would nearly always be material that the key has already.
          const ImportType = missing === undefined ? (type ?? 'NEW_KEY_MATERIAL') : undefined;
          return importRequest(model, parameters.key, parameters, missing ?? anyBytes, {
            ...(ImportType === undefined || at % 8 === 0 ? {} : { ImportType }),
            ...(validForMs === null ? {} : { ValidTo: new Date(model.nowMs + validForMs) }),
          });
        },
      ),
    ),
    ask(fc.tuple(number, number, bytes), (model, [at, key, material]) => {
      const parameters = pick(model.imports, at);
      const into = key % 4 === 0 ? keyAt(model, key) : parameters?.key;
      return parameters && into && importRequest(model, into, parameters, material, {});
    }),
    manage('DeleteImportedKeyMaterial', isOf('EXTERNAL'), number, (at, { family }, model) => {
      const material = pick([pendingMaterial(model, family), ...family.imported.values(), undefined], at);
      return material?.id === undefined ? {} : { KeyMaterialId: material.id };
    }),
    manage('EnableKeyRotation', isOf('AWS_KMS'), fc.constantFrom(90, 91, 365), (RotationPeriodInDays) => ({
      RotationPeriodInDays,
    })),
    manage('EnableKeyRotation', hasReplicas, nothing, () => ({ RotationPeriodInDays: 90 })),
    manage('DisableKeyRotation', isOf('AWS_KMS'), nothing, () => ({})),
    manage('RotateKeyOnDemand', isOf('AWS_KMS'), nothing, () => ({})),
    manage('RotateKeyOnDemand', rotates, nothing, () => ({})),
    manage('ReplicateKey', isPrimary, fc.tuple(region, tags), ([anywhere, Tags], { family }, model) => {
      // Rather where there is none, or no longer one.
      const free = regions.find((each) => livingMember(model, family, each) === undefined);
      return { ReplicaRegion: free ?? anywhere, Tags };
    }),
    manage('ReplicateKey', isPrimary, fc.tuple(region, description), ([ReplicaRegion, Description]) => ({
      ReplicaRegion,
      Description,
    })),
    manage('UpdatePrimaryRegion', hasReplicas, fc.tuple(number, region), ([at, anywhere], { family }) => {
      const member = pick(family.members, at >> 2);
      return { PrimaryRegion: at % 4 === 0 || member === undefined ? anywhere : member.region };
    }),
    manage('RotateKeyOnDemand', isOf('EXTERNAL'), nothing, () => ({})),

    ...twice(advance),
    ...twice(letDueWorkBeDone),
    restart,
  ];
}

/** What every sequence starts with, or half of it would find nothing to do. */
export async function makeFirstKeys(model: Model, system: System): Promise<void> {
  const signing = { KeySpec: 'ECC_NIST_P256', KeyUsage: 'SIGN_VERIFY' };
  for (const kind of [{}, { MultiRegion: true }, { MultiRegion: true, Origin: 'EXTERNAL' }, signing]) {
    await attempt(model, system, owner(regions[0], 'CreateKey', kind));
  }
}

/** What related keys have, or had, and this one has not. */
function missingBytes(model: Model, key: Key): string | undefined {
  const { family } = key;
  const wanted = [...family.materials, pendingMaterial(model, family)];
  return [...family.imported].find(([, each]) => wanted.includes(each) && !isHeld(model, key, each))?.[0];
}

function importRequest(model: Model, key: Key, parameters: ImportParameters, bytes: string, more: object): Request {
  const EncryptedKeyMaterial = wrapMaterial(parameters.publicKey, 'RSAES_OAEP_SHA_256', Buffer.from(bytes));
  model.wrapped.set(EncryptedKeyMaterial, { bytes, parameters });
  const expiry = 'ValidTo' in more ? {} : { ExpirationModel: 'KEY_MATERIAL_DOES_NOT_EXPIRE' };
  const input = { KeyId: arnOf(model, key), ImportToken: parameters.token, EncryptedKeyMaterial, ...expiry, ...more };
  return owner(key.region, 'ImportKeyMaterial', input);
}

const nothing = fc.constant(undefined);

function any(): boolean {
  return true;
}

function twice<T>(each: T): T[] {
  return [each, each];
}
