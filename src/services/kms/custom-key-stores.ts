import type { XksProxyAuthenticationCredentialType } from '@aws-sdk/client-kms';
import { KeyholdError } from '../../runtime/errors.ts';
import { enumeration, type Pattern, required, string, structure } from '../../wire/shapes.ts';
import { unsupported } from './errors.ts';

/**
 * Custom key stores: the members that describe one, and that there is none yet. Until custody can work in hardware tokens
 * and external key managers, the six operations take what AWS's take, authorize it as AWS does, and then refuse it.
 */

const clusterId: Pattern = { printed: 'cluster-[2-7a-zA-Z]{11,16}', matches: /^cluster-[2-7a-zA-Z]{11,16}$/ };
const endpoint: Pattern = { printed: '^https://[a-zA-Z0-9.-]+$', matches: /^https:\/\/[a-zA-Z0-9.-]+$/ };
const uriPath: Pattern = {
  printed: '^(/[a-zA-Z0-9\\/_-]+/kms/xks/v\\d{1,2})$|^(/kms/xks/v\\d{1,2})$',
  // What may precede the fixed end is one repeated class, so giving it back character by character takes linear time.
  matches: /^(?:\/[a-zA-Z0-9/_-]+)?\/kms\/xks\/v\d{1,2}$/,
};
const endpointServiceName: Pattern = {
  printed: '^(com|eu)\\.amazonaws\\.vpce\\.([a-z]+-){2,3}\\d+\\.vpce-svc-[0-9a-z]+$',
  // Each repeated class ends at a character that is not in it, so that there is one way to match.
  matches: /^(?:com|eu)\.amazonaws\.vpce\.(?:[a-z]+-){2,3}\d+\.vpce-svc-[0-9a-z]+$/,
};
const twelveDigits: Pattern = { printed: '[0-9]{12}', matches: /^[0-9]{12}$/ };
const accessKeyId: Pattern = { printed: '^[A-Z2-7]+$', matches: /^[A-Z2-7]+$/ };
const secretAccessKey: Pattern = { printed: '^[a-zA-Z0-9\\/+=]+$', matches: /^[a-zA-Z0-9/+=]+$/ };

export const customKeyStoreName = string({ min: 1, max: 256 });
export const customKeyStoreType = enumeration(['AWS_CLOUDHSM', 'EXTERNAL_KEY_STORE']);
export const trustAnchorCertificate = string({ min: 1, max: 5000 });

/** How a custom key store is reached; CreateCustomKeyStore and UpdateCustomKeyStore take the same. */
export const connectionMembers = {
  CloudHsmClusterId: string({ min: 19, max: 24, pattern: clusterId }),
  KeyStorePassword: string({ min: 7, max: 32, sensitive: true }),
  XksProxyUriEndpoint: string({ min: 10, max: 128, pattern: endpoint }),
  XksProxyUriPath: string({ min: 10, max: 128, pattern: uriPath }),
  XksProxyVpcEndpointServiceName: string({ min: 20, max: 64, pattern: endpointServiceName }),
  XksProxyVpcEndpointServiceOwner: string({ min: 12, max: 12, pattern: twelveDigits }),
  XksProxyAuthenticationCredential: structure<XksProxyAuthenticationCredentialType>({
    AccessKeyId: required(string({ min: 20, max: 30, pattern: accessKeyId, sensitive: true })),
    RawSecretAccessKey: required(string({ min: 43, max: 64, pattern: secretAccessKey, sensitive: true })),
  }),
  XksProxyConnectivity: enumeration(['PUBLIC_ENDPOINT', 'VPC_ENDPOINT_SERVICE']),
};

/** Those of {@link connectionMembers} that an audit record shows: all but the password and the credential. */
export const shownConnectionMembers = [
  'CloudHsmClusterId',
  'XksProxyUriEndpoint',
  'XksProxyUriPath',
  'XksProxyVpcEndpointServiceName',
  'XksProxyVpcEndpointServiceOwner',
  'XksProxyConnectivity',
] as const;

/** The handler of all six. */
export async function refuseCustomKeyStores(): Promise<never> {
  throw unsupported('Custom key stores are not supported yet.');
}

/** For operations that can be asked to work in one: there is none, so none has this id. */
export function refuseCustomKeyStoreId(id: string | undefined): void {
  if (id === undefined) return;
  throw new KeyholdError('CustomKeyStoreNotFoundException', `Custom key store ${id} does not exist.`);
}
