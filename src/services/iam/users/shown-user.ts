import type { User } from '@aws-sdk/client-iam';
import { userArn } from '../arns.ts';
import type { UserRecord } from '../records.ts';
import { shownBoundary } from '../shown-boundary.ts';
import { shownTags } from '../tags.ts';

/** A user as GetUser shows it. Listings leave out its tags and its boundary. */
export function shownUser(user: UserRecord): User {
  const { tags, permissionsBoundary } = user;
  return {
    ...listedUser(user),
    ...shownBoundary(permissionsBoundary),
    ...(tags.length === 0 ? {} : { Tags: shownTags(tags) }),
  };
}

export function listedUser(user: UserRecord): User {
  const { path, userName, userId, createdAtMs } = user;
  return { Path: path, UserName: userName, UserId: userId, Arn: userArn(user), CreateDate: new Date(createdAtMs) };
}
