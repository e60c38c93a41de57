import { KeyholdError } from '../../../runtime/errors.ts';
import { arn } from '../../../wire/iam-shapes.ts';
import { required, structure } from '../../../wire/shapes.ts';
import type { AnyOperation } from '../../perform.ts';
import { type Bearers, type BearerTargets, bearerTarget, shownMembers } from '../bearers.ts';
import {
  boundaryOfEntityConditions,
  boundaryOfRequestConditions,
  forgetBoundary,
  recordNewBoundary,
} from '../permissions-boundaries.ts';
import type { IamOperation } from '../ports.ts';
import { identityName, type PolicyBearer } from '../records.ts';

/** Each of the requests has the bearer's name besides. */
interface PutRequest {
  readonly PermissionsBoundary: string | undefined;
}

/** Put…PermissionsBoundary and Delete…PermissionsBoundary of users or roles. */
export function boundaryOperations<R extends PolicyBearer & { readonly permissionsBoundary?: string }>(
  bearers: Bearers<R>,
): AnyOperation[] {
  const { kind, title, name, idOf } = bearers;
  const bearerName = { [`${title}Name`]: required(name) };
  const bearerOf = (record: R) => ({ kind: title, name: kind.nameOf(record), id: idOf(record) });

  const put: IamOperation<PutRequest, undefined, BearerTargets<R>> = {
    name: `Put${title}PermissionsBoundary`,
    input: structure<PutRequest>({ ...bearerName, PermissionsBoundary: required(arn) }),
    targets: bearerTarget(
      bearers,
      `Put${title}PermissionsBoundary`,
      boundaryOfRequestConditions((input) => (input as PutRequest).PermissionsBoundary),
    ),
    effect: 'change',
    audit: { readOnly: false, request: shownMembers<PutRequest>(bearers, 'PermissionsBoundary') },
    async handle({ input: { PermissionsBoundary }, targets: { bearer }, transaction }) {
      const { record, version } = bearer;
      const { accountId } = record;
      await forgetBoundary(transaction, { ...record, ...bearerOf(record) });
      await recordNewBoundary(transaction, accountId, { ...bearerOf(record), policyArn: PermissionsBoundary });
      const bounded = { ...record, permissionsBoundary: PermissionsBoundary };
      await transaction.replace<R>(kind.table, identityName(accountId, kind.nameOf(record)), bounded, version);
      return undefined;
    },
  };

  const remove: IamOperation<object, undefined, BearerTargets<R>> = {
    name: `Delete${title}PermissionsBoundary`,
    input: structure<object>(bearerName),
    targets: bearerTarget(bearers, `Delete${title}PermissionsBoundary`, boundaryOfEntityConditions(kind)),
    effect: 'change',
    audit: { readOnly: false, request: shownMembers<object>(bearers) },
    async handle({ targets: { bearer }, transaction }) {
      const { permissionsBoundary, ...unbounded } = bearer.record;
      const { accountId } = bearer.record;
      const bearerName = kind.nameOf(bearer.record);
      if (permissionsBoundary === undefined) {
        throw new KeyholdError(
          'NoSuchEntityException',
          `${title} with name ${bearerName} does not have a permissions boundary.`,
        );
      }
      await forgetBoundary(transaction, { ...bearer.record, ...bearerOf(bearer.record) });
      await transaction.replace<R>(kind.table, identityName(accountId, bearerName), unbounded as R, bearer.version);
      return undefined;
    },
  };

  return [put, remove];
}
