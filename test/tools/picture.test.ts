/** The picture of the README: drawn by `npm run picture`, which takes four minutes. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { drawIncident } from "../../tools/picture/drawing.ts";

const HOSTILE = "<script>alert(1)</script>";

function drawn(errorsMs: readonly { value: number; timestampSeconds: number }[]): string {
  return drawIncident({
    startSeconds: 0,
    endSeconds: 100,
    events: [{ seconds: 10, text: HOSTILE }],
    nodes: [
      {
        name: HOSTILE,
        errorsMs,
        states: [
          { seconds: 0, state: "synchronised" },
          { seconds: 1, state: "synchronised" },
          { seconds: 50, state: "unreachable" },
          { seconds: 100, state: "unreachable" },
        ],
      },
    ],
  });
}

test("a name is escaped", () => {
  assert.match(drawn([]), /&#60;script&#62;/);
  assert.doesNotMatch(drawn([]), /<script/);
});

test("an error is drawn while it is known, and written only if it still is", () => {
  const gone = drawn([1, 2, 50].map((timestampSeconds) => ({ value: 1, timestampSeconds })));
  assert.match(gone, / d="M[\d.]+ [\d.]+L[\d.]+ [\d.]+M[\d.]+ [\d.]+"/);
  assert.match(gone, /not known/);
  assert.match(drawn([{ value: 1.5, timestampSeconds: 99 }]), /1\.500 ms/);
});

test("a state is drawn until the next one begins", () => {
  const widths = [...drawn([]).matchAll(/width="([\d.]+)" height="16"/g)].map(([, width]) => width);
  assert.deepEqual(widths, ["395", "395"]);
});
