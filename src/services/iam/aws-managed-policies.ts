/** AWS's own managed policies, which every account has and nobody can change ("AWS managed policy reference guide"). */
export interface AwsManagedPolicy {
  readonly policyName: string;
  /** `/`, or such as `/job-function/`. */
  readonly path: string;
  readonly policyId: string;
  readonly versionId: string;
  readonly description: string;
  readonly createdAtMs: number;
  readonly updatedAtMs: number;
  readonly document: string;
}

const policies: readonly AwsManagedPolicy[] = [
  {
    policyName: 'AdministratorAccess',
    path: '/',
    policyId: 'ANPAIWMBCKSKIEE64ZLYK',
    versionId: 'v1',
    description: 'Provides full access to AWS services and resources.',
    createdAtMs: Date.UTC(2015, 1, 6, 18, 39, 46),
    updatedAtMs: Date.UTC(2015, 1, 6, 18, 39, 46),
    document: JSON.stringify({
      Version: '2012-10-17',
      Statement: [{ Effect: 'Allow', Action: '*', Resource: '*' }],
    }),
  },
];

export const ADMINISTRATOR_ACCESS = 'arn:aws:iam::aws:policy/AdministratorAccess';

export const awsManagedPolicies: ReadonlyMap<string, AwsManagedPolicy> = new Map(
  policies.map((policy) => [`arn:aws:iam::aws:policy${policy.path}${policy.policyName}`, policy]),
);
