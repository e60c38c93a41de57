import type { Scope } from './caller.ts';

/**
 * The values of AWS's global condition keys ("AWS global condition context keys", IAM user guide) that every request has,
 * whatever it works on; `key` is in lower case. All come from the authenticated caller, the connection or the clock, but
 * for `aws:UserAgent`, which AWS also takes as the caller gives it.
 */
export function globalCondition(key: string, scope: Scope): readonly string[] | undefined {
  const { caller } = scope;
  switch (key) {
    case 'aws:principalarn':
      return [caller.principal.roleArn ?? caller.principal.arn];
    case 'aws:principalaccount':
      return [caller.principal.accountId];
    case 'aws:principaltype':
      return [caller.principal.type === 'Root' ? 'Account' : caller.principal.type];
    case 'aws:userid':
      return [caller.principal.id];
    case 'aws:username':
      return caller.userName === undefined ? undefined : [caller.userName];
    case 'aws:principalisawsservice':
    case 'aws:viaawsservice':
      return ['false'];
    case 'aws:requestedregion':
      return [scope.region];
    case 'aws:currenttime':
      return [new Date(scope.nowMs).toISOString()];
    case 'aws:epochtime':
      return [String(Math.floor(scope.nowMs / 1000))];
    case 'aws:sourceip':
      return [scope.sourceIp];
    case 'aws:securetransport':
      return [String(scope.secureTransport)];
    case 'aws:useragent':
      return [scope.userAgent];
    default:
      return undefined;
  }
}
