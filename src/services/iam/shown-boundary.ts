import type { AttachedPermissionsBoundary } from '@aws-sdk/client-iam';

/**
 * The member in which users and roles show their permissions boundary, if they have one. AWS answers the type `Policy` (AWS
 * CLI command reference, `get-user` and `list-users`), whatever the enumeration of its API reference says.
 */
export function shownBoundary(arn: string | undefined): { PermissionsBoundary?: AttachedPermissionsBoundary } {
  if (arn === undefined) return {};
  const shown = { PermissionsBoundaryType: 'Policy', PermissionsBoundaryArn: arn };
  return { PermissionsBoundary: shown as unknown as AttachedPermissionsBoundary };
}
