import type { Tag as ShownTag, User } from '@aws-sdk/client-iam';
import type { Tag } from '../../../keys/key.ts';
import { userArn } from '../arns.ts';
import type { UserRecord } from '../records.ts';

/** A user as GetUser shows it. Listings leave out its tags and its boundary. */
export function shownUser(user: UserRecord): User {
  const { tags, permissionsBoundary } = user;
  return {
    ...listedUser(user),
    ...(permissionsBoundary === undefined
      ? {}
      : {
          PermissionsBoundary: {
            PermissionsBoundaryType: 'PermissionsBoundaryPolicy' as const,
            PermissionsBoundaryArn: permissionsBoundary,
          },
        }),
    ...(tags.length === 0 ? {} : { Tags: shownTags(tags) }),
  };
}

export function listedUser(user: UserRecord): User {
  const { path, userName, userId, createdAtMs } = user;
  return { Path: path, UserName: userName, UserId: userId, Arn: userArn(user), CreateDate: new Date(createdAtMs) };
}

export function shownTags(tags: readonly Tag[]): ShownTag[] {
  return tags.map(({ key, value }) => ({ Key: key, Value: value }));
}
