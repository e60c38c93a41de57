import type { ConditionContext } from './context.ts';
import { beginEvaluation, type Evaluation, WORK_PER_DECISION } from './evaluation.ts';
import type { Principal } from './principal.ts';

/** The callers, the key and the policies that the tests of this directory speak of. */
export const HOME = '111122223333';
export const AWAY = '444455556666';
export const KEY_ARN = `arn:aws:kms:eu-central-1:${HOME}:key/1234abcd-12ab-34cd-56ef-1234567890ab`;

export const user = (name: string, account = HOME): Principal => ({
  type: 'User',
  arn: `arn:aws:iam::${account}:user/${name}`,
  accountId: account,
  id: `AIDA${name.toUpperCase().padEnd(17, 'X')}`,
});

export const root = (account = HOME): Principal => ({
  type: 'Root',
  arn: `arn:aws:iam::${account}:root`,
  accountId: account,
  id: account,
});

export const session = (role: string, name: string, account = HOME): Principal => ({
  type: 'AssumedRole',
  arn: `arn:aws:sts::${account}:assumed-role/${role}/${name}`,
  accountId: account,
  id: `AROA${role.toUpperCase().padEnd(17, 'X')}:${name}`,
  roleArn: `arn:aws:iam::${account}:role/${role}`,
});

export const OIDC_PROVIDER = `arn:aws:iam::${HOME}:oidc-provider/id.example.com/realm`;

/** A session of a role that was assumed with a token of the provider. */
export const webSession = (role: string, name: string): Principal => ({
  ...session(role, name),
  federatedProvider: OIDC_PROVIDER,
});

/** Who comes with a token of the provider, to have a role. */
export const webIdentity: Principal = { type: 'WebIdentity', arn: OIDC_PROVIDER, accountId: '', id: OIDC_PROVIDER };

export const federatedUser = (name: string, account = HOME): Principal => ({
  type: 'FederatedUser',
  arn: `arn:aws:sts::${account}:federated-user/${name}`,
  accountId: account,
  id: `${account}:${name}`,
});

export const service = (name: string): Principal => ({ type: 'Service', arn: name, accountId: '', id: name });

export const anonymous: Principal = { type: 'Anonymous', arn: 'anonymous', accountId: '', id: 'anonymous' };

/** A context with these values; keys in lookup form. */
export function contextOf(values: Readonly<Record<string, string | readonly string[]>> = {}): ConditionContext {
  const map = new Map(Object.entries(values).map(([key, value]) => [key, typeof value === 'string' ? [value] : value]));
  return { get: (key) => map.get(key) };
}

/** A request with these values, about to be evaluated. */
export function evaluationOf(
  values: Readonly<Record<string, string | readonly string[]>> = {},
  work = WORK_PER_DECISION,
): Evaluation {
  const context = contextOf(values);
  return beginEvaluation({ principal: user('alice'), action: 'kms:Encrypt', resource: KEY_ARN, context }, work);
}

/** The text of a policy with these statements. */
export function document(...statements: readonly object[]): string {
  return JSON.stringify({ Version: '2012-10-17', Statement: statements });
}
