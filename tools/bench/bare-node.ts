/** The smallest programs that do the same as the agent, for comparison. They run with the image's flags, as the agent. */
import { IMAGE_FLAGS } from "../../test/parts/image-flags.ts";
import { endWith, type Owner } from "../../test/parts/owner.ts";
import { type RunningProcess, startProcess } from "../../test/parts/running-process.ts";

/** A timer that fires once a second and does nothing. */
export function startTimer(owner: Owner): RunningProcess {
  return startBare(owner, "a timer", "setInterval(() => {}, 1000)");
}

/** An HTTP server that answers everything with the same text. */
export function startServer(owner: Owner, port: number, text: string): RunningProcess {
  return startBare(
    owner,
    "a bare server",
    `require("node:http").createServer((request, response) => {
      response.writeHead(200, { "content-type": "text/plain" }).end(process.env.TEXT);
    }).listen(${port}, "127.0.0.1")`,
    { TEXT: text },
  );
}

/** A program that sends one request with JSON, and does not end. */
export function startSender(owner: Owner, url: string): RunningProcess {
  return startBare(
    owner,
    "a bare sender",
    `require("node:http").request(${JSON.stringify(url)}, { method: "POST" }).end("{}");
     setInterval(() => {}, 1000)`,
  );
}

function startBare(
  owner: Owner,
  name: string,
  program: string,
  env: Readonly<Record<string, string>> = {},
): RunningProcess {
  const running = startProcess({
    name,
    command: process.execPath,
    args: [...IMAGE_FLAGS, "--eval", program],
    env: { PATH: process.env["PATH"], ...env },
  });
  endWith(owner, () => running.stop());
  return running;
}
