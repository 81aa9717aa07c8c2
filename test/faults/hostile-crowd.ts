/**
 * A thread with a crowd of hostile clients, which reconnect when they are disconnected. It is a thread so that the crowd
 * does not delay what is measured.
 */
import { connect, type Socket } from "node:net";
import { isMainThread, Worker, workerData } from "node:worker_threads";
import { PATHS } from "../../src/serve/paths.ts";
import { endWith, type Owner } from "../parts/owner.ts";

/** What a client does after it has connected. The result settles when the connection has ended. */
type Behaviour = (socket: Socket) => NodeJS.Timeout | undefined;

const PATHS_IN_ORDER = Object.keys(PATHS);

/** The number of request bytes that once ended the agent. */
const PIECE_BYTES = 39_000;

let turn = 0;

/** A new path each time. */
function nextPath(): string {
  turn += 1;
  return PATHS_IN_ORDER[turn % PATHS_IN_ORDER.length] ?? "/";
}

function request(path: string, headers = ""): string {
  return `GET ${path} HTTP/1.1\r\nHost: a\r\n${headers}\r\n`;
}

function pipeline(path: () => string, method = "GET"): Behaviour {
  return (socket) => {
    // It notices that it was disconnected, and reconnects.
    socket.resume();
    const one = `${method} ${path()} HTTP/1.1\r\nHost:\r\n\r\n`;
    socket.write(one.repeat(PIECE_BYTES / one.length));
    return undefined;
  };
}

/** Sends without end, whatever the agent does. */
function flood(socket: Socket, head: string, piece: Buffer): undefined {
  socket.write(head);
  const send = () => {
    socket.write(piece, (error) => {
      if (!error) {
        send();
      }
    });
  };
  send();
}

/** Sends a request after each answer. */
function ask(socket: Socket, path: () => string): undefined {
  socket.on("data", () => socket.write(request(path())));
  socket.write(request(path()));
}

/** The behaviours of a crowd, by name. */
export const ATTACKS = {
  ...Object.fromEntries(
    PATHS_IN_ORDER.map((path) => [
      `39 KB of requests for ${path} in one piece`,
      pipeline(() => path),
    ]),
  ),
  "39 KB of HEAD requests for all paths in one piece": pipeline(nextPath, "HEAD"),
  "39 KB of requests for another path in one piece": pipeline(() => "/a"),
  "four requests for /metrics, nothing read": (socket) => {
    socket.pause();
    socket.write(request("/metrics").repeat(4));
    return undefined;
  },
  "a last request for /metrics, nothing read, and away again": (socket) => {
    socket.pause();
    socket.write(request("/metrics", "Connection: close\r\n"));
    return setTimeout(() => socket.destroy(), 500);
  },
  "requests for all paths, a little read now and then": (socket) => {
    socket.on("readable", () => undefined);
    socket.write(request(nextPath()).repeat(4));
    return setInterval(() => socket.read(100), 200);
  },
  "much read at once, then requests and nothing read": (socket) => {
    let received = 0;
    socket.on("data", (bytes) => {
      received += bytes.length;
      if (received > 500_000) {
        socket.pause();
        socket.write(request("/metrics").repeat(4));
      } else {
        socket.write(request("/metrics"));
      }
    });
    socket.write(request("/metrics"));
    return undefined;
  },
  "requests for all paths without a pause": (socket) => ask(socket, nextPath),
  "requests for /metrics with a new query each": (socket) =>
    ask(socket, () => `/metrics?${Math.random()}`),
  "headers of 8,000 bytes that never end": (socket) => {
    socket.write(`GET / HTTP/1.1\r\nX: ${"a".repeat(8_000)}`);
    return setInterval(() => socket.write("a"), 500);
  },
  "bodies without an end, with a length": (socket) =>
    flood(socket, request("/", "Content-Length: 1000000000000\r\n"), Buffer.alloc(65_536)),
  "bodies without an end, in chunks": (socket) =>
    flood(
      socket,
      request("/", "Transfer-Encoding: chunked\r\n"),
      Buffer.from(`8000\r\n${"a".repeat(0x8000)}\r\n`),
    ),
  "chunks with extensions without an end": (socket) =>
    flood(
      socket,
      request("/", "Transfer-Encoding: chunked\r\n"),
      Buffer.from(`1;${"a".repeat(10_000)}\r\na\r\n`),
    ),
  "bytes that are no request": (socket) => flood(socket, "", Buffer.alloc(65_536, 0xa5)),
  "nothing, and away again": (socket) => setTimeout(() => socket.destroy(), 1),
} satisfies Readonly<Record<string, Behaviour>> as Readonly<Record<string, Behaviour>>;

type CrowdData = {
  readonly attack: string;
  readonly clients: number;
  readonly port: number;
  /** The number of its addresses. 127.0.0.1 is not one of them. */
  readonly addresses: number;
  /** The number of connections so far. */
  readonly connections: Int32Array;
};

/** Starts a crowd at a port of 127.0.0.1. Returns the number of its connections so far. */
export function sendCrowd(
  owner: Owner,
  data: Omit<CrowdData, "connections">,
): { connections(): number; end(): Promise<void> } {
  const connections = new Int32Array(new SharedArrayBuffer(4));
  const crowdData: CrowdData = { ...data, connections };
  const worker = new Worker(new URL(import.meta.url), { workerData: crowdData });
  const end = async () => {
    await worker.terminate();
  };
  endWith(owner, end);
  return { connections: () => Atomics.load(connections, 0), end };
}

function crowd({ attack, clients, port, addresses, connections }: CrowdData): void {
  const behave = ATTACKS[attack];
  if (behave === undefined) {
    throw new Error(`There is no attack of this name: ${attack}`);
  }
  const join = (client: number) => {
    const localAddress = `127.0.${1 + Math.floor((client % addresses) / 250)}.${1 + ((client % addresses) % 250)}`;
    const socket = connect({ port, host: "127.0.0.1", localAddress });
    let timer: NodeJS.Timeout | undefined;
    socket.once("connect", () => {
      Atomics.add(connections, 0, 1);
      timer = behave(socket);
    });
    socket.on("error", () => {});
    socket.once("close", () => {
      clearInterval(timer);
      join(client);
    });
  };
  for (let client = 0; client < clients; client += 1) {
    join(client);
  }
}

if (!isMainThread) {
  crowd(workerData);
}
