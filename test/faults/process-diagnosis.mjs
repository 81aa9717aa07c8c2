/**
 * Preloaded into an agent (`--import`, with `--expose-gc`), this answers a message over the channel
 * to the parent process with what the process holds. JavaScript, because loading TypeScript would
 * itself take more memory than what is looked for.
 */
import { getActiveResourcesInfo, memoryUsage } from "node:process";

process.on("message", () => {
  globalThis.gc();
  const { heapUsed, external, arrayBuffers } = memoryUsage();
  const resources = getActiveResourcesInfo();
  process.send({ heapUsed, external, arrayBuffers, resources: resources.length });
});

// The channel alone must not keep the process alive.
process.channel.unref();
