/**
 * Merges the variants of an object into one tree: what all variants share is in it once, and what an option
 * changes is a choice by that option.
 */
import { isDeepStrictEqual } from "node:util";

/** Any value of YAML; `undefined`: absent. */
export type Value = unknown;

/** A value whose parts may depend on options. */
export type Tree =
  | { readonly kind: "plain"; readonly value: Value }
  | { readonly kind: "map"; readonly entries: readonly (readonly [string, Choice])[] }
  /** A list of maps with a key field, such as containers. The key is their first entry. */
  | { readonly kind: "list"; readonly items: readonly Choice[] };

/** The first case that has an option which is on applies, else `otherwise`; `undefined`: absent. */
export type Choice = {
  readonly cases: readonly {
    readonly options: readonly string[];
    readonly tree: Tree | undefined;
  }[];
  readonly otherwise: Tree | undefined;
};

/** The value that an option gives. */
export type Variant = { readonly option: string; readonly value: Value };

/** The key fields of lists in Kubernetes (patchMergeKey). */
const KEYS = ["name", "mountPath", "containerPort", "topologyKey"] as const;

type Fields = Readonly<Record<string, Value>>;

/**
 * Merges the variants of a value. Options that change different parts can be on at the same time.
 * @param base the value without any option; `undefined` when it is absent
 */
export function choose(base: Value, variants: readonly Variant[]): Choice {
  const changes = variants.filter(({ value }) => !isDeepStrictEqual(value, base));
  const groups: { options: string[]; value: Value }[] = [];
  for (const { option, value } of changes) {
    const group = groups.find((one) => isDeepStrictEqual(one.value, value));
    if (group === undefined) {
      groups.push({ options: [option], value });
    } else {
      group.options.push(option);
    }
  }
  const different = [base, ...groups.map(({ value }) => value)].filter(
    (value) => value !== undefined,
  );
  const merged = different.length > 1 ? merge(base, changes, different) : undefined;
  if (merged === undefined) {
    return {
      cases: groups.map(({ options, value }) => ({ options, tree: plain(value) })),
      otherwise: plain(base),
    };
  }
  const optionsWhere = (isThere: boolean) =>
    changes.filter(({ value }) => (value !== undefined) === isThere).map(({ option }) => option);
  if (base === undefined) {
    return { cases: [{ options: optionsWhere(true), tree: merged }], otherwise: undefined };
  }
  const without = optionsWhere(false);
  return {
    cases: without.length === 0 ? [] : [{ options: without, tree: undefined }],
    otherwise: merged,
  };
}

function plain(value: Value): Tree | undefined {
  return value === undefined ? undefined : { kind: "plain", value };
}

/** Merges maps, and lists of maps with a key; `undefined` for other values. */
function merge(
  base: Value,
  changes: readonly Variant[],
  different: readonly Value[],
): Tree | undefined {
  const there = changes.filter(({ value }) => value !== undefined);
  if (different.every(isMap)) {
    return { kind: "map", entries: choicesOf(base as Fields | undefined, there, (map) => map) };
  }
  const key = KEYS.find((field) => different.every((value) => isListBy(field, value)));
  if (key === undefined) {
    return undefined;
  }
  const byKey = (list: Value) =>
    Object.fromEntries(
      (list as readonly Fields[]).map((member) => [
        String(member[key]),
        { [key]: member[key], ...member },
      ]),
    );
  const items = choicesOf(base, there, byKey).map(([, choice]) => choice);
  return { kind: "list", items };
}

/** The choice of each entry. Those of the base are first, in its order. */
function choicesOf<Whole extends Value>(
  base: Whole | undefined,
  changes: readonly Variant[],
  entriesOf: (whole: Whole) => Fields,
): (readonly [string, Choice])[] {
  const baseEntries = base === undefined ? {} : entriesOf(base);
  const variants = changes.map(({ option, value }) => ({
    option,
    entries: entriesOf(value as Whole),
  }));
  const names = new Set(
    [baseEntries, ...variants.map(({ entries }) => entries)].flatMap(Object.keys),
  );
  return [...names].map((name) => [
    name,
    choose(
      baseEntries[name],
      variants.map(({ option, entries }) => ({ option, value: entries[name] })),
    ),
  ]);
}

function isMap(value: Value): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isListBy(field: string, value: Value): boolean {
  if (!Array.isArray(value)) {
    return false;
  }
  const keys = value.map((member: Value) => (isMap(member) ? member[field] : undefined));
  return keys.every((key) => key !== undefined) && new Set(keys).size === keys.length;
}
