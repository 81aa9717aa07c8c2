import type { Value } from "./bicep.ts";
import type { Property, Type } from "./resource-types.ts";

/**
 * The values of a template that their type does not allow, one sentence each. An expression is assumed to have the
 * right type, because only a deployment can evaluate it.
 */
export function problemsOf(value: Value, type: Type, path: string): string[] {
  if (value.kind === "expression") {
    return [];
  }
  if (typeof type === "string") {
    const kinds = { string: "string", integer: "number", boolean: "boolean" };
    return value.kind === kinds[type] ? [] : [`${path} is no ${type}`];
  }
  switch (type.kind) {
    case "array":
      return value.kind === "array"
        ? value.items.flatMap((item, index) => problemsOf(item, type.of, `${path}[${index}]`))
        : [`${path} is no array`];
    case "map":
      return value.kind === "object"
        ? [...value.properties].flatMap(([name, item]) =>
            problemsOf(item, type.of, `${path}.${name}`),
          )
        : [`${path} is no object`];
    case "object":
      return value.kind === "object"
        ? problemsOfProperties(value.properties, type.properties, path)
        : [`${path} is no object`];
  }
}

/** The same for an object's properties, including unknown, read-only and missing ones. */
export function problemsOfProperties(
  given: ReadonlyMap<string, Value>,
  known: Readonly<Record<string, Property>>,
  path: string,
): string[] {
  const ofGiven = [...given].flatMap(([name, value]) => {
    const property = known[name];
    if (property === undefined) {
      return [`${path}.${name} is not known`];
    }
    return property.use === "read-only"
      ? [`${path}.${name} can only be read`]
      : problemsOf(value, property.type, `${path}.${name}`);
  });
  const missing = Object.entries(known).flatMap(([name, { use }]) =>
    use === "required" && !given.has(name) ? [`${path}.${name} is missing`] : [],
  );
  return [...ofGiven, ...missing];
}

/** The problem of reading the path `names` from a resource of this type. */
export function problemOfReading(type: Type, names: readonly string[], path: string): string[] {
  const [name, ...further] = names;
  if (name === undefined) {
    return [];
  }
  const property =
    typeof type === "object" && type.kind === "object" ? type.properties[name] : undefined;
  return property === undefined
    ? [`${path}.${name} is not known`]
    : problemOfReading(property.type, further, `${path}.${name}`);
}
