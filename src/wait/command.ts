/** `chrony-tracker wait`: asks until the clock is good enough, or until the timeout. */
import { constants } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { WAIT_EXIT } from "../exit-codes.ts";
import { becomeOwner } from "../privileges.ts";
import { failure, type Result, success } from "../result.ts";
import { readSettings } from "../settings.ts";
import { describeOutputError, print } from "../standard-output.ts";
import { askAgent, describeAgentError } from "../status/agent-client.ts";
import { onStopSignal, type StopSignal } from "../stop-signal.ts";
import { type StartJudgement, synchronisedWithin } from "../summary/synchronised-within.ts";
import { chronydJudge } from "./ask-chronyd.ts";
import { parseWaitOptions, WAIT_HELP, type WaitOptions } from "./options.ts";

/** Between two requests, in milliseconds. An agent polls chronyd as often. */
const INTERVAL_MS = 1_000;

/** How often a reason that lasts is repeated. */
const REMINDER_MS = 30_000;

type Judge = () => Promise<StartJudgement>;

/**
 * Runs the command. The exit code is its answer; the reasons go to standard error.
 * @param args the arguments after `wait`
 * @returns the exit code (exit-codes.ts)
 */
export async function wait(
  args: readonly string[],
  environment: NodeJS.ProcessEnv,
): Promise<number> {
  const stopped = new AbortController();
  let signal: StopSignal | undefined;
  onStopSignal((received) => {
    if (signal !== undefined) {
      process.exit(exitCodeOf(received));
    }
    signal = received;
    stopped.abort();
  });
  const options = parseWaitOptions(args);
  if (!options.ok) {
    report(options.error);
    return WAIT_EXIT.usageError;
  }
  if (options.value === "help") {
    return await printHelp();
  }
  const judge = judgeFor(options.value, environment);
  if (!judge.ok) {
    report(judge.error);
    return WAIT_EXIT.usageError;
  }
  const isGood = await waitUntilGood(judge.value, options.value.timeoutMs, stopped.signal);
  if (signal !== undefined) {
    report(`Ended by ${signal}: the clock was not good yet.`);
    return exitCodeOf(signal);
  }
  return isGood ? WAIT_EXIT.good : WAIT_EXIT.timedOut;
}

async function printHelp(): Promise<number> {
  const written = await print(WAIT_HELP);
  if (written.ok || written.error.kind === "reader left") {
    return WAIT_EXIT.good;
  }
  report(describeOutputError(written.error));
  return WAIT_EXIT.usageError;
}

/** Asks the agent or chronyd, as the options demand. The error is a line for each invalid setting. */
function judgeFor(
  { limitMs, agentUrl }: WaitOptions,
  environment: NodeJS.ProcessEnv,
): Result<Judge, string> {
  if (agentUrl !== undefined) {
    return success(async () => {
      const answer = await askAgent(agentUrl);
      return answer.ok
        ? synchronisedWithin(answer.value.clock, limitMs)
        : { isGood: false, kind: answer.error.kind, sentence: describeAgentError(answer.error) };
    });
  }
  const settings = readSettings(environment);
  if (!settings.ok) {
    return failure(settings.error.join("\n"));
  }
  const { chronyAddress } = settings.value;
  if (chronyAddress.socketDirectory !== undefined) {
    becomeOwner(chronyAddress.socketDirectory);
  }
  return success(chronydJudge(chronyAddress, limitMs));
}

/**
 * Asks at once, then once a second, and a last time at the timeout.
 * @param stopped ends the wait
 * @returns whether the clock is good enough
 */
async function waitUntilGood(
  judge: Judge,
  timeoutMs: number,
  stopped: AbortSignal,
): Promise<boolean> {
  const beganMs = performance.now();
  let reported: { readonly kind: string; readonly atMs: number } | undefined;
  for (;;) {
    const { isGood, kind, sentence } = await judge();
    const nowMs = performance.now();
    if (stopped.aborted) {
      return false;
    }
    if (isGood) {
      report(sentence);
      return true;
    }
    const leftMs = timeoutMs - (nowMs - beganMs);
    if (leftMs <= 0) {
      report(`Timed out after ${timeoutMs / 1000} s. ${sentence}`);
      return false;
    }
    if (reported?.kind !== kind || nowMs - reported.atMs >= REMINDER_MS) {
      report(`Waiting. ${sentence}`);
      reported = { kind, atMs: nowMs };
    }
    await sleep(Math.min(INTERVAL_MS, leftMs), undefined, { signal: stopped }).catch(
      () => undefined,
    );
    if (stopped.aborted) {
      return false;
    }
  }
}

function exitCodeOf(signal: StopSignal): number {
  return WAIT_EXIT.signalled + constants.signals[signal];
}

function report(line: string): void {
  process.stderr.write(`${line}\n`);
}
