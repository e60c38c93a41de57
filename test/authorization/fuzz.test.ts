import { expect, test } from 'vitest';
import { HOME } from '../../src/authorization/fixtures.test-helper.ts';
import { parsePolicy } from '../../src/authorization/parse-policy.ts';
import type { Policy, PolicyKind } from '../../src/authorization/policy.ts';
import { authorizeByReference } from '../../src/authorization/reference.test-helper.ts';
import type { Situation, WrittenPolicy } from '../../src/authorization/situation.test-helper.ts';
import { KeyholdError } from '../../src/runtime/errors.ts';
import { type Dice, dice, testSeed } from '../support/dice.ts';
import { decideSituation } from './decide-situation.ts';
import { mutatedDocument } from './mutated-document.ts';
import { randomPolicy, randomRequest, randomTrustPolicy } from './random-situation.ts';

/**
 * Mutated documents: the parser refuses them or compiles a policy that decides, and that allows nothing which the reference,
 * where it can read the document, denies. KEYHOLD_TEST_SEED repeats a run; KEYHOLD_POLICY_MUTANTS sets how many there are.
 */
const MUTANTS = Number(process.env['KEYHOLD_POLICY_MUTANTS'] ?? 20_000);

test(`${MUTANTS} mutated documents are refused, or allow nothing that the reference denies`, {
  timeout: 1_200_000,
}, () => {
  const seed = testSeed();
  const counted = { refused: 0, unreadable: 0, compared: 0, allowed: 0 };
  for (let i = 0; i < MUTANTS; i++) {
    const d = dice(seed, i);
    const kind = d.pick<PolicyKind>(['resource', 'resource', 'identity', 'trust']);
    const text = mutatedDocument(d, original(d, kind));
    const where = `KEYHOLD_TEST_SEED=${seed} mutant ${i} (${kind}): ${text}`;
    const policy = compiled(text, kind, where);
    if (policy === undefined) {
      counted.refused++;
      continue;
    }
    const situation = situationOf(d, kind);
    const decided = decideSituation(situation, {
      resourceAccountId: situation.resourceAccountId,
      resourcePolicy: kind === 'identity' ? undefined : policy,
      identityPolicies: kind === 'identity' ? [policy] : [],
    });
    const expected = byReference(situation, kind, text);
    if (expected === undefined) counted.unreadable++;
    else counted.compared++;
    if (decided !== 'allowed' || expected === undefined) continue;
    counted.allowed++;
    if (expected !== 'allowed') {
      expect.fail(`allowed, and by the reference ${expected}\n${JSON.stringify(situation)}\n${where}`);
    }
  }
  console.log(`authorization: ${MUTANTS} mutated documents, seed ${seed}: ${JSON.stringify(counted)}`);
  // Each outcome puts something else to the test.
  expect(counted.refused).toBeGreaterThan(MUTANTS / 10);
  expect(counted.compared).toBeGreaterThan(MUTANTS / 10);
  expect(counted.allowed).toBeGreaterThan(MUTANTS / 100);
});

function original(d: Dice, kind: PolicyKind): WrittenPolicy {
  return kind === 'trust' ? randomTrustPolicy(d) : randomPolicy(d, kind === 'resource');
}

/** Undefined for a document that is refused, as it must be: for a reason, and by the one error that says so. */
function compiled(text: string, kind: PolicyKind, where: string): Policy | undefined {
  try {
    return parsePolicy(text, kind);
  } catch (error) {
    const isRefusal = error instanceof KeyholdError && error.code === 'MalformedPolicyDocumentException';
    if (!isRefusal || error.message === '') expect.fail(`${String(error)}\n${where}`);
    return undefined;
  }
}

/** A request on which nothing bears but the document, so that it alone allows. */
/** A request on which nothing bears but the document, so that it alone allows. */
function situationOf(d: Dice, kind: PolicyKind): Situation {
  return {
    ...randomRequest(d, kind === 'trust'),
    resourceAccountId: HOME,
    resourcePolicy: undefined,
    principalIds: {},
    identityPolicies: [],
    boundary: undefined,
    sessionPolicies: [],
    grants: [],
  };
}

function byReference(situation: Situation, kind: PolicyKind, text: string) {
  try {
    const policy: WrittenPolicy = JSON.parse(text);
    return authorizeByReference({
      ...situation,
      ...(kind === 'identity' ? { identityPolicies: [policy] } : { resourcePolicy: policy }),
    });
  } catch {
    return undefined;
  }
}
