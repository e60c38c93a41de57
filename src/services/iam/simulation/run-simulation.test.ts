import { expect, it } from 'vitest';
import { runSimulation, type SimulationRequest, simulatedPrincipal } from './run-simulation.ts';

const ACCOUNT = '111122223333';
const principal = simulatedPrincipal(`arn:aws:iam::${ACCOUNT}:user/alice`, ACCOUNT);
const simulated = (request: Partial<SimulationRequest>) =>
  runSimulation('SimulateCustomPolicy', { ActionNames: ['kms:Encrypt'], ...request }, principal, { identity: [] });
const document = (...statements: readonly object[]) => JSON.stringify({ Version: '2012-10-17', Statement: statements });
const allow = { Effect: 'Allow', Action: '*', Resource: '*' };
const tooLong = {
  code: 'InvalidInputException',
  message: 'The policies and values take too long to simulate at once.',
};

it('simulates as many resources as a request may name, with policies of the usual kind', async () => {
  const statements = Array.from({ length: 5 }, (_, i) => ({
    ...allow,
    Resource: `arn:aws:kms:*:${ACCOUNT}:key/${i}*`,
    Condition: { StringLike: { 'aws:PrincipalTag/team': ['blue', 'r*'] } },
  }));
  const { EvaluationResults } = await simulated({
    PolicyInputList: Array.from({ length: 5 }, () => document(...statements)),
    ResourceArns: Array.from({ length: 1000 }, (_, i) => `arn:aws:kms:us-east-1:${ACCOUNT}:key/${i}`),
    ContextEntries: [{ ContextKeyName: 'aws:PrincipalTag/team', ContextKeyValues: ['red'] }],
  });
  expect(EvaluationResults?.[0]?.ResourceSpecificResults).toHaveLength(1000);
});

it('refuses what would hold up everyone else: patterns and values of which each decision takes its fill', async () => {
  const slow = { StringLike: { 'aws:x': `*${'a'.repeat(14)}b*` } };
  const policy = document({ ...allow, Effect: 'Deny', Condition: slow }, allow);
  const level = { ServiceControlPolicyInputList: [policy] };
  const values = { ContextEntries: [{ ContextKeyName: 'aws:x', ContextKeyValues: ['a'.repeat(30_000)] }] };
  await expect(simulated({ PolicyInputList: [policy], ...values })).resolves.toMatchObject({
    EvaluationResults: [{ EvalDecision: 'allowed' }],
  });
  const levels = Array.from({ length: 300 }, () => level);
  await expect(
    simulated({ PolicyInputList: [policy], OrderedOrganizationPolicyInputList: levels, ...values }),
  ).rejects.toMatchObject(tooLong);
  const ResourceArns = Array.from({ length: 1000 }, () => '*');
  await expect(simulated({ PolicyInputList: [policy], ResourceArns, ...values })).rejects.toMatchObject(tooLong);
});

it('refuses what would fill the memory: statements and keys that are shown again for each resource', async () => {
  const ResourceArns = Array.from({ length: 1000 }, () => '*');
  const many = document(...Array.from({ length: 1000 }, () => allow));
  await expect(simulated({ PolicyInputList: [many], ResourceArns })).rejects.toMatchObject(tooLong);
  const asking = document({ ...allow, Condition: { StringLike: { [`aws:${'x'.repeat(100_000)}`]: '*' } } });
  await expect(simulated({ PolicyInputList: [asking], ResourceArns })).rejects.toMatchObject(tooLong);
});

it('refuses more text than a policy may have, however many policies it is dealt out to', async () => {
  const long = document(...Array.from({ length: 700 }, () => allow));
  const message = 'The policies of a request cannot exceed 131072 characters together.';
  await expect(simulated({ PolicyInputList: [long, long, long, long, long] })).rejects.toMatchObject({ message });
  const levels = Array.from({ length: 5 }, () => ({ ServiceControlPolicyInputList: [long] }));
  await expect(simulated({ PolicyInputList: [], OrderedOrganizationPolicyInputList: levels })).rejects.toMatchObject({
    message,
  });
});
