/**
 * Preloaded into an agent (`--import`), this answers a message over the channel
 * to the parent process with what the process holds. JavaScript, because loading TypeScript would
 * itself take more memory than what is looked for.
 */
import { getActiveResourcesInfo, memoryUsage } from "node:process";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

// Here, so that the agent's command line has the image's flags and no other.
setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc");

process.on("message", () => {
  collectGarbage();
  const { heapUsed, external, arrayBuffers } = memoryUsage();
  const resources = getActiveResourcesInfo();
  process.send({ heapUsed, external, arrayBuffers, resources: resources.length });
});

// The channel alone must not keep the process alive.
process.channel.unref();
