import {
  type Policy,
  type PolicyKind,
  parsePolicy,
  type StatementSpan,
  statementSpans,
} from '../../../authorization/index.ts';
import { KeyholdError } from '../../../runtime/errors.ts';
import type { Reader } from '../../../store/sealed-store.ts';
import { linkedRecord } from '../linked-records.ts';
import { AWS, findManagedPolicy, parsePolicyArn } from '../policies/managed-policy.ts';
import { groupsTable, identityName, type PolicyBearer } from '../records.ts';
import type { SimulatedIdentity } from './identity-target.ts';

/** A policy that takes part in a simulation, and how the simulator names it. */
export interface SourcedPolicy {
  /** `SourcePolicyId`: `user_alice_inlineName`, the name of a managed policy, `PolicyInputList.1`. */
  readonly id: string;
  /** `SourcePolicyType`, as AWS's simulator says it. The values that its API reference lists are never sent. */
  readonly type: 'IAM Policy' | 'Permissions Boundary Policy' | 'Resource Policy';
  readonly text: string;
  readonly policy: Policy;
  /** Where its statements stand in the text. */
  readonly spans: readonly StatementSpan[];
  readonly origin: PolicyOrigin;
}

/** Where a policy comes from, for those who simulate without some of them. */
export type PolicyOrigin =
  | { readonly kind: 'input' }
  | { readonly kind: 'aws-managed' | 'user-managed'; readonly arn: string }
  | { readonly kind: 'permission-boundary'; readonly arn: string }
  | {
      readonly kind: 'inline';
      readonly policyName: string;
      readonly bearer: 'user' | 'group' | 'role';
      readonly bearerName: string;
    };

/** The policies that bear on what an identity may do. */
export interface PoliciesInForce {
  readonly identity: readonly SourcedPolicy[];
  readonly boundary?: SourcedPolicy;
}

/** A policy of the request. AWS numbers them from 1. */
export function inputPolicy(
  text: string,
  id: string,
  type: SourcedPolicy['type'] = 'IAM Policy',
  kind: PolicyKind = 'identity',
): SourcedPolicy {
  const policy = parseInput(text, id, kind);
  return { id, type, text, policy, spans: statementSpans(text), origin: { kind: 'input' } };
}

/** What one policy may have. Reading as much takes a fifth of a second. */
const MOST_INPUT_CHARACTERS = 131_072;

/**
 * Refuses a request whose policies are longer, all together, than IAM takes one.
 *
 * @throws KeyholdError InvalidInputException
 */
export function refuseLongerPolicies(texts: readonly string[]): void {
  const characters = texts.reduce((sum, text) => sum + text.length, 0);
  if (characters <= MOST_INPUT_CHARACTERS) return;
  throw new KeyholdError(
    'InvalidInputException',
    `The policies of a request cannot exceed ${MOST_INPUT_CHARACTERS} characters together.`,
  );
}

export function inputPolicies(texts: readonly string[] | undefined, list: string): SourcedPolicy[] {
  return (texts ?? []).map((text, index) => inputPolicy(text, `${list}.${index + 1}`));
}

/** A simulation answers InvalidInput where other operations answer MalformedPolicyDocument. */
function parseInput(text: string, id: string, kind: PolicyKind): Policy {
  try {
    return parsePolicy(text, kind);
  } catch (error) {
    if (error instanceof KeyholdError && error.code === 'MalformedPolicyDocumentException') {
      throw new KeyholdError('InvalidInputException', `${id}: ${error.message}`);
    }
    throw error;
  }
}

/** All policies of an identity: its own, inline and managed, those of a user's groups, and its permissions boundary. */
export async function policiesOfIdentity(identity: SimulatedIdentity, reader: Reader): Promise<PoliciesInForce> {
  const { noun, name, record } = identity;
  const policies = await policiesOfBearer(noun, name, record, reader);
  for (const groupName of identity.groups) {
    const group = await linkedRecord(reader, groupsTable, identityName(record.accountId, groupName));
    policies.push(...(await policiesOfBearer('group', group.value.groupName, group.value, reader)));
  }
  if (identity.boundary === undefined) return { identity: policies };
  const boundary = await managedSource(identity.boundary, reader);
  return {
    identity: policies,
    boundary: {
      ...boundary,
      type: 'Permissions Boundary Policy',
      origin: { kind: 'permission-boundary', arn: identity.boundary },
    },
  };
}

async function policiesOfBearer(
  noun: 'user' | 'group' | 'role',
  name: string,
  bearer: PolicyBearer,
  reader: Reader,
): Promise<SourcedPolicy[]> {
  const inline = bearer.inlinePolicies.map(
    ({ policyName, document }): SourcedPolicy => ({
      id: `${noun}_${name}_${policyName}`,
      type: 'IAM Policy',
      text: document,
      policy: parsePolicy(document, 'identity'),
      spans: statementSpans(document),
      origin: { kind: 'inline', policyName, bearer: noun, bearerName: name },
    }),
  );
  const managed: SourcedPolicy[] = [];
  for (const arn of bearer.attachedPolicies) managed.push(await managedSource(arn, reader));
  return [...inline, ...managed];
}

async function managedSource(arn: string, reader: Reader): Promise<SourcedPolicy> {
  const record = (await findManagedPolicy(arn, reader))?.record;
  const version = record?.versions.find(({ versionId }) => versionId === record.defaultVersionId);
  if (record === undefined || version === undefined) {
    throw new KeyholdError('TamperedRecord', `the policy ${arn} is attached and does not exist`);
  }
  return {
    id: record.policyName,
    type: 'IAM Policy',
    text: version.document,
    policy: parsePolicy(version.document, 'identity'),
    spans: statementSpans(version.document),
    origin: { kind: parsePolicyArn(arn).accountId === AWS ? 'aws-managed' : 'user-managed', arn },
  };
}
