/**
 * Unix datagram sockets, which Node.js does not support. The C library's socket, bind and connect create
 * the descriptor; Node.js reads, writes and closes it like a file, and its event loop watches it. Only
 * {@link DatagramSocket.receiveWithin} blocks.
 *
 * The constants are the same on Linux x64 and arm64. They come from glibc's bits/socket.h,
 * bits/socket_type.h and bits/poll.h in sysdeps/unix/sysv/linux, and from unix(7).
 */
import { closeSync, readSync, writeSync } from "node:fs";
import { getSystemErrorMessage, getSystemErrorName } from "node:util";
import koffi from "koffi";

const AF_UNIX = 1;
const SOCK_DGRAM = 2;
const SOCK_NONBLOCK = 0o4000;
const SOCK_CLOEXEC = 0o2000000;
const POLLIN = 1;

/** `struct pollfd`: the descriptor (4 bytes), the requested events (2) and the returned events (2). */
const POLLFD_BYTES = 8;

/** `sun_path` of `struct sockaddr_un` has 108 bytes, including the terminating zero. */
export const LONGEST_SOCKET_PATH_BYTES = 107;

/** Several times chronyd's longest packet. A longer datagram is truncated. */
const LONGEST_DATAGRAM_BYTES = 4096;

type LibC = {
  socket(domain: number, type: number, protocol: number): number;
  bind(descriptor: number, address: Uint8Array, addressBytes: number): number;
  connect(descriptor: number, address: Uint8Array, addressBytes: number): number;
  poll(descriptors: Uint8Array, count: number, timeoutMs: number): number;
};

let loaded: LibC | undefined;

/** The C library that this process has already loaded. */
function libC(): LibC {
  if (loaded === undefined) {
    const library = koffi.load(null);
    loaded = {
      socket: library.func("int socket(int, int, int)"),
      bind: library.func("int bind(int, const void *, unsigned int)"),
      connect: library.func("int connect(int, const void *, unsigned int)"),
      poll: library.func("int poll(void *, unsigned long, int)"),
    };
  }
  return loaded;
}

/**
 * A Unix datagram socket. Errors have the system's code (ENOENT, EACCES, ECONNREFUSED …) in `code`, as
 * in `node:fs`. A closed socket throws EBADF, because its descriptor may belong to another file by then.
 */
export class DatagramSocket {
  readonly #descriptor: number;
  #watch: ReturnType<typeof koffi.node.poll> | undefined;
  #isClosed = false;

  /** Opens an unbound socket. */
  constructor() {
    this.#descriptor = checked(
      "socket",
      libC().socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0),
    );
  }

  /** Creates a socket file. {@link close} does not remove it. */
  bind(path: string): void {
    const address = socketAddress(path);
    checked("bind", libC().bind(this.#openDescriptor(), address, address.length));
  }

  /** Connects to the socket at a path. The kernel then drops packets from any other socket. */
  connect(path: string): void {
    const address = socketAddress(path);
    checked("connect", libC().connect(this.#openDescriptor(), address, address.length));
  }

  /** Sends a packet to the connected socket. EAGAIN: its queue is full. */
  send(packet: Uint8Array): void {
    writeSync(this.#openDescriptor(), packet);
  }

  /** Calls back for each packet received, and for each error. Call it once. */
  receive(received: (packet: Buffer) => void, failed: (error: unknown) => void): void {
    this.watch((descriptor) => {
      let packet: Buffer;
      try {
        packet = readPacket(descriptor);
      } catch (error) {
        if (codeOf(error) !== "EAGAIN") {
          failed(error);
        }
        return;
      }
      received(packet);
    });
  }

  /**
   * Blocks the process until the next packet; `undefined` when none arrives in time, or when a signal
   * interrupts the wait.
   * @param longestMs whole milliseconds
   */
  receiveWithin(longestMs: number): Buffer | undefined {
    const descriptor = this.#openDescriptor();
    const asked = Buffer.alloc(POLLFD_BYTES);
    asked.writeInt32LE(descriptor, 0);
    asked.writeInt16LE(POLLIN, 4);
    return libC().poll(asked, 1, longestMs) === 1 ? readPacket(descriptor) : undefined;
  }

  /** Calls back with the descriptor whenever a packet can be read. Call it once. */
  watch(readable: (descriptor: number) => void): void {
    this.#watch = koffi.node.poll(this.#openDescriptor(), () => {
      // koffi drops errors thrown in its callback.
      setImmediate(() => {
        if (!this.#isClosed) {
          readable(this.#descriptor);
        }
      });
    });
  }

  /** Closes the descriptor. Nothing is delivered afterwards. May be called twice. */
  close(): void {
    if (!this.#isClosed) {
      this.#isClosed = true;
      // Before the descriptor is freed, because the next file opened may reuse it.
      this.#watch?.close();
      closeSync(this.#descriptor);
    }
  }

  #openDescriptor(): number {
    if (this.#isClosed) {
      throw systemError("EBADF", "the socket is closed");
    }
    return this.#descriptor;
  }
}

function readPacket(descriptor: number): Buffer {
  const packet = Buffer.allocUnsafe(LONGEST_DATAGRAM_BYTES);
  return packet.subarray(0, readSync(descriptor, packet));
}

/**
 * The `struct sockaddr_un` for a path: `sun_family` in two bytes (little-endian on both architectures),
 * then `sun_path` with its terminating zero.
 */
function socketAddress(path: string): Uint8Array {
  const bytes = Buffer.byteLength(path);
  if (bytes > LONGEST_SOCKET_PATH_BYTES) {
    throw systemError("ENAMETOOLONG", `a socket's path holds ${LONGEST_SOCKET_PATH_BYTES} bytes`);
  }
  const address = Buffer.alloc(2 + bytes + 1);
  address.writeUInt16LE(AF_UNIX, 0);
  address.write(path, 2);
  return address;
}

/** The result of a C function, or its errno as an error when the result is -1. */
function checked(name: string, result: number): number {
  if (result === -1) {
    // libuv, and so Node.js, has the system's numbers as negative ones.
    const errno = -koffi.errno();
    throw systemError(getSystemErrorName(errno), `${getSystemErrorMessage(errno)}, ${name}`);
  }
  return result;
}

function systemError(code: string, detail: string): Error {
  return Object.assign(new Error(`${code}: ${detail}`), { code });
}

/** The system's error code of an error thrown by this module or by `node:fs`. */
export function codeOf(error: unknown): string | undefined {
  return error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
}
