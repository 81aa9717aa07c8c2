/**
 * Programs of a few lines for bare Node.js, which do as little as a program that does the same must.
 * They run with the image's flags, as the other side of a comparison does.
 */
import { IMAGE_FLAGS } from "../../test/parts/image-flags.ts";
import { startProcess } from "../../test/parts/running-process.ts";

/** A timer a second, which does nothing. */
export function startTimer() {
  return startBare("a timer", "setInterval(() => {}, 1000)");
}

/** An HTTP server that answers everything with the same text. */
export function startServer(port: number, text: string) {
  return startBare(
    "a bare server",
    `require("node:http").createServer((request, response) => {
      response.writeHead(200, { "content-type": "text/plain" }).end(process.env.TEXT);
    }).listen(${port}, "127.0.0.1")`,
    { TEXT: text },
  );
}

/** A program that sends one request, with JSON, and stays. */
export function startSender(url: string) {
  return startBare(
    "a bare sender",
    `require("node:http").request(${JSON.stringify(url)}, { method: "POST" }).end("{}");
     setInterval(() => {}, 1000)`,
  );
}

function startBare(name: string, program: string, env: Readonly<Record<string, string>> = {}) {
  return startProcess({
    name,
    command: process.execPath,
    args: [...IMAGE_FLAGS, "--eval", program],
    env: { PATH: process.env["PATH"], ...env },
  });
}
