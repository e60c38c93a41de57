import { expect, test } from 'vitest';
import { seededRandom } from '../../runtime/random.test-helper.ts';
import { attest, refusalOf } from './refusal.test-helper.ts';

test('20,000 mutated documents are refused, all with the one error, and in bounded time', () => {
  const random = seededRandom('mutated attestation documents');
  const document = attest({ userData: Buffer.from('user data'), nonce: Buffer.from('nonce') });
  const reasons = new Map<string, number>();
  let slowestMs = 0;
  for (let round = 0; round < 20_000; round++) {
    const mutated = mutate(document, random.bytes(16));
    if (mutated.equals(document)) continue;
    const startedAt = process.cpuUsage().user;
    const reason = refusalOf(mutated);
    slowestMs = Math.max(slowestMs, (process.cpuUsage().user - startedAt) / 1000);
    expect(reason, `round ${round}: ${mutated.toString('base64')}`).toBeDefined();
    reasons.set(reason as string, (reasons.get(reason as string) ?? 0) + 1);
  }
  // The mutations reach every stage, and not the first one alone.
  expect([...reasons.keys()]).toEqual(
    expect.arrayContaining([
      'the protected header is not that of ES384',
      'the document is too old',
      'a certificate is not signed by the one before it',
      'the signature is not that of the certificate’s key',
    ]),
  );
  expect(slowestMs).toBeLessThan(1000);
}, 120_000);

/** One of several ways to damage bytes; which, where and how comes from `dice`. */
function mutate(document: Buffer, dice: Buffer): Buffer {
  const at = dice.readUInt32BE(0) % document.length;
  const length = 1 + (dice.readUInt16BE(4) % 32);
  const mutated = Buffer.from(document);
  switch ((dice[6] as number) % 7) {
    case 0:
      mutated[at] = (mutated[at] as number) ^ (1 << ((dice[7] as number) & 7));
      return mutated;
    case 1:
      mutated[at] = dice[7] as number;
      return mutated;
    case 2:
      return Buffer.concat([document.subarray(0, at), document.subarray(at + length)]);
    case 3:
      return Buffer.concat([document.subarray(0, at), dice, document.subarray(at)]);
    case 4:
      return Buffer.concat([document.subarray(0, at), document.subarray(Math.max(0, at - length))]);
    case 5:
      return document.subarray(0, at);
    default:
      // The head of one of CBOR's items: the initial byte says what follows.
      mutated[at] = ((dice[7] as number) & 0xe0) | ((dice[8] as number) & 1 ? 24 + ((dice[8] as number) & 7) : 0);
      return mutated;
  }
}
