/**
 * A worker thread of http-server.test.ts: a crowd of clients. The server's thread waits until all of their requests are in
 * the kernel before it accepts the first one.
 */
import { connect } from "node:net";
import { workerData } from "node:worker_threads";
import { ANSWERED, type CrowdData, OPEN, WRITTEN } from "./crowd-counts.ts";

const { host, port, clients, counts } = workerData as CrowdData;
const shared = new Int32Array(counts);

for (let client = 0; client < clients; client += 1) {
  const socket = connect({ port, host });
  Atomics.add(shared, OPEN, 1);
  socket.once("data", () => Atomics.add(shared, ANSWERED, 1));
  socket.on("error", () => {});
  socket.on("close", () => Atomics.sub(shared, OPEN, 1));
  socket.write("GET /livez HTTP/1.1\r\nHost: node\r\n\r\n", () => {
    if (Atomics.add(shared, WRITTEN, 1) + 1 === clients) {
      Atomics.notify(shared, WRITTEN);
    }
  });
}
