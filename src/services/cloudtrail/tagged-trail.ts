import { KeyholdError } from '../../runtime/errors.ts';
import type { ConditionTable } from '../condition-table.ts';
import type { ConditionRequest, Target } from '../operation.ts';
import { invalidArn, refuse } from './errors.ts';
import type { CloudTrailPorts } from './ports.ts';
import { isArn, parseTrailArn } from './trail-name.ts';
import { type Trail, trailTarget } from './trail-target.ts';

/** The ARN of a trail of this Region whose tags are asked for or changed. Other things of CloudTrail's are not here. */
export function taggedTrailTarget<Input>(
  permission: string,
  arn: (input: Input) => string | undefined,
  conditions: ConditionTable<ConditionRequest<Input, unknown>> = {},
): Target<Input, Trail, CloudTrailPorts> {
  const target = trailTarget<Input>({
    permission,
    trail: arn,
    from: 'any Region',
    conditions,
    missing: ({ given }) => new KeyholdError('ResourceNotFoundException', `Resource ${given} does not exist.`),
  });
  return {
    ...target,
    check: (trail, input, scope) => {
      if (parseTrailArn(trail.arn).region !== scope.region) {
        // In AWS's words.
        throw invalidArn(`Region in ARN is wrong, you can only access resources in region ${scope.region}.`);
      }
      target.check?.(trail, input, scope);
    },
  };
}

const OTHER_RESOURCE = /^arn:[a-z-]+:cloudtrail:[a-z0-9-]*:\d*:(eventdatastore|channel|dashboard)\//;

/** Throws CloudTrailARNInvalidException or ResourceTypeNotSupportedException. */
export function checkResourceId(arn: string): void {
  const [, type] = OTHER_RESOURCE.exec(arn) ?? [];
  if (type !== undefined) {
    refuse('ResourceTypeNotSupportedException', `Resources of type ${type} are not supported by this server.`);
  }
  if (!isArn(arn)) throw invalidArn(`Invalid ARN: ${arn}`);
  parseTrailArn(arn);
}
