/**
 * Writes values as JSON and reads them back, both by one table of keys. JSON from elsewhere is accepted
 * only in the expected form.
 */
import { printable } from "./printable.ts";
import { failure, type Result, success } from "./result.ts";

/** Writes and reads one kind of value. */
export type Shape<Value> = {
  readonly write: (value: Value) => unknown;
  /** @returns the value; or the end of a sentence, which begins with where the value stands */
  readonly read: (json: unknown) => Result<Value, string>;
};

/** An object is written with all its keys. */
export type ObjectShape<Value> = Omit<Shape<Value>, "write"> & {
  readonly write: (value: Value) => Readonly<Record<string, unknown>>;
};

/** The longest text that is accepted, in characters. */
const LONGEST_TEXT = 2_000;

export const NUMBER: Shape<number> = leaf(
  "a number",
  (json): json is number => typeof json === "number" && Number.isFinite(json),
);

export const NON_NEGATIVE: Shape<number> = leaf(
  "a number that is not negative",
  (json): json is number => typeof json === "number" && Number.isFinite(json) && json >= 0,
);

export const BOOLEAN: Shape<boolean> = leaf(
  "true or false",
  (json): json is boolean => typeof json === "boolean",
);

/** Read without control characters. */
export const TEXT: Shape<string> = {
  write: (value) => value,
  read: (json) =>
    typeof json === "string" && json.length <= LONGEST_TEXT
      ? success(printable(json))
      : unexpected(json, `a text of at most ${LONGEST_TEXT} characters`),
};

export function oneOf<Value extends string | number>(values: readonly Value[]): Shape<Value> {
  return leaf(`one of ${values.join(", ")}`, (json): json is Value =>
    values.some((value) => value === json),
  );
}

/** `null` stands for `undefined`. */
export function orNull<Value>(shape: Shape<Value>): Shape<Value | undefined> {
  return {
    write: (value) => (value === undefined ? null : shape.write(value)),
    read: (json) => (json === null ? success(undefined) : shape.read(json)),
  };
}

/** @param most how many entries are accepted */
export function listOf<Value>(shape: Shape<Value>, most: number): Shape<readonly Value[]> {
  return {
    write: (values) => values.map((value) => shape.write(value)),
    read(json) {
      if (!Array.isArray(json) || json.length > most) {
        return unexpected(json, `a list of at most ${most} entries`);
      }
      const values: Value[] = [];
      for (const [index, entry] of json.entries()) {
        const value = shape.read(entry);
        if (!value.ok) {
          return failure(`[${index}]${value.error}`);
        }
        values.push(value.value);
      }
      return success(values);
    },
  };
}

/** Each property with its key in JSON. Other keys are ignored, so that a newer writer can add some. */
type Properties<Value> = {
  readonly [Name in keyof Value]: readonly [key: string, shape: Shape<Value[Name]>];
};

export function object<Value extends object>(properties: Properties<Value>): ObjectShape<Value> {
  const rows = Object.entries(properties) as [
    keyof Value & string,
    Properties<Value>[keyof Value & string],
  ][];
  return {
    write: (value) =>
      Object.fromEntries(rows.map(([name, [key, shape]]) => [key, shape.write(value[name])])),
    read(json) {
      if (typeof json !== "object" || json === null || Array.isArray(json)) {
        return unexpected(json, "an object");
      }
      const value: Partial<Value> = {};
      for (const [name, [key, shape]] of rows) {
        const property = shape.read(Object.hasOwn(json, key) ? json[key as never] : undefined);
        if (!property.ok) {
          return failure(`.${key}${property.error}`);
        }
        value[name] = property.value;
      }
      return success(value as Value);
    },
  };
}

function leaf<Value>(expected: string, is: (json: unknown) => json is Value): Shape<Value> {
  return {
    write: (value) => value,
    read: (json) => (is(json) ? success(json) : unexpected(json, expected)),
  };
}

function unexpected(json: unknown, expected: string): Result<never, string> {
  return failure(` is ${kindOf(json)}, expected ${expected}`);
}

/** Describes the value that was found, without its text, because that may be long or hostile. */
function kindOf(json: unknown): string {
  if (json === null || json === undefined) {
    return json === null ? "null" : "missing";
  }
  if (Array.isArray(json)) {
    return `a list of ${json.length}`;
  }
  return typeof json === "number" || typeof json === "boolean" ? String(json) : `a ${typeof json}`;
}
