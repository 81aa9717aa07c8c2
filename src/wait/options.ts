/** The arguments of `chrony-tracker wait`, and its --help. */
import { parseCommandOptions } from "../command-options.ts";
import { exitCodeHelp } from "../exit-codes.ts";
import { failure, type Result, success } from "../result.ts";
import { httpUrl, type ParseText, secondsBetween } from "../setting-parsers.ts";
import { parseLimitMs } from "../summary/synchronised-within.ts";

export type WaitOptions = {
  /** The largest error that is good enough, in milliseconds. */
  readonly limitMs: number;
  /** How long to wait, in milliseconds; 0 asks once. */
  readonly timeoutMs: number;
  /** The address of the agent to ask, with a slash at its end; `undefined` asks chronyd itself. */
  readonly agentUrl: string | undefined;
};

const LONGEST_TIMEOUT_SECONDS = 86_400;

/** `multiple`, so that an option that is given twice is an error: which one is meant is not known. */
const OPTIONS = {
  within: { type: "string", multiple: true },
  timeout: { type: "string", multiple: true },
  agent: { type: "string", multiple: true },
  help: { type: "boolean", short: "h" },
} as const;

/** @returns the options, or one sentence: what was not understood, and what is allowed */
export function parseWaitOptions(args: readonly string[]): Result<WaitOptions | "help", string> {
  const given = parseCommandOptions("chrony-tracker wait", args, OPTIONS);
  if (!given.ok) {
    return given;
  }
  const { within, timeout, agent, help } = given.value;
  if (help === true) {
    return success("help");
  }
  const limitMs = required("--within", within, parseLimitMs);
  if (!limitMs.ok) {
    return limitMs;
  }
  const timeoutMs = required("--timeout", timeout, secondsBetween(0, LONGEST_TIMEOUT_SECONDS));
  if (!timeoutMs.ok) {
    return timeoutMs;
  }
  const agentUrl = agent === undefined ? undefined : required("--agent", agent, parseAgentUrl);
  if (agentUrl?.ok === false) {
    return agentUrl;
  }
  return success({
    limitMs: limitMs.value,
    timeoutMs: timeoutMs.value,
    agentUrl: agentUrl?.value,
  });
}

function required<Value>(
  name: string,
  texts: readonly string[] | undefined,
  parse: ParseText<Value>,
): Result<Value, string> {
  const [text, ...others] = texts ?? [];
  if (text === undefined) {
    return failure(`${name} is missing. See: chrony-tracker wait --help.`);
  }
  if (others.length > 0) {
    return failure(`${name} is given ${others.length + 1} times: expected it once.`);
  }
  const parsed = parse(text);
  return parsed.ok ? parsed : failure(`${name} is ${JSON.stringify(text)}: ${parsed.error}.`);
}

/** An agent serves plain HTTP, and its paths begin at the root. */
const parseAgentUrl: ParseText<string> = (text) => {
  const parsed = httpUrl(text);
  if (!parsed.ok) {
    return parsed;
  }
  const { protocol, origin, pathname, search, hash } = new URL(parsed.value);
  return protocol === "http:" && pathname === "/" && search === "" && hash === ""
    ? success(`${origin}/`)
    : failure("expected http://HOST:PORT, without a path");
};

/** The text of `chrony-tracker wait --help`. */
export const WAIT_HELP = `chrony-tracker wait: ends when this node's clock is good enough to start a program

Usage: chrony-tracker wait --within MS --timeout S [--agent URL]

Checks once a second, until the clock is synchronised and can be wrong by MS
milliseconds at most, or until S seconds have passed. It writes the reason for
waiting to standard error. For unit files and init containers: docs/wait.md.

  --within MS    The largest acceptable error, in milliseconds. It is compared
                 with the larger of error and bound, and with --agent also with
                 the peak, the largest of both in the last minute.
  --timeout S    How long to wait, in seconds. 0 checks once. A request that has
                 begun is completed, which takes up to 3 s more.
  --agent URL    Ask the agent at http://HOST:PORT. Default: ask chronyd itself, at
                 CHRONY_ADDRESS, as root or the owner of its directory.
  -h, --help     This text.

A clock whose error is not known is never good enough: the agent or chronyd does
not answer, the agent has just started, or the answer is invalid.

Exit code:
${exitCodeHelp("chrony-tracker wait")}`;
