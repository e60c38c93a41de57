import type { Attestation } from '../../crypto/attestation/verify-attestation.ts';
import { ALIAS_PREFIX, aliasArn } from '../../keys/alias.ts';
import { type KeyIdentity, type KeyOwner, keyArn, partitionOf } from '../../keys/key.ts';
import { isDeleted } from '../../keys/lifecycle.ts';
import { type MaybePromise, whenThere } from '../../runtime/maybe-promise.ts';
import type { Scope } from '../caller.ts';
import {
  aliasNotFound,
  aliasNotSupported,
  arnOfOtherRegion,
  invalidKeyId,
  invalidKeyIdInArn,
  keyNotFound,
} from './errors.ts';
import type { KeySource, LoadedKey } from './key-source.ts';

/** A `KeyId` as callers write it: a key id, a key ARN, an alias name or an alias ARN. */
export type KeyReference =
  | { readonly kind: 'key'; readonly owner: KeyOwner; readonly keyId: string }
  | { readonly kind: 'alias'; readonly owner: KeyOwner; readonly aliasName: string };

/** What a target is once its reference has been followed. */
export interface ResolvedKey {
  readonly key: LoadedKey | undefined;
  readonly identity: KeyIdentity;
  /** The ARN of what the request named, which may be an alias; refusals to other accounts tell no more than it. */
  readonly namedArn: string;
  /** The alias that the request named the key by; policies read it as `kms:RequestAlias`. */
  readonly requestAlias?: string;
  /** The enclave that the answer is for, whose document has been verified. */
  readonly recipient?: Attestation;
}

/** Reads a reference without looking anything up. Throws NotFoundException for what cannot be one, as AWS does. */
export function parseKeyReference(text: string, scope: Scope): KeyReference {
  const own = { accountId: scope.caller.principal.accountId, region: scope.region };
  if (!text.startsWith('arn:')) {
    if (text.startsWith(ALIAS_PREFIX)) return { kind: 'alias', owner: own, aliasName: text };
    if (!isKeyId(text)) throw invalidKeyId(text);
    return { kind: 'key', owner: own, keyId: text };
  }
  const [, partition, service, region = '', accountId = '', ...rest] = text.split(':');
  const resource = rest.join(':');
  if (partition !== partitionOf(region) || service !== 'kms' || !isAccountId(accountId)) throw invalidKeyId(text);
  if (region !== scope.region) throw arnOfOtherRegion(region);
  const owner = { accountId, region };
  if (resource.startsWith(ALIAS_PREFIX)) return { kind: 'alias', owner, aliasName: resource };
  const keyId = resource.startsWith('key/') ? resource.slice('key/'.length) : '';
  if (!isKeyId(keyId)) throw keyId === '' ? invalidKeyId(text) : invalidKeyIdInArn(keyId);
  return { kind: 'key', owner, keyId };
}

/**
 * Follows a reference to its key. Throws, or rejects with, NotFoundException.
 *
 * A key or alias of the caller's own account that does not exist is NotFoundException. One of another account is not: it
 * resolves to no key, so that authorization refuses it with the words it has for keys the caller may not use, and nobody
 * learns from outside which keys an account has.
 */
export function followKeyReference(
  text: string,
  accepts: 'key' | 'key or alias',
  source: KeySource,
  scope: Scope,
): MaybePromise<ResolvedKey> {
  const reference = parseKeyReference(text, scope);
  const { owner } = reference;
  const foreign = owner.accountId !== scope.caller.principal.accountId;
  if (reference.kind === 'alias') {
    if (accepts === 'key') throw aliasNotSupported();
    return followAlias(owner, reference.aliasName, foreign, source, scope);
  }
  const identity = { accountId: owner.accountId, region: owner.region, keyId: reference.keyId };
  return whenThere(livingKey(source, identity, scope.nowMs), (key) => {
    if (key === undefined && !foreign) throw keyNotFound(keyArn(identity));
    return { key, identity, namedArn: key?.arn ?? keyArn(identity) };
  });
}

async function followAlias(
  owner: KeyOwner,
  aliasName: string,
  foreign: boolean,
  source: KeySource,
  scope: Scope,
): Promise<ResolvedKey> {
  const namedArn = aliasArn(owner, aliasName);
  const keyId = await source.aliasTarget(owner, aliasName);
  if (keyId === undefined && !foreign) throw aliasNotFound(namedArn);
  const identity = { accountId: owner.accountId, region: owner.region, keyId: keyId ?? '' };
  const key = keyId === undefined ? undefined : await livingKey(source, identity, scope.nowMs);
  if (key === undefined && !foreign) throw keyNotFound(keyArn(identity));
  return { key, identity, namedArn, requestAlias: aliasName };
}

/** A key whose deletion is due does not exist, whether or not anyone has got round to destroying it. */
export function livingKey(
  source: KeySource,
  identity: KeyIdentity,
  nowMs: number,
): MaybePromise<LoadedKey | undefined> {
  return whenThere(source.key(identity), (key) =>
    key === undefined || isDeleted(key.record, nowMs) ? undefined : key,
  );
}

const UUID_LENGTH = 36;
const MULTI_REGION_PREFIX = 'mrk-';
const MULTI_REGION_LENGTH = MULTI_REGION_PREFIX.length + 32;

/** A UUID, or `mrk-` and 32 hex digits. AWS takes them in either case, though no key has an id in upper case. */
export function isKeyId(text: string): boolean {
  if (text.length === MULTI_REGION_LENGTH && text.startsWith(MULTI_REGION_PREFIX)) {
    return isHex(text, MULTI_REGION_PREFIX.length);
  }
  if (text.length !== UUID_LENGTH) return false;
  for (let at = 0; at < UUID_LENGTH; at++) {
    const hyphen = at === 8 || at === 13 || at === 18 || at === 23;
    if (hyphen ? text.charCodeAt(at) !== 0x2d : !isHexDigit(text.charCodeAt(at))) return false;
  }
  return true;
}

function isHex(text: string, from: number): boolean {
  for (let at = from; at < text.length; at++) if (!isHexDigit(text.charCodeAt(at))) return false;
  return true;
}

function isHexDigit(code: number): boolean {
  return (code >= 0x30 && code <= 0x39) || (code >= 0x41 && code <= 0x46) || (code >= 0x61 && code <= 0x66);
}

function isAccountId(text: string): boolean {
  return /^\d{12}$/.test(text);
}
