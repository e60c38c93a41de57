import { expect, test } from 'vitest';
import { checkAnswer, type KeySet, type OperationName, requestBody } from './workload.ts';

const keys: KeySet = { keyIds: ['key-0', 'key-1'], ciphertexts: ['AAAA', 'BBBB'] };
const arn = 'arn:aws:kms:us-east-1:111122223333:key/key-1';
const { Plaintext } = JSON.parse(requestBody('Encrypt', keys, 1)) as { Plaintext: string };
const { Plaintext: another } = JSON.parse(requestBody('Encrypt', keys, 0)) as { Plaintext: string };

function check(operation: OperationName, answer: object, decrypted: object = {}) {
  return checkAnswer(operation, keys, 1, JSON.stringify(answer), async () => JSON.stringify(decrypted));
}

test('right answers pass', async () => {
  await check('Decrypt', { KeyId: arn, Plaintext });
  await check('Encrypt', { KeyId: arn, CiphertextBlob: 'CCCC' }, { KeyId: arn, Plaintext });
  await check(
    'GenerateDataKey',
    { KeyId: arn, CiphertextBlob: 'CCCC', Plaintext: 'x' },
    { KeyId: arn, Plaintext: 'x' },
  );
});

test('answers with another plaintext or another key are told', async () => {
  const wrong = /a wrong answer/;
  await expect(check('Decrypt', { KeyId: arn, Plaintext: another })).rejects.toThrow(wrong);
  await expect(check('Decrypt', { KeyId: arn.replace('key-1', 'key-0'), Plaintext })).rejects.toThrow(wrong);
  const encrypted = { KeyId: arn, CiphertextBlob: 'CCCC' };
  await expect(check('Encrypt', encrypted, { KeyId: arn, Plaintext: another })).rejects.toThrow(wrong);
  await expect(check('GenerateDataKey', encrypted, { KeyId: arn })).rejects.toThrow(wrong);
});
