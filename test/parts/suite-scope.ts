import { after } from "node:test";
import { Scope } from "./owner.ts";

/**
 * An owner for parts that the tests of a `describe` or a file share, started in its `before`. It ends with that `describe`
 * or file. It must be called there, and not in a hook.
 */
export function suiteScope(): Scope {
  const scope = new Scope();
  after(() => scope.end());
  return scope;
}
