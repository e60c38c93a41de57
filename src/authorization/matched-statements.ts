import { type AuthorizationRequest, beginEvaluation, spend, WORK_PER_DECISION, type Work } from './evaluation.ts';
import { type Policy, type Statement, statementCovers } from './policy.ts';
import { allowNaming, denyNames, NOT_NAMED } from './principal.ts';
import { NO, YES } from './truth.ts';

export interface MatchedStatement {
  /** The policy's place among those that were asked. */
  readonly policy: number;
  /** The statement's place in its document. */
  readonly statement: number;
  readonly sid: string | undefined;
  readonly effect: 'Allow' | 'Deny';
}

/**
 * All statements that speak of a request, policy by policy in the order of their documents, whatever the decision is. As in
 * decisions, a Deny that cannot be evaluated is one of them, and an Allow is not.
 *
 * @param shared as in `decideCounted`
 * @param hasBoundary whether the caller has a permissions boundary, which a `NotPrincipal` does not spare
 */
export function matchedStatements(
  request: AuthorizationRequest,
  policies: readonly Policy[],
  shared: Work,
  hasBoundary = false,
): readonly MatchedStatement[] {
  const evaluation = beginEvaluation(request, WORK_PER_DECISION);
  const isAboutCaller = ({ principal, effect }: Statement) => {
    if (!principal) return true;
    if (effect === 'Deny') return denyNames(principal, request.principal, hasBoundary);
    return allowNaming(principal, request.principal) !== NOT_NAMED;
  };
  const matched = policies.flatMap(({ denies, allows }, policy) =>
    [...denies, ...allows]
      .sort((one, other) => one.index - other.index)
      .filter((statement) => {
        if (!isAboutCaller(statement)) return false;
        const truth = statementCovers(statement, evaluation);
        return statement.effect === 'Deny' ? truth !== NO : truth === YES;
      })
      .map(({ index, sid, effect }) => ({ policy, statement: index, sid, effect })),
  );
  spend(shared, WORK_PER_DECISION - evaluation.left);
  return matched;
}
