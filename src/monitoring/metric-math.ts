import { Parser } from './math-parser.ts';
import { DEEPEST, MathFault, MOST_WORK, type Scope, type TimeRange, type Variable } from './math-values.ts';

/**
 * Metric math ("Using math expressions with CloudWatch metrics", CloudWatch user guide): the part of it that is here.
 *
 * - Numbers, ids of other queries, `+ - * / ^`, comparisons (`< <= > >= == !=`, which give 1 or 0), `AND` and `OR`, parentheses,
 *   lists (`[m1, m2]`).
 * - `SUM AVG MIN MAX` of a list, which gives a series, or of one series, which gives a number; `METRICS()`, all metrics of
 *   the request, and `METRICS("text")`, those whose ids contain the text.
 * - `FILL(m, 0)`, `FILL(m, REPEAT)`, `IF(condition, a, b)`, `IF(condition, a)`, `RATE DIFF ABS CEIL FLOOR` and `PERIOD(m)`.
 *
 * Of two series, the result has the times that both have. All else is refused, Metrics Insights queries (`SELECT …`) included.
 */

/**
 * @param expressions by their ids; they may be about each other
 * @param refusal what is thrown where an expression is not one, or is about itself
 * @returns the values of each by time, in no order; such as are not finite included
 */
export function evaluate(
  expressions: ReadonlyMap<string, string>,
  metrics: ReadonlyMap<string, Variable>,
  range: TimeRange,
  refusal: (id: string, why: string) => Error,
): ReadonlyMap<string, ReadonlyMap<number, number>> {
  const known = new Map(metrics);
  const under = new Set<string>();
  let spent = 0;

  function spend(values: number): void {
    spent += values + 1;
    if (spent > MOST_WORK) throw new MathFault('all expressions together take too much computing');
  }

  function variableOf(id: string, asked: string): Variable {
    const done = known.get(id);
    if (done !== undefined) return done;
    const text = expressions.get(id);
    if (text === undefined) throw refusal(asked, `there is no ${id}`);
    if (under.has(id)) throw refusal(asked, `${id} is about itself`);
    if (under.size === DEEPEST) throw refusal(asked, 'too many expressions are about each other');
    under.add(id);
    const value = evaluateOne(id, text);
    under.delete(id);
    known.set(id, value);
    return value;
  }

  function evaluateOne(id: string, text: string): Variable {
    try {
      const scope: Scope = { range, metrics: [...metrics.values()], variable: (name) => variableOf(name, id), spend };
      const value = new Parser(text).whole()(scope);
      if (typeof value === 'number') throw new MathFault('the result is a number, and no series');
      if (Array.isArray(value)) throw new MathFault('the result is a list, and no series');
      return { id, ofMetric: false, ...value };
    } catch (error) {
      throw error instanceof MathFault ? refusal(id, error.message) : error;
    }
  }

  return new Map([...expressions.keys()].map((id) => [id, variableOf(id, id).values]));
}
