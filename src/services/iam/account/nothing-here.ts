import type * as iam from '@aws-sdk/client-iam';
import { KeyholdError } from '../../../runtime/errors.ts';
import { existingUserName, marker, maxItems, roleName, userName } from '../../../wire/iam-shapes.ts';
import { boolean, enumeration, type Input, required, type Structure, string, structure } from '../../../wire/shapes.ts';
import type { HandlerRequest } from '../../operation.ts';
import type { AnyOperation } from '../../perform.ts';
import { accountTarget } from '../entity.ts';
import { type ListingRequest, listItems } from '../listing.ts';
import type { IamOperation, IamPorts } from '../ports.ts';
import { roleTarget } from '../roles/role-target.ts';
import { type UserOrRoot, userOrCallerTarget } from '../users/user-target.ts';

/**
 * What identities and accounts may have in AWS and nobody can have here: passwords, MFA devices, certificates, SSH keys,
 * instance profiles. Tools ask for them before they delete a user or a role, and when they take stock. They are authorized
 * and looked for as any other, and the answer is that there are none.
 */

const page = { Marker: marker, MaxItems: maxItems };
const ofUser = (permission: string) => ({ user: userOrCallerTarget(permission) });
const ofAccount = (permission: string) => ({ account: accountTarget(permission) });

export const nothingHereOperations: readonly AnyOperation[] = [
  listsNone(
    'ListMFADevices',
    structure<iam.ListMFADevicesRequest>({ UserName: existingUserName, ...page }),
    ofUser,
    'MFADevices',
  ),
  listsNone(
    'ListSigningCertificates',
    structure<iam.ListSigningCertificatesRequest>({ UserName: existingUserName, ...page }),
    ofUser,
    'Certificates',
  ),
  listsNone(
    'ListSSHPublicKeys',
    structure<iam.ListSSHPublicKeysRequest>({ UserName: userName, ...page }),
    ofUser,
    'SSHPublicKeys',
  ),
  listsNone(
    'ListServiceSpecificCredentials',
    structure<iam.ListServiceSpecificCredentialsRequest>({
      UserName: userName,
      ServiceName: string(),
      AllUsers: boolean(),
      ...page,
    }),
    (permission) => ({
      user: { ...userOrCallerTarget(permission), applies: ({ AllUsers }) => AllUsers !== true },
      account: { ...accountTarget(permission), applies: ({ AllUsers }) => AllUsers === true },
    }),
    'ServiceSpecificCredentials',
  ),
  listsNone(
    'ListVirtualMFADevices',
    structure<iam.ListVirtualMFADevicesRequest>({
      AssignmentStatus: enumeration(['Assigned', 'Unassigned', 'Any']),
      ...page,
    }),
    ofAccount,
    'VirtualMFADevices',
  ),
  listsNone(
    'ListInstanceProfilesForRole',
    structure<iam.ListInstanceProfilesForRoleRequest>({ RoleName: required(roleName), ...page }),
    (permission) => ({ role: roleTarget(permission) }),
    'InstanceProfiles',
  ),
  findsNone<iam.GetLoginProfileRequest, { user: UserOrRoot }>(
    'GetLoginProfile',
    structure<iam.GetLoginProfileRequest>({ UserName: userName }),
    ofUser,
    noLoginProfile,
  ),
  // A tool that wants a user gone takes away its password without asking first whether there is one.
  findsNone<iam.DeleteLoginProfileRequest, { user: UserOrRoot }>(
    'DeleteLoginProfile',
    structure<iam.DeleteLoginProfileRequest>({ UserName: userName }),
    ofUser,
    noLoginProfile,
    'change',
  ),
  findsNone<object, { account: undefined }>(
    'GetAccountPasswordPolicy',
    structure<object>({}),
    ofAccount,
    (_, accountId) => `The Password Policy with domain name ${accountId} cannot be found.`,
  ),
];

function noLoginProfile({ user: { user } }: { user: UserOrRoot }): string {
  return `Login Profile for User ${user?.record.userName ?? 'root'} cannot be found.`;
}

type Targets<Request extends object, Found> = (permission: string) => IamOperation<Request, object, Found>['targets'];

/** @param list of the answer: the member that is empty */
function listsNone<Request extends ListingRequest & object, Found>(
  name: string,
  input: Structure<Request>,
  targets: Targets<Request, Found>,
  list: string,
): AnyOperation {
  const operation: IamOperation<Request, object, Found> = {
    ...reading(name, input, targets),
    handle: ({ input: request }: HandlerRequest<Input<Request>, Found, IamPorts>) => {
      const { items, more } = listItems<string>([], name, request as Input<ListingRequest>, (each) => each);
      return { [list]: items, ...more };
    },
  };
  return operation;
}

function findsNone<Request extends object, Found>(
  name: string,
  input: Structure<Request>,
  targets: Targets<Request, Found>,
  message: (found: Found, accountId: string) => string,
  effect: 'read' | 'change' = 'read',
): AnyOperation {
  const readOnly = effect === 'read';
  const operation: IamOperation<Request, object, Found> = {
    ...reading(name, input, targets),
    effect,
    audit: { readOnly, request: shownMembers(input) },
    handle: async ({ targets: found, scope }: HandlerRequest<Input<Request>, Found, IamPorts>) => {
      throw new KeyholdError('NoSuchEntityException', message(found, scope.caller.principal.accountId));
    },
  };
  return operation;
}

function reading<Request extends object, Found>(
  name: string,
  input: Structure<Request>,
  targets: Targets<Request, Found>,
) {
  const request = shownMembers(input);
  return { name, input, targets: targets(`iam:${name}`), effect: 'read', audit: { readOnly: true, request } } as const;
}

/** None of these has a secret. */
function shownMembers<Request extends object>({ description }: Structure<Request>): (keyof Request & string)[] {
  return Object.keys(description.members ?? {}) as (keyof Request & string)[];
}
