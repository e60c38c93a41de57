import type { ListPolicyVersionsRequest, ListPolicyVersionsResponse } from '@aws-sdk/client-iam';
import { arn, marker, maxItems } from '../../../wire/iam-shapes.ts';
import { required, structure } from '../../../wire/shapes.ts';
import { listItems } from '../listing.ts';
import type { IamOperation } from '../ports.ts';
import type { PolicyVersion } from '../records.ts';
import { type PolicyEntity, policyTarget } from './policy-target.ts';
import { listedVersion } from './shown-policy.ts';

export const listPolicyVersions: IamOperation<
  ListPolicyVersionsRequest,
  ListPolicyVersionsResponse,
  { policy: PolicyEntity }
> = {
  name: 'ListPolicyVersions',
  input: structure<ListPolicyVersionsRequest>({ PolicyArn: required(arn), Marker: marker, MaxItems: maxItems }),
  targets: { policy: policyTarget('iam:ListPolicyVersions') },
  effect: 'read',
  audit: { readOnly: true, request: ['PolicyArn', 'Marker', 'MaxItems'] },
  handle({ input, targets: { policy } }) {
    const newestFirst = policy.record.versions.toReversed();
    const { items, more } = listItems(newestFirst, 'ListPolicyVersions', input, rank);
    return { Versions: items.map((version) => listedVersion(policy.record, version)), ...more };
  },
};

/** The order of texts is that of versions, the newest first: digits as many as no number of a version has. */
function rank({ versionId }: PolicyVersion): string {
  return String(Number.MAX_SAFE_INTEGER - Number(versionId.slice(1)));
}
