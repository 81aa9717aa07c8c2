// Parsing CHRONY_ADDRESS. Nothing is opened.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { parseChronyAddress } from "../../src/chrony/address.ts";

function errorOf(text: string): string {
  const address = parseChronyAddress(text);
  assert.ok(!address.ok, `${text} is accepted`);
  return address.error;
}

describe("a valid address:", () => {
  const addresses: readonly (readonly [text: string, socketDirectory: string | undefined])[] = [
    ["unix:///run/chrony/chronyd.sock", "/run/chrony"],
    ["unix:///chronyd.sock", "/"],
    ["udp://127.0.0.1:323", undefined],
    ["udp://127.0.0.1:1", undefined],
    ["udp://[::1]:323", undefined],
    ["udp://[fe80::1%eth0]:323", undefined],
    ["udp://clock.example:65535", undefined],
  ];
  for (const [text, socketDirectory] of addresses) {
    test(`${text}, with ${socketDirectory ?? "no"} directory for client sockets`, () => {
      const address = parseChronyAddress(text);
      assert.ok(address.ok);
      assert.equal(address.value.text, text);
      assert.equal(address.value.socketDirectory, socketDirectory);
    });
  }
});

describe("an invalid address:", () => {
  const form = "expected unix:///PATH or udp://HOST:PORT ([HOST] for IPv6)";
  const path = "expected an absolute path of a socket after unix://";
  const udp = "expected udp://HOST:PORT with a port from 1 to 65535 ([HOST] for IPv6)";
  const addresses: readonly (readonly [text: string, error: string])[] = [
    ["", form],
    ["/run/chrony/chronyd.sock", form],
    ["tcp://127.0.0.1:323", form],
    ["unix://run/chrony/chronyd.sock", path],
    ["unix://", path],
    ["unix:///run/chrony/", path],
    ["unix:///run/chrony\0/chronyd.sock", path],
    ["udp://127.0.0.1", udp],
    ["udp://127.0.0.1:0", udp],
    ["udp://127.0.0.1:65536", udp],
    ["udp://127.0.0.1:323/", udp],
    ["udp://:323", udp],
    ["udp://::1:323", udp],
    ["udp://user@127.0.0.1:323", udp],
    ["udp://127.0.0.1:+323", udp],
  ];
  for (const [text, error] of addresses) {
    test(JSON.stringify(text), () => assert.equal(errorOf(text), error));
  }
});

describe("the path of a socket", () => {
  // A path in sockaddr_un has at most 107 bytes and a zero. The agent's own socket is in the same directory, with a
  // name of chrony-tracker., 32 digits and .sock.
  const longestDirectory = `/${"d".repeat(53)}`;

  test("may be so long that the agent's own socket still fits", () => {
    assert.equal(`${longestDirectory}/chrony-tracker.${"0".repeat(32)}.sock`.length, 107);
    assert.ok(parseChronyAddress(`unix://${longestDirectory}/chronyd.sock`).ok);
  });

  test("may not be longer, even if chronyd's own would fit", () => {
    assert.equal(
      errorOf(`unix://${longestDirectory}d/c`),
      "a socket's path holds 107 bytes, and the agent's own in that folder would have 108",
    );
  });

  test("is counted in bytes, not in characters", () => {
    assert.match(errorOf(`unix:///${"é".repeat(27)}/chronyd.sock`), /would have 108$/);
  });
});
