import type { GetUserRequest, GetUserResponse, User } from '@aws-sdk/client-iam';
import { existingUserName } from '../../../wire/iam-shapes.ts';
import { structure } from '../../../wire/shapes.ts';
import type { Entity } from '../entity.ts';
import type { IamOperation } from '../ports.ts';
import type { UserRecord } from '../records.ts';
import { shownUser } from './shown-user.ts';
import { userOrCallerTarget } from './user-target.ts';

export const getUser: IamOperation<GetUserRequest, GetUserResponse, { user: Entity<UserRecord> }> = {
  name: 'GetUser',
  input: structure<GetUserRequest>({ UserName: existingUserName }),
  targets: { user: userOrCallerTarget('iam:GetUser') },
  effect: 'read',
  audit: { readOnly: true, request: ['UserName'] },
  handle: ({ targets }) => ({ User: shownUser(targets.user.record) as User }),
};
