import type { ListPublicKeysRequest, ListPublicKeysResponse, PublicKey } from '@aws-sdk/client-cloudtrail';
import { pagesOfRecords } from '../../store/pages.ts';
import { moment, text } from '../../wire/cloudtrail-shapes.ts';
import { structure } from '../../wire/shapes.ts';
import { namelessAccountTarget } from '../account-target.ts';
import { refuse } from './errors.ts';
import { refuseToken } from './next-token.ts';
import type { CloudTrailOperation } from './ports.ts';
import { type DigestKeyRecord, digestKeyKey, digestKeysTable } from './records.ts';

const AT_ONCE = 100;

/** The keys of the account in the Region that were valid at some time from the start to the end, each of which is now if left out. */
export const listPublicKeys: CloudTrailOperation<
  ListPublicKeysRequest,
  ListPublicKeysResponse,
  { account: undefined }
> = {
  name: 'ListPublicKeys',
  input: structure<ListPublicKeysRequest>({ StartTime: moment, EndTime: moment, NextToken: text }),
  validate: refuseToken,
  targets: { account: namelessAccountTarget('cloudtrail:ListPublicKeys') },
  effect: 'read',
  audit: { readOnly: true, request: ['StartTime', 'EndTime'] },
  async handle({ input, scope, ports }) {
    const fromMs = input.StartTime?.getTime() ?? scope.nowMs;
    const toMs = input.EndTime?.getTime() ?? scope.nowMs;
    if (fromMs > toMs) refuse('InvalidTimeRangeException', 'StartTime is after EndTime.');
    const keys: PublicKey[] = [];
    const prefix = digestKeyKey(scope.caller.principal.accountId, scope.region, '');
    for await (const entries of pagesOfRecords(ports.store, digestKeysTable, { prefix, limit: AT_ONCE })) {
      const valid = entries.filter(({ value }) => value.validFromMs <= toMs && value.validToMs >= fromMs);
      keys.push(...valid.map(({ value }) => shownKey(value)));
    }
    return { PublicKeyList: keys };
  },
};

function shownKey({ publicKey, validFromMs, validToMs, fingerprint }: DigestKeyRecord): PublicKey {
  return {
    Value: Buffer.from(publicKey, 'base64'),
    ValidityStartTime: new Date(validFromMs),
    ValidityEndTime: new Date(validToMs),
    Fingerprint: fingerprint,
  };
}
