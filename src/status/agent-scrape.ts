/** Asks the agent that may run beside this process for its /metrics: once, quickly, or not at all. */
import { get } from "node:http";
import { type AgentFacts, agentFacts } from "./agent-facts.ts";
import { parseExposition } from "./exposition.ts";

/** An agent on the same node answers in a few milliseconds. */
export const LONGEST_SCRAPE_MS = 300;

/** A thousand sources take half of it; what is larger is not an agent's. */
const LARGEST_BODY_BYTES = 4 * 1024 * 1024;

/**
 * The address of the agent's pull side as this process reaches it, without a path.
 * @param host what the agent listens at; `undefined` is all addresses of both families
 */
export function agentUrl(host: string | undefined, port: number): string {
  const reached =
    host === undefined || host === "0.0.0.0" ? "127.0.0.1" : host === "::" ? "::1" : host;
  return `http://${reached.includes(":") ? `[${reached}]` : reached}:${port}/`;
}

/** What the agent says, or `undefined` when none answers in time, for whatever reason. */
export async function scrapeAgent(url: string): Promise<AgentFacts | undefined> {
  const text = await fetchText(`${url}metrics`);
  return text === undefined ? undefined : agentFacts(parseExposition(text));
}

/** By node:http, which the agent has in memory anyway; it follows no redirect and no proxy. */
function fetchText(url: string): Promise<string | undefined> {
  const { promise, resolve } = Promise.withResolvers<string | undefined>();
  const signal = AbortSignal.timeout(LONGEST_SCRAPE_MS);
  const request = get(url, { agent: false, signal }, (response) => {
    if (response.statusCode !== 200) {
      request.destroy();
      resolve(undefined);
      return;
    }
    let text = "";
    response.setEncoding("utf8");
    response.on("data", (part: string) => {
      text += part;
      if (text.length > LARGEST_BODY_BYTES) {
        request.destroy();
      }
    });
    response.on("end", () => resolve(text));
    response.on("close", () => resolve(undefined));
  });
  request.on("error", () => resolve(undefined));
  return promise;
}
