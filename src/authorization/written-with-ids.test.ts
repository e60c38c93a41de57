import { describe, expect, test } from 'vitest';
import { HOME } from './fixtures.test-helper.ts';
import { writtenWithIds } from './written-with-ids.ts';

const alice = `arn:aws:iam::${HOME}:user/alice`;
const gone = new Map([[alice, 'AIDAALICEXXXXXXXXXXXX']]);

describe('a policy whose principal has gone', () => {
  test('shows the unique id in the place of the ARN, and all else as it was written', () => {
    const text = (name: string) => `{ "Statement" : [ {"Principal":{"AWS":[ "${name}", "x"]} ,
      "Condition":{"ArnEquals":{"aws:PrincipalArn":"${alice}"}},"Resource":"${alice}"},
      {"NotPrincipal":{"AWS":"${name}"}}], "Id":"${alice}" }`;
    expect(writtenWithIds(text(alice), gone)).toBe(text('AIDAALICEXXXXXXXXXXXX'));
    expect(writtenWithIds(text(alice.replace('aws', 'aws-cn')), gone)).toBe(text('AIDAALICEXXXXXXXXXXXX'));
    expect(writtenWithIds(text(alice.replace('/', '\\/')), gone)).toBe(text('AIDAALICEXXXXXXXXXXXX'));
  });

  test('is left alone where nobody it names has gone', () => {
    const text = `{"Statement":{"Principal":{"AWS":"${alice}","Service":"${alice}"}}}`;
    expect(writtenWithIds(text, new Map())).toBe(text);
    expect(writtenWithIds(text, new Map([[`${alice}2`, 'AIDAX']]))).toBe(text);
    expect(writtenWithIds(text, gone)).toBe(text.replace(alice, 'AIDAALICEXXXXXXXXXXXX'));
  });
});
