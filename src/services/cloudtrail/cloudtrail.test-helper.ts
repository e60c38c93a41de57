import { seededRandom } from '../../runtime/random.test-helper.ts';
import { sealedMemoryStore } from '../../store/sealed-memory-store.test-helper.ts';
import { parseJsonBody, serialise } from '../../wire/aws-json.ts';
import { perform } from '../perform.ts';
import { ACCOUNT, administratorAccess, NOW, REGION, scopeOf, user } from '../scope.test-helper.ts';
import { emptyHistory } from './empty-history.test-helper.ts';
import { cloudTrailService } from './index.ts';

/** CloudTrail over a store in memory, called as requests are: read, validated, authorized. */

export interface CallOptions {
  readonly accountId?: string;
  readonly region?: string;
  readonly nowMs?: number;
  readonly identityPolicies?: ReturnType<typeof user>['identityPolicies'];
}

export function cloudTrail() {
  const store = sealedMemoryStore();
  const service = cloudTrailService({ store, random: seededRandom('cloudtrail'), ...emptyHistory() });
  return {
    store,
    async call(name: string, input: object = {}, options: CallOptions = {}): Promise<Record<string, unknown>> {
      const { accountId = ACCOUNT, region = REGION, nowMs = NOW } = options;
      const { identityPolicies = [administratorAccess] } = options;
      const operation = service.operations.get(name);
      if (operation === undefined) throw new Error(`CloudTrail has no ${name}`);
      const parsed: object = operation.input.parse(parseJsonBody(Buffer.from(serialise(input), 'utf8')));
      operation.validate?.(parsed);
      let answer: object | undefined;
      const scope = scopeOf(user('caller', { accountId, identityPolicies }), { region, nowMs });
      await perform(service, operation, parsed, scope, [], async (output) => {
        answer = output;
      });
      return (answer ?? {}) as Record<string, unknown>;
    },
  };
}
