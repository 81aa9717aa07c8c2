import { createServer, type RequestListener } from "node:http";
import { listen } from "../parts/listen.ts";
import type { Owner } from "../parts/owner.ts";

/** A fake agent with answers that a real one does not give. @returns its port */
export async function startFakeAgent(owner: Owner, answer: RequestListener): Promise<string> {
  const { port } = await listen(owner, createServer(answer));
  return String(port);
}
