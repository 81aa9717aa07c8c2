/** The address of chronyd in CHRONY_ADDRESS: `unix:///PATH` or `udp://HOST:PORT`. */
import { dirname } from "node:path";
import { failure, type Result, success } from "../result.ts";
import type { ChronyAddress } from "./client.ts";
import { LONGEST_SOCKET_PATH_BYTES } from "./datagram-socket.ts";
import { udpSocket } from "./udp.ts";
import { CLIENT_SOCKET_NAME_BYTES, unixDatagramSocket } from "./unix-datagram.ts";

/** A parsed address. `socketDirectory` holds chronyd's socket and ours; `undefined` over UDP. */
export type ParsedChronyAddress = ChronyAddress & { readonly socketDirectory: string | undefined };

/** The valid forms, for error messages. */
export const CHRONY_ADDRESS_FORM = "unix:///PATH or udp://HOST:PORT ([HOST] for IPv6)";

/** Parses an address; the error says what is wrong with the text. */
export function parseChronyAddress(text: string): Result<ParsedChronyAddress, string> {
  if (text.startsWith("unix://")) {
    return parseUnix(text, text.slice("unix://".length));
  }
  if (text.startsWith("udp://")) {
    return parseUdp(text);
  }
  return failure(`expected ${CHRONY_ADDRESS_FORM}`);
}

function parseUnix(text: string, path: string): Result<ParsedChronyAddress, string> {
  if (!path.startsWith("/") || path.endsWith("/") || path.includes("\0")) {
    return failure("expected an absolute path of a socket after unix://");
  }
  const socketDirectory = dirname(path);
  const longest = Math.max(
    Buffer.byteLength(path),
    Buffer.byteLength(socketDirectory) + CLIENT_SOCKET_NAME_BYTES,
  );
  if (longest > LONGEST_SOCKET_PATH_BYTES) {
    return failure(
      `a socket's path holds ${LONGEST_SOCKET_PATH_BYTES} bytes, and the agent's own in that folder would have ${longest}`,
    );
  }
  return success({ text, socketDirectory, open: unixDatagramSocket(path) });
}

const UDP_FORM =
  /^udp:\/\/(?:\[(?<ipv6>[0-9A-Fa-f:.]+(?:%[^\]\s]+)?)\]|(?<host>[^\s:/?#@[\]]+)):(?<port>\d{1,5})$/;

function parseUdp(text: string): Result<ParsedChronyAddress, string> {
  const groups = UDP_FORM.exec(text)?.groups;
  const host = groups?.["ipv6"] ?? groups?.["host"];
  const port = Number(groups?.["port"]);
  if (host === undefined || port < 1 || port > 65_535) {
    return failure("expected udp://HOST:PORT with a port from 1 to 65535 ([HOST] for IPv6)");
  }
  return success({ text, socketDirectory: undefined, open: udpSocket(host, port) });
}
