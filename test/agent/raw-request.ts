import { connect } from "node:net";
import type { Random } from "../parts/random.ts";

/** How a raw request is sent. */
export type RawRequest = {
  readonly port: number;
  readonly bytes: Uint8Array | string;
  /** After this silence, in milliseconds, the sender closes its side; never when left out. */
  readonly endAfterMs?: number;
};

/**
 * Sends any bytes to 127.0.0.1, and returns everything that comes back (as Latin-1) until the connection is
 * closed or reset.
 */
export function rawRequest({ port, bytes, endAfterMs }: RawRequest): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  let received = "";
  const socket = connect({ port, host: "127.0.0.1" }, () => {
    socket.write(bytes);
  });
  if (endAfterMs !== undefined) {
    socket.setTimeout(endAfterMs, () => socket.end());
  }
  socket.setEncoding("latin1");
  socket.on("data", (text: string) => {
    received += text;
  });
  socket.on("error", () => {});
  socket.on("close", () => resolve(received));
  return promise;
}

/** The statuses of the answers in the received text, in order. */
export function statusesIn(received: string): number[] {
  return [...received.matchAll(/^HTTP\/1\.1 (?<status>\d{3}) /gm)].map((line) =>
    Number(line.groups?.["status"]),
  );
}

/** A valid request with a few mutations: of its parts, its bytes, or its length. */
export function spoiltRequest(random: Random): Uint8Array {
  const lines = [
    `${random.of(METHODS)} ${random.of(TARGETS)} ${random.of(VERSIONS)}`,
    "Host: localhost",
    ...Array.from({ length: random.below(5) }, () =>
      random.of(random.below(4) === 0 ? BAD_HEADERS : HEADERS),
    ),
  ];
  const text = `${lines.join(random.of(LINE_ENDS))}\r\n\r\n${random.of(BODIES)}`;
  let bytes: Uint8Array = Buffer.from(text, "latin1");
  for (let times = random.below(3); times > 0; times -= 1) {
    bytes = random.of(SPOILINGS)(bytes, random);
  }
  return bytes;
}

function often(text: string): string[] {
  return Array.from({ length: 30 }, () => text);
}

const METHODS = [
  often("GET"),
  "HEAD",
  "POST",
  "get",
  "PRI",
  "CONNECT",
  "TRACE",
  "QUERY",
  "",
  "\0",
].flat();
const VERSIONS = [often("HTTP/1.1"), "HTTP/1.0", "HTTP/2.0", "HTTP/9.9", "ICY", ""].flat();
const LINE_ENDS = [often("\r\n"), "\n", "\r", "\r\n ", "\n\n"].flat();
const TARGETS = [
  "/livez",
  "/readyz",
  "/metrics",
  "/status",
  "/synchronised?within=86400000",
  "/synchronised?within=86400000&within=1",
  `/synchronised?within=${"9".repeat(4_000)}`,
  "/synchronised?within=%",
  "/synchronised",
  "/",
  "*",
  "",
  "//",
  "/%00",
  "/%",
  "/\xff",
  "livez",
  "http://localhost/livez",
  "http://[/",
  "/../../etc/passwd",
  "/__proto__",
  "/constructor",
  `/${"a".repeat(4_000)}`,
  `/metrics?${"a=1&".repeat(1_000)}`,
];
const HEADERS = [
  "Connection: close",
  "Accept: */*",
  "Accept-Encoding: gzip",
  "Cookie: a=b",
  "X: \xff",
];
const BAD_HEADERS = [
  "Content-Length: 4",
  "Content-Length: -1",
  "Content-Length: 99999999999999999999",
  "Content-Length: 4, 4",
  "Content-Length: 0x4",
  "Content-Length : 4",
  "Content-Length:",
  "Transfer-Encoding: chunked",
  "Transfer-Encoding: gzip, chunked",
  "Transfer-Encoding: x",
  "Transfer-Encoding:\tchunked",
  "Transfer-Encoding : chunked",
  "X: a\r\n folded",
  "Expect: 100-continue",
  "Expect: the-impossible",
  "Connection: upgrade",
  "Upgrade: h2c",
  "Connection: keep-alive, close",
  "Host: another",
  "Range: bytes=0-,0-,0-",
  "Cookie: \x01",
  ": no name",
  "no colon",
  "X\0: y",
  "X: \0",
  "X: \xff",
  `X: ${"a".repeat(9_000)}`,
];
const BODIES = [
  "",
  "",
  "0\r\n\r\n",
  "4\r\nbody\r\n0\r\n\r\n",
  "ffffffffffffffff\r\n",
  "-1\r\n",
  "zz\r\n",
  "body",
  "1;a=b\r\nx\r\n0\r\nTrailer: x\r\n\r\n",
  "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
  "GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n",
];

const SPOILINGS: readonly ((bytes: Uint8Array, random: Random) => Uint8Array)[] = [
  (bytes, random) =>
    bytes.map((byte, index) => (index % 40 === random.below(40) ? random.below(256) : byte)),
  (bytes, random) => bytes.subarray(0, random.below(bytes.length + 1)),
  (bytes, random) => Buffer.concat([bytes, spoiltRequest(random)]),
  (bytes, random) => Buffer.concat([random.bytes(random.below(20)), bytes]),
  (_bytes, random) => random.bytes(random.below(2_000)),
];
