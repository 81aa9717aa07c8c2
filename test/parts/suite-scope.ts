import { after } from "node:test";
import { Scope } from "./owner.ts";

/**
 * An owner for the parts that the tests of one `describe` or of one file share, started in its
 * `before`. It ends with that `describe` or file. Call it right there, not in a hook.
 */
export function suiteScope(): Scope {
  const scope = new Scope();
  after(() => scope.end());
  return scope;
}
