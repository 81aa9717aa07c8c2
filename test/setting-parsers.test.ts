// The parsers from text to value. settings.test.ts has the values of each variable.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import * as fc from "fast-check";
import {
  anyText,
  hostList,
  httpUrl,
  keyValueList,
  listOf,
  noneOr,
  numberBetween,
  oneOf,
  type ParseText,
  wholeNumberBetween,
} from "../src/setting-parsers.ts";

function valueFrom<Value>(parse: ParseText<Value>, text: string): Value {
  const result = parse(text);
  assert.ok(result.ok, `${JSON.stringify(text)} is refused`);
  return result.value;
}

function isRefused(parse: ParseText<unknown>, text: string): boolean {
  return !parse(text).ok;
}

describe("a number", () => {
  test("is accepted in its range, including both ends", () => {
    const parse = numberBetween(0.5, 2);
    assert.equal(valueFrom(parse, "0.5"), 0.5);
    assert.equal(valueFrom(parse, "2"), 2);
    assert.ok(isRefused(parse, "0.49"));
    assert.ok(isRefused(parse, "2.01"));
  });

  test("is read as decimal only, whatever JavaScript accepts", () => {
    const parse = numberBetween(0, 1e9);
    for (const text of ["0x10", "1e3", "1_000", "+1", "", "Infinity", "١"]) {
      assert.ok(isRefused(parse, text), text);
    }
  });

  test("is read exactly", () => {
    fc.assert(
      fc.property(fc.nat(), (number) => {
        assert.equal(valueFrom(wholeNumberBetween(0, 2 ** 31), `${number}`), number);
        assert.equal(valueFrom(numberBetween(0, 2 ** 31), `${number}.25`), number + 0.25);
      }),
    );
  });

  test("that must be whole has no fraction, not even an empty one", () => {
    const parse = wholeNumberBetween(1, 10);
    assert.equal(valueFrom(parse, " 10 "), 10);
    for (const text of ["1.0", "1.", "0", "11"]) {
      assert.ok(isRefused(parse, text), text);
    }
  });
});

describe("a word", () => {
  test("is accepted in any case, and becomes the listed one", () => {
    assert.equal(valueFrom(oneOf(["gzip", "none"]), " GZip "), "gzip");
  });

  test("of a list may be in any order and repeated, and is included once", () => {
    assert.deepEqual(valueFrom(listOf(["a", "b"]), "B,a,b"), ["b", "a"]);
  });

  test("`none` is an empty list if that is allowed, and only without other words", () => {
    const parse = noneOr(listOf(["a", "b"]));
    assert.deepEqual(valueFrom(parse, " None "), []);
    assert.deepEqual(valueFrom(parse, "b"), ["b"]);
    assert.deepEqual(parse("a,none"), {
      ok: false,
      error: "expected one or more of a, b, with commas, or none",
    });
  });

  test("of a list cannot be empty", () => {
    for (const text of ["", ",", "a,,b"]) {
      assert.ok(isRefused(listOf(["a", "b"]), text), text);
    }
  });
});

describe("a URL", () => {
  test("is kept unchanged, without surrounding space", () => {
    assert.equal(
      valueFrom(httpUrl, " HTTPS://Collector.example/otlp/ "),
      "HTTPS://Collector.example/otlp/",
    );
  });

  test("has no user name and no password", () => {
    for (const text of ["http://name@host", "http://:password@host", "http://name:password@host"]) {
      assert.ok(isRefused(httpUrl, text), text);
    }
  });
});

test("any text is a list of hosts with valid ports, or rejected", () => {
  const parse = hostList(3, 123);
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.stringMatching(/^[a-z0-9:.,[\]-]{0,40}$/)), (text) => {
      const hosts = parse(text);
      if (hosts.ok) {
        assert.ok(hosts.value.length > 0 && hosts.value.length <= 3);
        for (const { host, port } of hosts.value) {
          assert.match(host, /^[\w.:-]+$/);
          assert.ok(Number.isInteger(port) && port >= 1 && port <= 65_535);
        }
      }
    }),
  );
});

describe("pairs", () => {
  const parse = keyValueList(/^[a-z]+$/, /^[^\0]*$/);

  test("are decoded from percent-encoding unchanged", () => {
    const pairs = fc.dictionary(fc.stringMatching(/^[a-z]+$/), fc.string({ unit: "grapheme" }));
    fc.assert(
      fc.property(pairs, (given) => {
        const wanted = Object.entries(given).filter(([, value]) => !value.includes("\0"));
        const text = wanted
          .map(([name, value]) => `${name}=${encodeURIComponent(value)}`)
          .join(",");
        assert.deepEqual(valueFrom(parse, text), Object.fromEntries(wanted));
      }),
    );
  });

  test("may have nothing or space between two commas", () => {
    assert.deepEqual(valueFrom(parse, ",a=1,, ,b=2, "), { a: "1", b: "2" });
  });

  test("may repeat a name: the last one counts", () => {
    assert.deepEqual(valueFrom(parse, "a=1,a=2"), { a: "2" });
  });

  test("that are invalid are reported by their number, not by their content", () => {
    assert.deepEqual(parse("a=1,b=2,SECRET"), {
      ok: false,
      error: "expected NAME=VALUE pairs with commas, percent-encoded (pair 3 is not one)",
    });
  });

  test("cannot change the prototype of their record", () => {
    const named = keyValueList(/^\w+$/, /.*/);
    const record = valueFrom(named, "__proto__=evil");
    assert.deepEqual(Object.keys(record), ["__proto__"]);
    assert.equal(Object.getPrototypeOf(record), Object.prototype);
  });
});

test("any text is itself, including surrounding space", () => {
  assert.equal(valueFrom(anyText, " a b "), " a b ");
});
