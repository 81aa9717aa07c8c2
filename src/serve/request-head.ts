/**
 * The head of an HTTP/1 request: request line and headers (RFC 9112, sections 3 and 5). The parser is
 * strict: scrapers, probes and browsers send valid requests, and a lenient parser could disagree with a
 * proxy in front of it.
 */
import { failure, type Result, success } from "../result.ts";

/** The parts of a request that the agent uses. */
export type RequestHead = {
  readonly method: string;
  /** The request target, as sent. */
  readonly target: string;
  /** Whether the client may send another request on the connection. */
  readonly keepsConnection: boolean;
  /** Whether a body follows. No path of the agent expects one. */
  readonly hasBody: boolean;
};

/** Why a request is invalid: a status, and a sentence for the client. */
export type BadRequest = { readonly status: 400 | 417; readonly text: string };

const REQUEST_LINE =
  /^(?<method>[!#$%&'*+.^_`|~\w-]+) (?<target>[\x21-\x7e]+) HTTP\/1\.(?<minor>[01])$/;
const HEADER = /^(?<name>[!#$%&'*+.^_`|~\w-]+):[ \t]*(?<value>[\t\x20-\x7e\x80-\xff]*)$/;

/** @param text the head without the empty line that ends it, decoded as Latin-1 */
export function parseRequestHead(text: string): Result<RequestHead, BadRequest> {
  const [requestLine = "", ...lines] = text.split("\r\n");
  const { method, target, minor } = REQUEST_LINE.exec(requestLine)?.groups ?? {};
  if (method === undefined || target === undefined) {
    return bad("The first line is not a request of HTTP/1.0 or HTTP/1.1.");
  }
  const headers = new Map<string, string[]>();
  for (const line of lines) {
    const { name, value = "" } = HEADER.exec(line)?.groups ?? {};
    if (name === undefined) {
      return bad("A header line is invalid.");
    }
    const key = name.toLowerCase();
    headers.set(key, [...(headers.get(key) ?? []), value.trim()]);
  }
  const valuesOf = (name: string) => headers.get(name) ?? [];

  const hosts = valuesOf("host").length;
  if (hosts > 1 || (hosts === 0 && minor === "1")) {
    return bad("Exactly one Host header is required.");
  }
  const [length = "0", ...otherLengths] = valuesOf("content-length");
  const [encoding, ...otherEncodings] = valuesOf("transfer-encoding");
  if (otherLengths.length > 0 || !/^\d{1,15}$/.test(length)) {
    return bad("Content-Length is not a single number.");
  }
  if (
    otherEncodings.length > 0 ||
    (encoding !== undefined &&
      (encoding.toLowerCase() !== "chunked" || headers.has("content-length")))
  ) {
    return bad("Transfer-Encoding must be chunked, without Content-Length.");
  }
  const expected = valuesOf("expect");
  if (expected.some((value) => value.toLowerCase() !== "100-continue")) {
    return failure({ status: 417, text: "Expect must be 100-continue." });
  }
  const connection = valuesOf("connection")
    .join(",")
    .toLowerCase()
    .split(/[ \t,]+/);
  return success({
    method,
    target,
    keepsConnection: minor === "1" && !connection.includes("close"),
    hasBody: encoding !== undefined || Number(length) > 0,
  });
}

function bad(text: string): Result<never, BadRequest> {
  return failure({ status: 400, text });
}
