/** AWS's names of identities ("IAM identifiers", IAM user guide). Paths begin and end with a slash. */

interface Named {
  readonly accountId: string;
  readonly path: string;
}

export function userArn({ accountId, path, userName }: Named & { readonly userName: string }): string {
  return iamArn(accountId, `user${path}${userName}`);
}

export function groupArn({ accountId, path, groupName }: Named & { readonly groupName: string }): string {
  return iamArn(accountId, `group${path}${groupName}`);
}

export function roleArn({ accountId, path, roleName }: Named & { readonly roleName: string }): string {
  return iamArn(accountId, `role${path}${roleName}`);
}

/** @param accountId `aws` for the policies of AWS's own */
export function policyArn({ accountId, path, policyName }: Named & { readonly policyName: string }): string {
  return iamArn(accountId, `policy${path}${policyName}`);
}

export function oidcProviderArn({ accountId, url }: { readonly accountId: string; readonly url: string }): string {
  return iamArn(accountId, `oidc-provider/${url}`);
}

export function rootArn(accountId: string): string {
  return iamArn(accountId, 'root');
}

function iamArn(accountId: string, resource: string): string {
  return `arn:aws:iam::${accountId}:${resource}`;
}
