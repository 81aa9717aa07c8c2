// The log when the followed source is silent while another one answers. How long a real chronyd keeps the
// silent one depends on the age of its samples of the other, so a fake reports that nothing came from it for
// ten minutes.

import { test } from "node:test";
import { sourceData } from "../../src/chrony/source-data.ts";
import { startAgentBeside } from "../parts/agent.ts";
import { startChronyd } from "../parts/chronyd.ts";
import { startFakeChronydRelay } from "../parts/fake-chronyd-relay.ts";
import { startReferenceClock } from "../parts/reference-clock.ts";
import { startTimeServer } from "../parts/time-server.ts";
import { scrapeInState } from "./scrape.ts";

const MODE_OFFSET = 54;
const REACHABILITY_OFFSET = 58;
const AGE_OFFSET = 60;
const CLIENT = 0;

test("the log names the other source that answers while the followed one is stale", async (t) => {
  const server = await startTimeServer(t);
  const clock = await startReferenceClock(t);
  const chronyd = await startChronyd(t, {
    configuration: [
      `server 127.0.0.1 port ${server.ntpPort} iburst minpoll 0 maxpoll 0 prefer`,
      clock.configuration,
    ],
  });
  await chronyd.process.waitForLine(/Selected source 127\.0\.0\.1/);
  const fake = startFakeChronydRelay(t, chronyd);
  const agent = await startAgentBeside(t, { address: fake.address });
  await scrapeInState(agent, "synchronised");

  fake.change(sourceData(0).command, (reply) => {
    if (reply.readUInt16BE(MODE_OFFSET) === CLIENT) {
      reply.writeUInt16BE(0, REACHABILITY_OFFSET);
      reply.writeUInt32BE(600, AGE_OFFSET);
    }
  });
  await agent.process.waitForLine(
    /time source 127\.0\.0\.1, polled every 1 s, has given no sample for 600 s: .* until chronyd switches to PHC0/,
  );
});
