import { providerName } from './provider-url.ts';
import { type ClaimedToken, type Claims, claim, isText } from './token-claims.ts';

/**
 * Claims that policies may ask for besides those that mean something to AWS itself: `HOST:job_workflow_ref`. These are all
 * that AWS knows of the providers it names (GitHub, GitLab, Google, Buildkite, CircleCI, Oracle; "Actions, resources, and
 * condition keys for AWS Security Token Service", Service Authorization Reference), and `email`, which developers found it to
 * take from any. AWS tells providers by their hosts. Here a provider such as GitLab may be at home under any, so each
 * claim is any provider's to make: the key begins with the provider's own name, and a role trusts the provider, too.
 */
const furtherClaims = [
  'actor',
  'actor_id',
  'build_branch',
  'cluster_id',
  'cluster_name',
  'email',
  'enterprise_id',
  'environment',
  'google/organization_number',
  'job_workflow_ref',
  'namespace_id',
  'oidc.circleci.com/project-id',
  'organization_id',
  'organization_slug',
  'pipeline_id',
  'pipeline_slug',
  'pipeline_source',
  'project_id',
  'ref',
  'ref_protected',
  'repository',
  'repository_id',
  'repository_owner_id',
  'rpst_id',
  'runner_environment',
  'user_access_level',
  'user_email',
  'user_id',
  'user_login',
  'workflow',
] as const;

/**
 * "Available keys for AWS OIDC federation" (IAM user guide): `aud` is the audience as AWS takes it, `oaud` what the token's
 * `aud` says.
 */
export function claimConditions(
  { issuer, subject, audiences, claims }: ClaimedToken,
  audience: string,
): ReadonlyMap<string, readonly string[]> {
  const prefix = keyPrefix(issuer);
  const conditions = new Map<string, readonly string[]>();
  const set = (key: string, values: readonly string[] | undefined) => {
    if (values !== undefined) conditions.set(prefix + key, values);
  };
  set('aud', [audience]);
  set('oaud', audiences);
  set('sub', [subject]);
  set('amr', texts(claim(claims, 'amr')));
  for (const name of furtherClaims) set(name, scalar(furtherClaim(claims, name)));
  return conditions;
}

/** What policies may still ask when the session makes requests: not all that the token said, but whose it was. */
export function sessionConditions(
  issuer: string,
  conditions: ReadonlyMap<string, readonly string[]>,
): ReadonlyMap<string, readonly string[]> {
  const kept = new Set(['aud', 'sub', 'amr'].map((name) => keyPrefix(issuer) + name));
  return new Map([...conditions].filter(([key]) => kept.has(key)));
}

function keyPrefix(issuer: string): string {
  return `${providerName(issuer)}:`.toLowerCase();
}

/** Google's is a member of a claim: `{"google": {"organization_number": 123}}`. */
function furtherClaim(claims: Claims, name: string): unknown {
  const ofGoogle = claim(claims, 'google');
  return name === 'google/organization_number' && typeof ofGoogle === 'object' && ofGoogle !== null
    ? claim(ofGoogle as Claims, 'organization_number')
    : claim(claims, name);
}

function texts(value: unknown): readonly string[] | undefined {
  return Array.isArray(value) && value.every(isText) ? value : undefined;
}

function scalar(value: unknown): readonly string[] | undefined {
  return isText(value) || ['number', 'boolean'].includes(typeof value) ? [String(value)] : undefined;
}
