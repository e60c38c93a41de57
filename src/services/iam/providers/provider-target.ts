import { KeyholdError } from '../../../runtime/errors.ts';
import type { Reader, Transaction } from '../../../store/sealed-store.ts';
import type { Scope } from '../../caller.ts';
import { type ConditionTable, conditionReader } from '../../condition-table.ts';
import type { ConditionRequest, Target } from '../../operation.ts';
import { providerName } from '../../sts/web-identity/provider-url.ts';
import { oidcProviderArn } from '../arns.ts';
import { type Entity, resourceTagConditions } from '../entity.ts';
import type { IamPorts } from '../ports.ts';
import { type OidcProviderRecord, oidcProviderName, oidcProvidersTable } from '../records.ts';

/** OpenID providers, which requests name by ARN and which are made by URL. */

type Provider = Entity<OidcProviderRecord>;

/** A provider as targets find it: perhaps there is none. */
export type FoundProvider = Partial<Provider> & { readonly arn: string };

interface ProviderTargetDeclaration<Input> {
  /** `iam:GetOpenIDConnectProvider` */
  readonly permission: string;
  /** The ARN that the request names it by. */
  readonly name: (input: Input) => string;
  readonly conditions?: ConditionTable<ConditionRequest<Input, unknown>>;
  /** What AWS says where there is none, where it does not say what it says elsewhere. */
  readonly missing?: (arn: string) => string;
}

/** The provider of the ARN that the request names; AWS looks for it after it has authorized. */
export function providerTarget<Input extends object>(
  declaration: ProviderTargetDeclaration<Input>,
): Target<Input, Provider, IamPorts> {
  const { permission, name, conditions, missing = notFound } = declaration;
  return {
    ...(target(permission, conditions) as Omit<Target<Input, Provider, IamPorts>, 'resolve'>),
    resolve: (input, { store }, scope) => {
      const { accountId, url } = parseProviderArn(name(input));
      return find(accountId, url, scope, store) as Promise<Provider>;
    },
    check: ({ record, arn }: FoundProvider) => {
      if (record === undefined) throw new KeyholdError('NoSuchEntityException', missing(arn));
    },
  };
}

function notFound(arn: string): string {
  return `OpenIDConnect Provider not found for arn ${arn}`;
}

/** The provider that the request is to make. */
export function newProviderTarget<Input extends { readonly Url: string }>(
  permission: string,
  conditions: ConditionTable<ConditionRequest<Input, unknown>>,
): Target<Input, FoundProvider, IamPorts> {
  return {
    ...target(permission, conditions),
    resolve: (input, { store }, scope) => find(scope.caller.principal.accountId, providerName(input.Url), scope, store),
    check: ({ record }, input) => {
      if (record !== undefined) {
        throw new KeyholdError('EntityAlreadyExistsException', `Provider with url ${input.Url} already exists.`);
      }
    },
  };
}

function target<Input>(permission: string, conditions: ConditionTable<ConditionRequest<Input, unknown>> = {}) {
  const reader = conditionReader<ConditionRequest<Input, FoundProvider>>(
    conditions as ConditionTable<ConditionRequest<Input, FoundProvider>>,
    resourceTagConditions<Input, OidcProviderRecord>({
      tagsOf: ({ tags }) => tags,
    }) as ConditionTable<ConditionRequest<Input, FoundProvider>>,
  );
  return {
    permission,
    facts: ({ arn }: FoundProvider) => ({ arn, accountId: arn.split(':')[4] as string }),
    condition: reader.read,
    summary: { namedBy: 'OpenID provider', crossAccount: false, states: [], conditionKeys: reader.names },
  };
}

/**
 * Another account's providers are not looked for. That account has no policy that could allow them to the caller, so whoever
 * names one is refused, whether or not there is one.
 */
async function find(accountId: string, url: string, scope: Scope, reader: Reader): Promise<FoundProvider> {
  const arn = oidcProviderArn({ accountId, url });
  if (accountId !== scope.caller.principal.accountId) return { arn };
  const stored = await reader.get(oidcProvidersTable, oidcProviderName(accountId, url));
  return stored === undefined ? { arn } : { arn, record: stored.value, version: stored.version };
}

/** @throws KeyholdError ValidationException */
function parseProviderArn(arn: string): { readonly accountId: string; readonly url: string } {
  const parts = /^arn:aws:([^:]*)::(\d{12}):([^/]+)\/(.+)$/.exec(arn);
  if (parts === null) throw new KeyholdError('ValidationException', `Invalid ARN: ${arn}`);
  const [, service, accountId = '', kind, url = ''] = parts;
  if (service !== 'iam') throw new KeyholdError('ValidationException', 'Invalid service in ARN');
  if (kind !== 'oidc-provider') throw new KeyholdError('ValidationException', 'Invalid resource type in ARN');
  return { accountId, url };
}

/** Replaces what changes of a provider. */
export function changeProvider(
  transaction: Transaction,
  { record, version }: Provider,
  change: Partial<OidcProviderRecord>,
): Promise<void> {
  const name = oidcProviderName(record.accountId, record.url);
  return transaction.replace(oidcProvidersTable, name, { ...record, ...change }, version);
}
