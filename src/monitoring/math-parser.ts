import { type Argument, call, nodeOf, WORDS } from './math-functions.ts';
import { combine, counted, DEEPEST, MathFault, type Node, type Operator, seriesOf, sizeOf } from './math-values.ts';

/** Reads the text of an expression of metric math: numbers, names, operators and parentheses. */

const TOKEN =
  /\s*(?:(\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)|([A-Za-z][A-Za-z0-9_]*)|("[^"]*"|'[^']*')|(<=|>=|==|!=|&&|\|\||[-+*/^()<>,[\]]))/y;

interface Token {
  readonly kind: 'number' | 'name' | 'text' | 'sign';
  readonly text: string;
}

function tokensOf(text: string): Token[] {
  const tokens: Token[] = [];
  const pattern = new RegExp(TOKEN);
  while (text.slice(pattern.lastIndex).trim() !== '') {
    const at = pattern.lastIndex;
    const match = pattern.exec(text);
    if (match === null) throw new MathFault(`it cannot be read from character ${at + 1} on`);
    const [, number, name, quoted, sign] = match;
    if (number !== undefined) tokens.push({ kind: 'number', text: number });
    else if (name !== undefined) tokens.push({ kind: 'name', text: name });
    else if (quoted !== undefined) tokens.push({ kind: 'text', text: quoted.slice(1, -1) });
    else tokens.push({ kind: 'sign', text: sign as string });
  }
  return tokens;
}

/** From what binds the least. */
const levels: readonly Readonly<Record<string, Operator>>[] = [
  { OR: (a, b) => Number(a !== 0 || b !== 0), '||': (a, b) => Number(a !== 0 || b !== 0) },
  { AND: (a, b) => Number(a !== 0 && b !== 0), '&&': (a, b) => Number(a !== 0 && b !== 0) },
  {
    '<': (a, b) => Number(a < b),
    '<=': (a, b) => Number(a <= b),
    '>': (a, b) => Number(a > b),
    '>=': (a, b) => Number(a >= b),
    '==': (a, b) => Number(a === b),
    '!=': (a, b) => Number(a !== b),
  },
  { '+': (a, b) => a + b, '-': (a, b) => a - b },
  { '*': (a, b) => a * b, '/': (a, b) => a / b },
];

export class Parser {
  readonly #tokens: readonly Token[];
  #at = 0;
  #depth = 0;

  constructor(text: string) {
    if (/^\s*SELECT\b/i.test(text)) throw new MathFault('Metrics Insights queries are not supported');
    this.#tokens = tokensOf(text);
  }

  whole(): Node {
    const node = this.#level(0);
    if (this.#at < this.#tokens.length) throw this.#unexpected();
    return node;
  }

  #level(level: number): Node {
    const operators = levels[level];
    if (operators === undefined) return this.#signed();
    const first = this.#level(level + 1);
    const rest: (readonly [Operator, Node])[] = [];
    for (
      let operator = operators[this.#operatorName()];
      operator !== undefined;
      operator = operators[this.#operatorName()]
    ) {
      this.#at++;
      rest.push([operator, this.#level(level + 1)]);
    }
    if (rest.length === 0) return first;
    return (scope) => {
      let value = first(scope);
      for (const [operator, node] of rest) {
        value = combine(value, node(scope), operator);
        scope.spend(sizeOf(value));
      }
      return value;
    };
  }

  #signed(): Node {
    if (!this.#takes('-')) return this.#power();
    const node = this.#nested(() => this.#signed());
    return counted((scope) => combine(0, node(scope), (a, b) => a - b));
  }

  /** Binds to the right, and more than a sign before it. */
  #power(): Node {
    const base = this.#primary();
    if (!this.#takes('^')) return base;
    const exponent = this.#nested(() => this.#signed());
    return counted((scope) => combine(base(scope), exponent(scope), (a, b) => a ** b));
  }

  #primary(): Node {
    const token = this.#tokens[this.#at];
    if (token?.kind === 'number') {
      this.#at++;
      const number = Number(token.text);
      return () => number;
    }
    if (token?.kind === 'name') {
      this.#at++;
      return counted(this.#takes('(') ? call(token.text, this.#list(')')) : ({ variable }) => variable(token.text));
    }
    if (this.#takes('(')) {
      const node = this.#nested(() => this.#level(0));
      this.#demand(')');
      return node;
    }
    if (this.#takes('[')) {
      const items = this.#list(']');
      return counted((scope) => items.map((item) => seriesOf(nodeOf(item)(scope))));
    }
    throw this.#unexpected();
  }

  #list(end: string): Argument[] {
    const items: Argument[] = [];
    if (this.#takes(end)) return items;
    do items.push(this.#nested(() => this.#argument()));
    while (this.#takes(','));
    this.#demand(end);
    return items;
  }

  /** Functions take words besides, such as `REPEAT`, which are names of nothing. */
  #argument(): Argument {
    const token = this.#tokens[this.#at];
    if (token?.kind === 'text') {
      this.#at++;
      return { word: token.text };
    }
    if (token?.kind === 'name' && WORDS.has(token.text)) {
      this.#at++;
      return { word: token.text };
    }
    return this.#level(0);
  }

  #nested<T>(parse: () => T): T {
    if (++this.#depth > DEEPEST) throw new MathFault('it is nested too deeply');
    const result = parse();
    this.#depth--;
    return result;
  }

  #operatorName(): string {
    const token = this.#tokens[this.#at];
    if (token?.kind === 'sign') return token.text;
    return token?.kind === 'name' ? token.text.toUpperCase() : '';
  }

  #takes(sign: string): boolean {
    const token = this.#tokens[this.#at];
    if (token?.kind !== 'sign' || token.text !== sign) return false;
    this.#at++;
    return true;
  }

  #demand(sign: string): void {
    if (!this.#takes(sign)) throw this.#unexpected();
  }

  #unexpected(): MathFault {
    const token = this.#tokens[this.#at];
    return new MathFault(token === undefined ? 'it ends too early' : `${token.text} is not expected`);
  }
}
