import { createServer, type RequestListener } from "node:http";
import { listen } from "../parts/listen.ts";
import type { Owner } from "../parts/owner.ts";

/** An HTTP server in an agent's place, which can answer as no agent does. @returns its port */
export async function startFakeAgent(owner: Owner, answer: RequestListener): Promise<string> {
  const { port } = await listen(owner, createServer(answer));
  return String(port);
}
