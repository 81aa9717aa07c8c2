import { randomInt } from "node:crypto";
import { createSocket } from "node:dgram";
import { createServer } from "node:net";

// Below Linux' range for outgoing connections (32768 and up), because such a connection could take the port between this
// check and its use.
const LOWEST_PORT = 20_000;
const HIGHEST_PORT = 32_767;
const ATTEMPTS = 100;

/** An unused TCP port at 127.0.0.1, reserved for this process ({@link reserve}). */
export function freePort(): Promise<number> {
  return firstFree(canListen);
}

/** An unused UDP port at 127.0.0.1, reserved for this process ({@link reserve}). */
export function freeUdpPort(): Promise<number> {
  return firstFree(canBind);
}

async function firstFree(isFree: (port: number) => Promise<boolean>): Promise<number> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const port = randomInt(LOWEST_PORT, HIGHEST_PORT + 1);
    if ((await reserve(port)) && (await isFree(port))) {
      return port;
    }
  }
  throw new Error(`none of ${ATTEMPTS} ports of ${LOWEST_PORT} to ${HIGHEST_PORT} was free`);
}

/**
 * Reserves a port against other tests and demos until this process ends, also between its choice and its use, which can
 * be seconds apart. It binds an abstract Unix socket with the port's name, which only one process of the machine can do.
 */
function reserve(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const reservation = createServer();
    reservation.once("error", () => resolve(false));
    reservation.listen(`\0chrony-tracker/port/${port}`, () => {
      reservation.unref();
      resolve(true);
    });
  });
}

function canListen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });
}

function canBind(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createSocket("udp4");
    socket.once("error", () => {
      socket.close();
      resolve(false);
    });
    socket.bind(port, "127.0.0.1", () => socket.close(() => resolve(true)));
  });
}
