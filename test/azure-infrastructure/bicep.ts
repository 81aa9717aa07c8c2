import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { basename } from "node:path";
import { Language, type Node, Parser } from "web-tree-sitter";

/** The value of a property. */
export type Value =
  | { readonly kind: "object"; readonly properties: ReadonlyMap<string, Value> }
  | { readonly kind: "array"; readonly items: readonly Value[] }
  /** A string without interpolation, without its quotes. */
  | { readonly kind: "string"; readonly text: string }
  | { readonly kind: "number"; readonly text: string }
  | { readonly kind: "boolean"; readonly text: string }
  /** The text of an expression, which only a deployment can evaluate. */
  | { readonly kind: "expression"; readonly text: string };

export type Parameter = {
  readonly name: string;
  readonly type: string;
  /** The text of the default; `undefined` when the parameter is required. */
  readonly default: string | undefined;
  readonly decorators: ReadonlyMap<string, Value>;
};

export type Output = {
  readonly name: string;
  readonly value: string;
  readonly decorators: ReadonlyMap<string, Value>;
};

/** A resource or a module: its symbol, its type, and its body without condition and loop. */
export type Declaration = {
  readonly symbol: string;
  /** A resource's `type@version`, a module's path. */
  readonly target: string;
  /** Whether the resource exists already. */
  readonly isExisting: boolean;
  readonly body: ReadonlyMap<string, Value>;
};

/** One Bicep file. */
export type BicepFile = {
  /** For messages. */
  readonly name: string;
  /** The lines that are not valid Bicep: `line: text`. */
  readonly errors: readonly string[];
  readonly text: string;
  readonly parameters: readonly Parameter[];
  readonly variables: readonly string[];
  readonly resources: readonly Declaration[];
  readonly modules: readonly Declaration[];
  readonly outputs: readonly Output[];
  /** Names that are used as values: symbols, and parameters of loops and lambdas. */
  readonly usedNames: readonly string[];
  /** Names that loops and lambdas declare. */
  readonly localNames: readonly string[];
  readonly calledFunctions: readonly string[];
};

const require = createRequire(import.meta.url);
await Parser.init();
const parser = new Parser();
parser.setLanguage(
  await Language.load(await readFile(require.resolve("tree-sitter-bicep/tree-sitter-bicep.wasm"))),
);

/** Reads a Bicep file with the grammar of tree-sitter-bicep, which knows the syntax but not the types. */
export async function readBicep(path: string): Promise<BicepFile> {
  const text = await readFile(path, "utf8");
  const root = parser.parse(text)?.rootNode;
  if (root === undefined) {
    throw new Error(`${path} was not parsed.`);
  }
  const parameters: Parameter[] = [];
  const outputs: Output[] = [];
  const resources: Declaration[] = [];
  const modules: Declaration[] = [];
  const variables: string[] = [];
  let decorators = new Map<string, Value>();
  for (const node of root.namedChildren) {
    switch (node.type) {
      case "decorators":
        decorators = decoratorsOf(node);
        continue;
      case "parameter_declaration": {
        const [name, type, defaultValue] = node.namedChildren;
        parameters.push({
          name: textOf(name),
          type: textOf(type),
          default: defaultValue?.text,
          decorators,
        });
        break;
      }
      case "output_declaration": {
        const [name, , value] = node.namedChildren;
        outputs.push({ name: textOf(name), value: textOf(value), decorators });
        break;
      }
      case "variable_declaration":
        variables.push(textOf(node.namedChildren[0]));
        break;
      case "resource_declaration":
        resources.push(declarationOf(node));
        break;
      case "module_declaration":
        modules.push(declarationOf(node));
        break;
    }
    decorators = new Map();
  }
  return {
    name: basename(path),
    errors: every(root, (node) => node.isError || node.isMissing).map(
      (node) => `${node.startPosition.row + 1}: ${node.text}`,
    ),
    text,
    parameters,
    variables,
    resources,
    modules,
    outputs,
    usedNames: every(root, isUseOfName).map((node) => node.text),
    localNames: every(root, isLocalName).map((node) => node.text),
    calledFunctions: every(root, (node) => node.type === "call_expression").map((node) =>
      textOf(node.namedChildren[0]),
    ),
  };
}

function every(node: Node, isWanted: (node: Node) => boolean): Node[] {
  return [
    ...(isWanted(node) ? [node] : []),
    ...node.children.flatMap((child) => (child === null ? [] : every(child, isWanted))),
  ];
}

function textOf(node: Node | null | undefined): string {
  return node?.text ?? "";
}

const DECLARATIONS = new Set([
  "parameter_declaration",
  "variable_declaration",
  "resource_declaration",
  "module_declaration",
  "output_declaration",
  "object_property",
]);

/** Whether an identifier is used as a value, and not declared here. */
function isUseOfName(node: Node): boolean {
  if (node.type !== "identifier" || node.parent === null) {
    return false;
  }
  const { parent } = node;
  const isFirst = parent.namedChildren[0]?.id === node.id;
  return !(
    isLocalName(node) ||
    (isFirst && (DECLARATIONS.has(parent.type) || parent.type === "call_expression")) ||
    parent.type === "target_scope_assignment"
  );
}

function isLocalName(node: Node): boolean {
  const { parent } = node;
  return (
    parent !== null &&
    node.type === "identifier" &&
    (parent.type === "for_statement" || parent.type === "lambda_expression") &&
    parent.namedChildren[0]?.id === node.id
  );
}

function decoratorsOf(node: Node): Map<string, Value> {
  return new Map(
    node.namedChildren.flatMap((decorator) => {
      const call = decorator?.namedChildren[0];
      const [name, args] = call?.namedChildren ?? [];
      const [argument] = args?.namedChildren ?? [];
      return argument ? [[textOf(name), readValue(argument)]] : [];
    }),
  );
}

function declarationOf(node: Node): Declaration {
  const [symbol, target] = node.namedChildren;
  return {
    symbol: textOf(symbol),
    target: textOf(target).slice(1, -1),
    isExisting: node.children.some((child) => child?.type === "existing"),
    body: propertiesOf(bodyOf(node)),
  };
}

/** The object of a declaration: itself, below its condition, or below its loop. */
function bodyOf(node: Node): Node {
  const last = node.namedChildren.at(-1);
  if (last === undefined || last === null) {
    throw new Error(`A declaration without a body: ${node.text}`);
  }
  return last.type === "object" ? last : bodyOf(last);
}

function propertiesOf(object: Node): Map<string, Value> {
  return new Map(
    object.namedChildren.flatMap((property) => {
      const [name, value] = property?.namedChildren ?? [];
      return property?.type === "object_property" && value
        ? [[textOf(name), readValue(value)]]
        : [];
    }),
  );
}

function readValue(node: Node): Value {
  const { type, text } = node;
  switch (type) {
    case "object":
      return { kind: "object", properties: propertiesOf(node) };
    case "array":
      return {
        kind: "array",
        items: node.namedChildren.flatMap((item) =>
          item === null || item.type === "comment" ? [] : [readValue(item)],
        ),
      };
    case "string":
      return node.namedChildren.some((child) => child?.type === "interpolation")
        ? { kind: "expression", text }
        : { kind: "string", text: text.slice(1, -1) };
    case "number":
    case "boolean":
      return { kind: type, text };
    default:
      return { kind: "expression", text };
  }
}
