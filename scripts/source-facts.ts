import { dirname, join, relative, resolve, sep } from 'node:path';
import { type Expression, type Node, type SourceFile, SyntaxKind } from 'typescript/unstable/ast';
import {
  isCallExpression,
  isElementAccessExpression,
  isExportDeclaration,
  isIdentifier,
  isImportDeclaration,
  isImportTypeNode,
  isLiteralTypeNode,
  isMetaProperty,
  isNamedExports,
  isNamedImports,
  isNewExpression,
  isPropertyAccessExpression,
  isStringLiteral,
  isVariableDeclaration,
} from 'typescript/unstable/ast/is';
import { API } from 'typescript/unstable/sync';

/** What the layer check needs to know of one file, as TypeScript's own parser reads it. */
export interface SourceFacts {
  /** From the root, with forward slashes: `src/keys/key.ts`. */
  readonly path: string;
  readonly imports: readonly Import[];
  /** Members that are read by name: `process.env`, `Date.now`, and also `process['env']` and `const { env } = process`. */
  readonly memberReads: readonly MemberRead[];
  /** Lines with `new Date()` or `Date()`. */
  readonly implicitNows: readonly number[];
}

export interface Import {
  readonly line: number;
  readonly specifier: string;
  /** The file it names, from the root; undefined for packages and Node's own modules. */
  readonly file?: string;
  readonly typeOnly: boolean;
  /** What is taken from it by name; empty for `import * as`, a default import or an import for its effects. */
  readonly names: readonly string[];
}

export interface MemberRead {
  readonly line: number;
  /** As written, if it is a plain name: `process`. */
  readonly object?: string;
  readonly member: string;
}

/** Parses every TypeScript file that `<root>/tsconfig.json` includes. */
export function readSourceFacts(root: string): SourceFacts[] {
  const compiler = new API({ cwd: root });
  try {
    const configFile = join(root, 'tsconfig.json');
    const project = compiler.updateSnapshot({ openProjects: [configFile] }).getProject(configFile);
    if (project === undefined) throw new Error(`${configFile} cannot be opened`);
    return project.rootFiles.map((path) => {
      const source = project.program.getSourceFile(path);
      if (source === undefined) throw new Error(`${path} cannot be parsed`);
      return factsOf(source, path, root);
    });
  } finally {
    compiler.close();
  }
}

function factsOf(source: SourceFile, path: string, root: string): SourceFacts {
  const imports: Import[] = [];
  const memberReads: MemberRead[] = [];
  const implicitNows: number[] = [];
  const lineStarts = lineStartsOf(source.text);
  const lineOf = (node: Node) => lineStarts.filter((start) => start <= node.getStart(source)).length;

  function addImport(node: Node, specifier: Node | undefined, typeOnly: boolean, names: readonly string[]): void {
    if (specifier === undefined || !isStringLiteral(specifier)) return;
    const { text } = specifier;
    const file = text.startsWith('.') ? fromRoot(resolve(dirname(path), text), root) : undefined;
    imports.push({ line: lineOf(node), specifier: text, typeOnly, names, ...(file === undefined ? {} : { file }) });
  }

  function visit(node: Node): void {
    if (isImportDeclaration(node)) {
      const clause = node.importClause;
      const bindings = clause?.namedBindings;
      const elements = bindings !== undefined && isNamedImports(bindings) ? bindings.elements : [];
      const allTypes = clause?.name === undefined && elements.length > 0 && elements.every((each) => each.isTypeOnly);
      const typeOnly = clause?.phaseModifier === SyntaxKind.TypeKeyword || allTypes;
      const names = elements.map((each) => (each.propertyName ?? each.name).text);
      addImport(node, node.moduleSpecifier, typeOnly, names);
    } else if (isExportDeclaration(node)) {
      const clause = node.exportClause;
      const elements = clause !== undefined && isNamedExports(clause) ? clause.elements : [];
      const typeOnly = node.isTypeOnly || (elements.length > 0 && elements.every((each) => each.isTypeOnly));
      const names = elements.map((each) => (each.propertyName ?? each.name).text);
      addImport(node, node.moduleSpecifier, typeOnly, names);
    } else if (isImportTypeNode(node)) {
      if (isLiteralTypeNode(node.argument)) addImport(node, node.argument.literal, true, []);
    } else if (isCallExpression(node)) {
      if (node.expression.kind === SyntaxKind.ImportKeyword) addImport(node, node.arguments[0], false, []);
      if (isNamed(node.expression, 'Date')) implicitNows.push(lineOf(node));
    } else if (isNewExpression(node)) {
      const given = node.arguments ?? [];
      if (isNamed(node.expression, 'Date') && given.length === 0) implicitNows.push(lineOf(node));
      // A worker thread's file is named so, and is as much a dependency as an import.
      if (isNamed(node.expression, 'URL') && isImportMetaUrl(given[1]) && endsInTs(given[0])) {
        addImport(node, given[0], false, []);
      }
    } else if (isPropertyAccessExpression(node)) {
      memberReads.push({ line: lineOf(node), ...nameOf(node.expression), member: node.name.text });
    } else if (isElementAccessExpression(node)) {
      const key = node.argumentExpression;
      if (isStringLiteral(key)) memberReads.push({ line: lineOf(node), ...nameOf(node.expression), member: key.text });
    } else if (isVariableDeclaration(node) && node.initializer !== undefined) {
      addDestructured(node.name, node.initializer);
    }
    node.forEachChild(visit);
  }

  function addDestructured(pattern: Node, initializer: Expression): void {
    if (pattern.kind !== SyntaxKind.ObjectBindingPattern) return;
    pattern.forEachChild((element) => {
      const { name, propertyName } = element as unknown as { name: Node; propertyName?: Node };
      const key = propertyName ?? name;
      if (isIdentifier(key)) memberReads.push({ line: lineOf(element), ...nameOf(initializer), member: key.text });
    });
  }

  visit(source);
  return { path: fromRoot(path, root), imports, memberReads, implicitNows };
}

function isNamed(node: Node, name: string): boolean {
  return isIdentifier(node) && node.text === name;
}

function nameOf(expression: Expression): { object?: string } {
  return isIdentifier(expression) ? { object: expression.text } : {};
}

function isImportMetaUrl(node: Node | undefined): boolean {
  return (
    node !== undefined &&
    isPropertyAccessExpression(node) &&
    isMetaProperty(node.expression) &&
    node.name.text === 'url'
  );
}

function endsInTs(node: Node | undefined): boolean {
  return node !== undefined && isStringLiteral(node) && node.text.endsWith('.ts');
}

function lineStartsOf(text: string): number[] {
  const starts = [0];
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) starts.push(at + 1);
  return starts;
}

function fromRoot(path: string, root: string): string {
  return relative(root, path).split(sep).join('/');
}
