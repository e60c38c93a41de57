import { quoted } from './malformed.ts';

/** Key ARNs here are of the partition of their Region. A pattern may also leave the partition open. */
const PARTITION = /^(?:aws|aws-cn|aws-us-gov|.*[*?].*)$/;

/** What the paths of IAM's own resources begin with, in the order in which IAM lists them. */
const IAM_RESOURCES = [
  'user/',
  'federated-user/',
  'role/',
  'group/',
  'instance-profile/',
  'mfa/',
  'server-certificate/',
  'policy/',
  'sms-mfa/',
  'saml-provider/',
  'oidc-provider/',
  'report/',
  'access-report/',
];

/**
 * What IAM says of a `Resource` that is neither `*` nor an ARN that policies can name; undefined of a sound one. ARNs may be
 * incomplete, and then mean all that begins so.
 */
export function resourceFault(resource: string): string | undefined {
  if (resource === '*') return undefined;
  const [scheme, partition, vendor, region, account, ...rest] = resource.split(':') as [
    string,
    ...(string | undefined)[],
  ];
  if (partition === undefined) return `Resource ${quoted(resource)} must be in ARN format or "*".`;
  if (!PARTITION.test(partition)) {
    const path = rest.length > 0 ? rest.join(':') : '*';
    const arn = ['arn', partition, vendor ?? '*', region ?? '*', account ?? '*', path].join(':');
    return `Partition "${quoted(partition)}" is not valid for resource "${quoted(arn)}".`;
  }
  if (scheme !== 'arn') return `Resource ${quoted(resource)} must be in ARN format or "*".`;
  if (vendor === undefined || /[*?]/.test(vendor)) {
    return 'Resource vendor must be fully qualified and cannot contain regexes.';
  }
  if (region !== undefined && region !== '') {
    if (vendor === 'iam') return `IAM resource ${quoted(resource)} cannot contain region information.`;
    // Access points have a Region, and with it an account.
    if (vendor === 's3' && account === '') return `Resource ${quoted(resource)} can not contain region information.`;
  }
  return vendor === 'iam' && rest.length > 0 ? iamPathFault(rest.join(':')) : undefined;
}

function iamPathFault(path: string): string | undefined {
  const literal = path.split(/[*?]|\$\{/)[0] as string;
  // A pattern may stand for what the path begins with.
  const isOpen = literal !== path;
  if (IAM_RESOURCES.some((start) => path.startsWith(start) || (isOpen && start.startsWith(literal)))) return undefined;
  return `IAM resource path must either be "*" or start with ${IAM_RESOURCES.join(', ')}.`;
}

/** What IAM's older parser, which reads every policy first, does not take for an ARN at all. */
export function failsLegacyParsing(resource: string): boolean {
  if (resource === '*') return false;
  const segments = resource.split(':');
  return (segments.length < 6 && resource.includes('::')) || segments[2] === '';
}
