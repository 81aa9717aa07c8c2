/** The time from the start of the process to its first push. */
import { startFollower } from "../../test/parts/follower.ts";
import type { Scope } from "../../test/parts/owner.ts";
import { startSender } from "./bare-node.ts";
import type { Bench } from "./bench.ts";
import { startBundledAgent } from "./bundled-agent.ts";
import { median } from "./process-figures.ts";
import type { Row } from "./row.ts";
import { startSink } from "./sink.ts";

const STARTS = 7;

/** Measures the time from the start of the process to its first push. */
export async function measureStarts({ bundle, report }: Bench, scope: Scope): Promise<Row[]> {
  report("starts");
  const chronyd = await startFollower(scope);
  const sink = await startSink(scope);
  const seconds: Record<"agent" | "bare", number[]> = { agent: [], bare: [] };
  const firstRequest = async (
    name: "agent" | "bare",
    start: () => Promise<{ stop(): unknown }>,
  ) => {
    const arrived = sink.next();
    const beganMs = performance.now();
    const starting = start();
    seconds[name].push(((await arrived) - beganMs) / 1000);
    await (await starting).stop();
  };
  for (let run = 0; run < STARTS; run += 1) {
    await firstRequest("agent", () =>
      startBundledAgent(scope, bundle, {
        CHRONY_ADDRESS: chronyd.address,
        OTEL_EXPORTER_OTLP_ENDPOINT: sink.url,
      }),
    );
    await firstRequest("bare", async () => startSender(scope, `${sink.url}/v1/metrics`));
  }
  return [
    {
      figure: "from the start of the process to the first push",
      value: median(seconds.agent),
      unit: "s",
      reference: { name: "bare Node.js to its first request", value: median(seconds.bare) },
      budget: { value: 0.4 },
    },
  ];
}
