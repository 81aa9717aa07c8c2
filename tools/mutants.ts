/**
 * The mutants of a source file: each is the file with one small fault, of the kinds that StrykerJS makes
 * (stryker-mutator.io/docs/mutation-testing-elements/supported-mutators). Types, imports and the names of
 * properties are not mutated.
 */

import { type Node, type SourceFile, SyntaxKind } from "typescript/unstable/ast";
import {
  isArrayLiteralExpression,
  isBinaryExpression,
  isCallExpression,
  isConditionalExpression,
  isExpressionStatement,
  isIfStatement,
  isImportDeclaration,
  isNoSubstitutionTemplateLiteral,
  isNumericLiteral,
  isPrefixUnaryExpression,
  isPropertyAccessExpression,
  isPropertyAssignment,
  isReturnStatement,
  isStringLiteral,
  isTemplateExpression,
  isThrowStatement,
  isTypeNode,
  isWhileStatement,
} from "typescript/unstable/ast/is";

/** A part of the source, and the text that replaces it. */
export type Mutant = { readonly from: number; readonly to: number; readonly text: string };

const OPERATORS: Readonly<Record<string, readonly string[]>> = {
  "===": ["!=="],
  "!==": ["==="],
  "<": ["<=", ">="],
  "<=": ["<", ">"],
  ">": [">=", "<="],
  ">=": [">", "<"],
  "&&": ["||"],
  "||": ["&&"],
  "??": ["&&"],
  "+": ["-"],
  "-": ["+"],
  "*": ["/"],
  "/": ["*"],
  "%": ["*"],
  "&": ["|"],
  "|": ["&"],
  "<<": [">>"],
  ">>": ["<<"],
  ">>>": ["<<"],
  "+=": ["-="],
  "-=": ["+="],
  "*=": ["/="],
  "||=": ["&&="],
  "??=": ["&&="],
};

// A map, because an object has a `toString` as well.
const METHODS: ReadonlyMap<string, string> = new Map([
  ["every", "some"],
  ["some", "every"],
  ["startsWith", "endsWith"],
  ["endsWith", "startsWith"],
  ["min", "max"],
  ["max", "min"],
  ["ceil", "floor"],
  ["floor", "ceil"],
  ["round", "floor"],
  ["toLowerCase", "toUpperCase"],
  ["toUpperCase", "toLowerCase"],
]);

const WORDS: ReadonlyMap<string, string> = new Map([
  ["true", "false"],
  ["false", "true"],
  ["break;", ";"],
  ["continue;", ";"],
]);

/** Methods whose call is removed, so that the list or text stays unchanged. */
const LEFT_OUT = new Set(["filter", "slice", "toReversed", "toSorted", "trim"]);

/** All mutants of a file, in the order of the source. */
export function mutantsOf(file: SourceFile): Mutant[] {
  const mutants: Mutant[] = [];

  function visit(node: Node): void {
    if (isTypeNode(node) || isImportDeclaration(node)) {
      return;
    }
    for (const { part, texts } of faultsOf(node)) {
      const from = part.getStart(file);
      mutants.push(...texts.map((text) => ({ from, to: part.end, text })));
    }
    node.forEachChild(visit);
  }

  visit(file);
  return mutants.toSorted((a, b) => a.from - b.from);
}

/** The faults of a node: which part is replaced, and by which texts. Without the faults of its child nodes. */
function faultsOf(node: Node): { readonly part: Node; readonly texts: readonly string[] }[] {
  if (isBinaryExpression(node)) {
    const { operatorToken: part } = node;
    return [{ part, texts: OPERATORS[part.getText()] ?? [] }];
  }
  if (isIfStatement(node)) {
    return [{ part: node.expression, texts: ["true", "false"] }];
  }
  if (isWhileStatement(node)) {
    return [{ part: node.expression, texts: ["false"] }];
  }
  if (isConditionalExpression(node)) {
    return [{ part: node.condition, texts: ["true", "false"] }];
  }
  if (isPrefixUnaryExpression(node)) {
    const { operator, operand } = node;
    const isMutable =
      operator === SyntaxKind.MinusToken || operator === SyntaxKind.ExclamationToken;
    return [{ part: node, texts: isMutable ? [operand.getText()] : [] }];
  }
  if (isExpressionStatement(node) || isReturnStatement(node) || isThrowStatement(node)) {
    return [{ part: node, texts: [";"] }];
  }
  if (isCallExpression(node) && isPropertyAccessExpression(node.expression)) {
    const { name, expression } = node.expression;
    const other = METHODS.get(name.getText());
    const isLeftOut = LEFT_OUT.has(name.getText());
    return [
      { part: name, texts: other === undefined ? [] : [other] },
      { part: node, texts: isLeftOut ? [expression.getText()] : [] },
    ];
  }
  if (isArrayLiteralExpression(node)) {
    return [{ part: node, texts: node.elements.length === 0 ? [] : ["[]"] }];
  }
  if (isNumericLiteral(node)) {
    const value = Number(node.getText().replaceAll("_", ""));
    return [{ part: node, texts: [String(value < 10 ? value + 1 : 2 * value)] }];
  }
  if (isStringLiteral(node)) {
    const isName = isPropertyAssignment(node.parent) && node.parent.name === node;
    const other = node.getText() === '""' ? '"mutated"' : '""';
    return [{ part: node, texts: isName ? [] : [other] }];
  }
  if (isTemplateExpression(node) || isNoSubstitutionTemplateLiteral(node)) {
    return [{ part: node, texts: ["``"] }];
  }
  const word = WORDS.get(node.getText());
  return [{ part: node, texts: word === undefined ? [] : [word] }];
}
