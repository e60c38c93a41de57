import type { Denied, DenyReason } from './decide.ts';
import type { AuthorizationRequest } from './evaluation.ts';

/** AWS's words: "Troubleshoot access denied error messages" in the IAM User Guide. */
const explanations: Readonly<Record<DenyReason, (action: string) => string>> = {
  'explicit-deny-in-resource-based-policy': () => 'with an explicit deny in a resource-based policy',
  'explicit-deny-in-identity-based-policy': () => 'with an explicit deny in an identity-based policy',
  'explicit-deny-in-permissions-boundary': () => 'with an explicit deny in a permissions boundary',
  'explicit-deny-in-session-policy': () => 'with an explicit deny in a session policy',
  'no-resource-based-policy-allows': (action) => `because no resource-based policy allows the ${action} action`,
  'no-identity-based-policy-allows': (action) => `because no identity-based policy allows the ${action} action`,
  'no-permissions-boundary-allows': (action) => `because no permissions boundary allows the ${action} action`,
  'no-session-policy-allows': (action) => `because no session policy allows the ${action} action`,
};

/** The message of the AccessDeniedException for a denial: who, what, on which resource, unless that has no name, and why not. */
export function denialMessage(request: AuthorizationRequest, denied: Denied): string {
  const { principal, action, resource } = request;
  const explanation = explanations[denied.reason](action);
  const where = resource === '' ? '' : ` on resource: ${resource}`;
  return `User: ${principal.arn} is not authorized to perform: ${action}${where} ${explanation}`;
}
