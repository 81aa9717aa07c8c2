/** The agent as in the image: bundled, with the image's flags. */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { freePort } from "../../test/parts/free-port.ts";
import { IMAGE_FLAGS } from "../../test/parts/image-flags.ts";
import { endWith, type Owner } from "../../test/parts/owner.ts";
import { runToEnd } from "../../test/parts/run-to-end.ts";
import { startProcess } from "../../test/parts/running-process.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** Bundles the agent, and returns the path of the bundle. */
export async function bundleInto(folder: string): Promise<string> {
  await runToEnd({
    name: "npm run build",
    command: process.execPath,
    args: [join(ROOT, "tools/bundle.ts"), folder],
    timeoutMs: 60_000,
  });
  return join(folder, "chrony-tracker.cjs");
}

export type BundledAgent = { readonly pid: number; readonly url: string; stop(): Promise<void> };

/** Starts the bundle, and waits until the agent is ready. */
export async function startBundledAgent(
  owner: Owner,
  bundle: string,
  settings: Readonly<Record<string, string>>,
): Promise<BundledAgent> {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const agent = startProcess({
    name: "the agent",
    command: process.execPath,
    args: [...IMAGE_FLAGS, bundle],
    env: {
      PATH: process.env["PATH"],
      OTEL_EXPORTER_PROMETHEUS_HOST: "127.0.0.1",
      OTEL_EXPORTER_PROMETHEUS_PORT: String(port),
      ...settings,
    },
  });
  endWith(owner, () => agent.stop());
  await agent.waitUntil("the agent to be ready", async () => {
    const answer = await fetch(`${url}/readyz`).catch(() => undefined);
    return answer?.ok;
  });
  return { pid: agent.pid, url, stop: () => agent.stop() };
}

/** The value of a series of the agent. `label`, such as `result="success"`, selects one of several. */
export async function counterOf({ url }: BundledAgent, name: string, label = ""): Promise<number> {
  const page = await (await fetch(`${url}/metrics`)).text();
  const line = page.split("\n").find((one) => one.startsWith(`${name}{`) && one.includes(label));
  return Number(line?.split(" ").at(-1));
}
