/** Writes an object with choices as a Helm template. */
import { stringify } from "yaml";
import type { Choice, Tree } from "./choices.ts";

/** Template expressions. A tree has a placeholder for each. */
export class Expressions {
  readonly #expressions: string[] = [];

  /** A placeholder, which {@link resolve} replaces by this expression. */
  add(expression: string): string {
    const known = this.#expressions.indexOf(expression);
    const number = known === -1 ? this.#expressions.push(expression) : known + 1;
    return `helm-${number}-expression`;
  }

  /** The text of the template: placeholders become expressions, and other braces are escaped. */
  resolve(yaml: string): string {
    return yaml
      .replaceAll("{{", '{{ "{{" }}')
      .replaceAll(/helm-(\d+)-expression/g, (_, number) => this.#expressions[number - 1] ?? "");
  }
}

/** The condition in Go's template language that an option is on. */
export type ConditionOf = (option: string) => string;

/**
 * The template of an object.
 * @param expressions those whose placeholders are in the object
 */
export function template(
  object: Choice,
  conditionOf: ConditionOf,
  expressions: Expressions,
): string {
  const lines = choiceLines(object, conditionOf, (tree) =>
    linesOf(tree, 0, conditionOf, expressions),
  );
  return `${lines.join("\n")}\n`;
}

function choiceLines(
  { cases, otherwise }: Choice,
  conditionOf: ConditionOf,
  write: (tree: Tree) => string[],
): string[] {
  const [first, ...others] = cases.map(({ options, tree }) => ({
    condition: anyOf(options.map(conditionOf)),
    lines: tree === undefined ? [] : write(tree),
  }));
  const rest = otherwise === undefined ? [] : write(otherwise);
  if (first === undefined) {
    return rest;
  }
  if (others.length === 0 && first.lines.length === 0) {
    return [`{{- if not ${inParentheses(first.condition)} }}`, ...rest, "{{- end }}"];
  }
  return [
    `{{- if ${first.condition} }}`,
    ...first.lines,
    ...others.flatMap(({ condition, lines }) => [`{{- else if ${condition} }}`, ...lines]),
    ...(rest.length === 0 ? [] : ["{{- else }}", ...rest]),
    "{{- end }}",
  ];
}

function anyOf(conditions: readonly string[]): string {
  return conditions.length === 1
    ? (conditions[0] ?? "")
    : `or ${conditions.map(inParentheses).join(" ")}`;
}

function inParentheses(condition: string): string {
  return condition.includes(" ") ? `(${condition})` : condition;
}

/** The lines of a tree, indented by `indent`. */
function linesOf(
  tree: Tree,
  indent: number,
  conditionOf: ConditionOf,
  expressions: Expressions,
): string[] {
  const space = " ".repeat(indent);
  switch (tree.kind) {
    case "plain":
      return yamlLines(tree.value, indent, expressions);
    case "map":
      return tree.entries.flatMap(([key, choice]) =>
        choiceLines(choice, conditionOf, (value) =>
          value.kind === "plain"
            ? yamlLines({ [key]: value.value }, indent, expressions)
            : [`${space}${key}:`, ...linesOf(value, indent + 2, conditionOf, expressions)],
        ),
      );
    case "list":
      return tree.items.flatMap((choice) =>
        choiceLines(choice, conditionOf, (item) =>
          item.kind === "plain"
            ? yamlLines([item.value], indent, expressions)
            : // The key is always the first line.
              linesOf(item, indent + 2, conditionOf, expressions).map((line, index) =>
                index === 0 ? `${space}- ${line.trimStart()}` : line,
              ),
        ),
      );
  }
}

function yamlLines(value: unknown, indent: number, expressions: Expressions): string[] {
  const text = stringify(value, { lineWidth: 0 }).trimEnd();
  return text
    .split("\n")
    .flatMap((line) => expressions.resolve(line).split("\n"))
    .map((line) => (line === "" ? "" : `${" ".repeat(indent)}${line}`));
}
