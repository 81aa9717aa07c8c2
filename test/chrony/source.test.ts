// The identity of a source is the same in all reports of a real chronyd (report-captures.ts).

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type Source, sourceAt, sourceText } from "../../src/chrony/source.ts";
import { sourceData } from "../../src/chrony/source-data.ts";
import { sourceStatistics } from "../../src/chrony/source-statistics.ts";
import { decoded } from "./decoded.ts";
import { SOURCE_DATA, SOURCE_STATISTICS } from "./report-captures.ts";

describe("SOURCE_DATA and SOURCESTATS of one source name the same:", () => {
  for (const [name, { reply }] of Object.entries(SOURCE_DATA)) {
    test(name, () => {
      const { source } = decoded(sourceData(0), reply);
      const statistics = SOURCE_STATISTICS[name as keyof typeof SOURCE_STATISTICS];
      assert.deepEqual(decoded(sourceStatistics(0), statistics.reply).source, source);
    });
  }
});

test("its text is what chronyc and chrony_exporter write", () => {
  const texts = Object.values(SOURCE_DATA).map(({ reply }) =>
    sourceText(decoded(sourceData(0), reply).source),
  );
  assert.deepEqual(texts, [
    "PHC0",
    "127.0.0.1",
    "127.0.0.2",
    "::1",
    "127.0.0.3",
    "127.0.0.4",
    "127.0.0.5",
    "ID#0000000002",
  ]);
});

test("a reference clock and the server whose address has the same bytes are two", () => {
  const referenceClock: Source = { kind: "reference clock", referenceId: 0x5048_4330 };
  const server = sourceAt({ family: "ipv4", text: "80.72.67.48" }, 0x5048_4330);
  assert.notEqual(sourceText(referenceClock), sourceText(server));
});

test("a source without an address is the reference clock of that id", () => {
  assert.deepEqual(sourceAt({ family: "unspecified" }, 7), {
    kind: "reference clock",
    referenceId: 7,
  });
  assert.deepEqual(sourceAt({ family: "unresolved", identifier: 8 }, 7), {
    kind: "unresolved",
    identifier: 8,
  });
});
