import type { ListPublicKeysRequest, ListPublicKeysResponse, PublicKey } from '@aws-sdk/client-cloudtrail';
import type { Reader } from '../../store/sealed-store.ts';
import { moment, text } from '../../wire/cloudtrail-shapes.ts';
import { structure } from '../../wire/shapes.ts';
import { accountTarget } from '../account-target.ts';
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
  targets: { account: accountTarget('cloudtrail:ListPublicKeys') },
  effect: 'read',
  audit: { readOnly: true, request: ['StartTime', 'EndTime'] },
  async handle({ input, scope, ports }) {
    const fromMs = input.StartTime?.getTime() ?? scope.nowMs;
    const toMs = input.EndTime?.getTime() ?? scope.nowMs;
    if (fromMs > toMs) refuse('InvalidTimeRangeException', 'StartTime is after EndTime.');
    const keys: PublicKey[] = [];
    for await (const key of digestKeysOf(ports.store, scope.caller.principal.accountId, scope.region)) {
      if (key.validFromMs <= toMs && key.validToMs >= fromMs) keys.push(shownKey(key));
    }
    return { PublicKeyList: keys };
  },
};

async function* digestKeysOf(reader: Reader, accountId: string, region: string): AsyncGenerator<DigestKeyRecord> {
  const prefix = digestKeyKey(accountId, region, '');
  for (let after: string | undefined; ; ) {
    const page = { prefix, limit: AT_ONCE, ...(after === undefined ? {} : { after }) };
    const entries = await reader.list(digestKeysTable, page);
    for (const { value } of entries) yield value;
    after = entries.at(-1)?.key;
    if (entries.length < AT_ONCE || after === undefined) return;
  }
}

function shownKey({ publicKey, validFromMs, validToMs, fingerprint }: DigestKeyRecord): PublicKey {
  return {
    Value: Buffer.from(publicKey, 'base64'),
    ValidityStartTime: new Date(validFromMs),
    ValidityEndTime: new Date(validToMs),
    Fingerprint: fingerprint,
  };
}
