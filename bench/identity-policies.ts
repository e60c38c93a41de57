import { type Policy, parsePolicy } from '../src/authorization/index.ts';
import type { Caller } from '../src/services/caller.ts';
import { cpuMicrosEach, inProcessKms, REGION } from './in-process-kms.ts';

/**
 * What an Encrypt costs whose caller has policies of its own, and the same by a caller whom the key policy names and who has
 * none.
 */

export interface IdentityPoliciesPlan {
  readonly policies: number;
  readonly statementsEach: number;
  /** Both callers are measured so often, in turns; the best counts. */
  readonly rounds: number;
  readonly requestsPerRound: number;
}

export interface IdentityPoliciesMeasurement {
  readonly withoutMicros: number;
  readonly withMicros: number;
}

/** @param path of a data directory that is made for this, and left to whoever called */
export async function measureIdentityPolicies(
  path: string,
  plan: IdentityPoliciesPlan,
): Promise<IdentityPoliciesMeasurement> {
  const kms = await inProcessKms(path);
  try {
    const { accountId, root, user, call } = kms;
    const allow = (principal: string) => ({
      Effect: 'Allow',
      Principal: { AWS: principal },
      Action: 'kms:*',
      Resource: '*',
    });
    const Policy = JSON.stringify({
      Version: '2012-10-17',
      Statement: [allow(`arn:aws:iam::${accountId}:root`), allow(user.principal.arn)],
    });
    const keyOf = async (input: object) =>
      ((await call('CreateKey', input, root)) as { KeyMetadata: { KeyId: string; Arn: string } }).KeyMetadata;
    const named = await keyOf({ Policy });
    const delegated = await keyOf({});
    const bearer: Caller = { ...user, identityPolicies: policiesOn(delegated.Arn, plan) };

    const encrypt = (KeyId: string, by: Caller) => () =>
      call('Encrypt', { KeyId, Plaintext, EncryptionContext: { tenant: '7' } }, by);
    const best = { withoutMicros: Number.POSITIVE_INFINITY, withMicros: Number.POSITIVE_INFINITY };
    for (let round = 0; round < plan.rounds; round++) {
      const without = await cpuMicrosEach(plan.requestsPerRound, encrypt(named.KeyId, user));
      const having = await cpuMicrosEach(plan.requestsPerRound, encrypt(delegated.KeyId, bearer));
      best.withoutMicros = Math.min(best.withoutMicros, without);
      best.withMicros = Math.min(best.withMicros, having);
    }
    return best;
  } finally {
    await kms.close();
  }
}

const Plaintext = Buffer.from('plaintext');

/** As people write them: on keys by ARN, some by pattern, with conditions; what allows comes last, and some deny. */
function policiesOn(keyArn: string, { policies, statementsEach }: IdentityPoliciesPlan): Policy[] {
  return Array.from({ length: policies }, (_, policy) => {
    const Statement = Array.from({ length: statementsEach }, (_, number) => {
      if (policy === policies - 1 && number === statementsEach - 1) {
        const Condition = { StringEquals: { 'kms:EncryptionContext:tenant': '7', 'aws:RequestedRegion': REGION } };
        return { Effect: 'Allow', Action: ['kms:Encrypt', 'kms:Decrypt'], Resource: keyArn, Condition };
      }
      if (number % 5 === 4) {
        const Condition = { StringEquals: { 'kms:EncryptionContext:tenant': `other-${number}` } };
        return { Effect: 'Deny', Action: 'kms:*', Resource: '*', Condition };
      }
      const Resource = number % 2 === 0 ? `${keyArn.slice(0, -1)}-${policy}-${number}` : 'arn:aws:kms:*:*:alias/*';
      const Condition = { StringLike: { 'kms:EncryptionContext:tenant': 'tenant-*' } };
      return { Effect: 'Allow', Action: ['kms:Encrypt', 'kms:GenerateDataKey*'], Resource, Condition };
    });
    return parsePolicy(JSON.stringify({ Version: '2012-10-17', Statement }), 'identity');
  });
}
