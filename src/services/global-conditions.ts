import type { Caller, Scope } from './caller.ts';
import { servicePrincipal } from './service-names.ts';

/** What of a request they are read from. */
export interface RequestFacts extends Omit<Scope, 'caller'> {
  readonly caller: Pick<Caller, 'principal' | 'userName' | 'conditions'>;
}

/**
 * The values of AWS's global condition keys ("AWS global condition context keys", IAM user guide) that every request has,
 * whatever it works on; `key` is in lower case. All come from the authenticated caller, the connection or the clock, but
 * for `aws:UserAgent`, which AWS also takes as the caller gives it.
 *
 * Where a service makes the request on the caller's behalf, these are still the caller's ("Forward access sessions"), but
 * for the address: AWS KMS sees one of the service's own, so that policies which want the caller's refuse ("Using the IP
 * address condition in policies with AWS KMS permissions", developer guide). Services of this server have none.
 */
export function globalCondition(key: string, scope: RequestFacts): readonly string[] | undefined {
  const { caller } = scope;
  switch (key) {
    case 'aws:principalarn':
      return [caller.principal.roleArn ?? caller.principal.arn];
    case 'aws:principalaccount':
      // Nobody's, where a provider's word is all that is known of the caller, or a service asks.
      return caller.principal.accountId === '' ? undefined : [caller.principal.accountId];
    case 'aws:principaltype':
      return [caller.principal.type === 'Root' ? 'Account' : caller.principal.type];
    case 'aws:userid':
      return [caller.principal.id];
    case 'aws:username':
      return caller.userName === undefined ? undefined : [caller.userName];
    case 'aws:principalisawsservice':
      return [String(caller.principal.type === 'Service')];
    case 'aws:viaawsservice':
      return [String(scope.viaService !== undefined)];
    case 'aws:calledvia':
    case 'aws:calledviafirst':
    case 'aws:calledvialast':
      return scope.viaService === undefined ? undefined : [servicePrincipal(scope.viaService)];
    case 'aws:requestedregion':
      return [scope.region];
    case 'aws:currenttime':
      return [new Date(scope.nowMs).toISOString()];
    case 'aws:epochtime':
      return [String(Math.floor(scope.nowMs / 1000))];
    case 'aws:sourceip':
      return scope.viaService === undefined ? [scope.sourceIp] : undefined;
    case 'aws:securetransport':
      return [String(scope.secureTransport)];
    case 'aws:useragent':
      return [scope.userAgent];
    default:
      return caller.conditions?.get(key);
  }
}
