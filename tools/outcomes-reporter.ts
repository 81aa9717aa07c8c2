/** A reporter for `node --test`: one line of JSON for each test. */
import type { TestEvent } from "node:test/reporters";

/** The result of one test. */
export type TestOutcome = {
  readonly result: "passed" | "failed" | "skipped";
  /** The file, and the names from the outermost suite to the test. */
  readonly name: string;
};

export default async function* outcomes(source: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  /** The names of the running suites and test, by file, from the outermost on. */
  const running = new Map<string, string[]>();
  for await (const event of source) {
    if (event.type === "test:start") {
      const { file = "", nesting, name } = event.data;
      running.set(file, [...(running.get(file) ?? []).slice(0, nesting), name]);
    } else if (event.type === "test:pass" || event.type === "test:fail") {
      const { file = "", nesting, name, details, skip } = event.data;
      const names = [...(running.get(file) ?? []).slice(0, nesting), name];
      const isSkipped = skip !== undefined && skip !== false;
      const result = event.type === "test:fail" ? "failed" : isSkipped ? "skipped" : "passed";
      // A suite is reported only when its own preparation failed, because its tests are reported themselves.
      const isOfTests =
        details.type === "suite" &&
        (event.type === "test:pass" || failureType(event.data.details.error) === "subtestsFailed");
      if (!isOfTests) {
        const outcome: TestOutcome = { result, name: [file, ...names].join(" > ") };
        yield `${JSON.stringify(outcome)}\n`;
      }
    }
  }
}

/** Why a test failed, as Node.js reports it. */
function failureType(error: Error): unknown {
  return "failureType" in error ? error.failureType : undefined;
}
