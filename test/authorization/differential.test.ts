import { expect, test } from 'vitest';
import type { PolicySet } from '../../src/authorization/decide.ts';
import { authorizeByReference } from '../../src/authorization/reference.test-helper.ts';
import type { Situation } from '../../src/authorization/situation.test-helper.ts';
import { type Dice, dice, testSeed } from '../support/dice.ts';
import { decideSituation, isTrust, policySetOf } from './decide-situation.ts';
import { randomRequest, randomSituation } from './random-situation.ts';

/**
 * The engine against the reference authorizer: the same answer with the same reason, for random policies, grants, callers and
 * requests. KEYHOLD_TEST_SEED repeats a run; KEYHOLD_AUTHORIZATION_CASES sets how many cases there are.
 */
const CASES = Number(process.env['KEYHOLD_AUTHORIZATION_CASES'] ?? 40_000);
const SEED = testSeed();
/** Policies take longer to make and to compile than to ask, so each set of them is asked so often. */
const REQUESTS_EACH = 4;

interface Case {
  readonly situation: Situation;
  readonly policies: PolicySet;
  readonly dice: Dice;
  /** By which the case is found again. */
  readonly where: string;
}

function* randomCases(count: number): Generator<Case> {
  for (let number = 0; number < count; ) {
    const d = dice(SEED, number);
    const first = randomSituation(d);
    const policies = policySetOf(first);
    for (let i = 0; i < REQUESTS_EACH && number < count; i++, number++) {
      const situation = i === 0 ? first : { ...first, ...randomRequest(d, isTrust(first)) };
      yield { situation, policies, dice: d, where: `KEYHOLD_TEST_SEED=${SEED} case ${number}` };
    }
  }
}

test(`the engine and the reference agree on ${CASES} random cases`, { timeout: 300_000 }, () => {
  const seen = new Map<string, number>();
  for (const { situation, policies, where } of randomCases(CASES)) {
    const expected = authorizeByReference(situation);
    seen.set(expected, (seen.get(expected) ?? 0) + 1);
    const decided = decideSituation(situation, policies);
    if (decided === expected) continue;
    const all = JSON.stringify(situation, undefined, 1);
    expect.fail(`the engine says ${decided}, the reference ${expected}\n${where}: ${all}`);
  }
  console.log(`authorization: ${CASES} cases, seed ${SEED}: ${JSON.stringify(Object.fromEntries(seen))}`);
  // The comparison is worth its name only if every outcome occurred, and often.
  expect(seen.size).toBe(9);
  for (const [outcome, times] of seen) expect(times, outcome).toBeGreaterThan(CASES / 400);
  expect(seen.get('allowed')).toBeGreaterThan(CASES / 20);
});

test('with too little work the engine allows nothing that it would not allow with enough', { timeout: 300_000 }, () => {
  let changed = 0;
  for (const { situation, policies, dice, where } of randomCases(CASES / 4)) {
    // A decision by grant has work of its own.
    const withoutGrants = { ...situation, grants: [] };
    const expected = authorizeByReference(withoutGrants);
    const decided = decideSituation(withoutGrants, policies, dice.number(400));
    if (decided === 'allowed') expect(expected, where).toBe('allowed');
    else if (expected === 'allowed') changed++;
  }
  // Only where the work was too little to find out is anything put to the test.
  expect(changed).toBeGreaterThan(CASES / 1000);
});
