import type { TestContext } from "node:test";

/** Sets an environment variable of this process until the test ends. */
export function setVariable(t: TestContext, name: string, value: string): void {
  const original = process.env[name];
  process.env[name] = value;
  t.after(() => {
    if (original === undefined) {
      delete process.env[name];
    } else {
      process.env[name] = original;
    }
  });
}
