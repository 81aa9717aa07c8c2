/** The arguments of `chrony-tracker status`, and its --help. */
import {
  CHRONY_ADDRESS_FORM,
  type ParsedChronyAddress,
  parseChronyAddress,
} from "../chrony/address.ts";
import { parseCommandOptions } from "../command-options.ts";
import { exitCodeHelp } from "../exit-codes.ts";
import { failure, type Result, success } from "../result.ts";
import { numberBetween } from "../setting-parsers.ts";
import { DEFAULT_THRESHOLDS, type Thresholds } from "../summary/thresholds.ts";

export type StatusOptions = {
  readonly help: boolean;
  /** Replaces CHRONY_ADDRESS. */
  readonly address: ParsedChronyAddress | undefined;
  readonly form: "full" | "brief" | "json";
  readonly watch: boolean;
  readonly thresholds: Thresholds;
};

const LARGEST_THRESHOLD_MS = 86_400_000;

const OPTIONS = {
  address: { type: "string" },
  warning: { type: "string", short: "w" },
  critical: { type: "string", short: "c" },
  brief: { type: "boolean", default: false },
  json: { type: "boolean", default: false },
  watch: { type: "boolean", default: false },
  help: { type: "boolean", short: "h", default: false },
} as const;

/** @returns the options, or one sentence: what was not understood, and what is allowed */
export function parseStatusOptions(args: readonly string[]): Result<StatusOptions, string> {
  const parsed = parseCommandOptions("chrony-tracker status", args, OPTIONS);
  if (!parsed.ok) {
    return parsed;
  }
  const values = parsed.value;
  if (values.json && values.brief) {
    return failure("--json and --brief exclude each other: expected one of them at most.");
  }
  const warningMs = parseThreshold("--warning", values.warning, DEFAULT_THRESHOLDS.warningMs);
  if (!warningMs.ok) {
    return warningMs;
  }
  const criticalMs = parseThreshold(
    "--critical",
    values.critical,
    Math.max(DEFAULT_THRESHOLDS.criticalMs, warningMs.value),
  );
  if (!criticalMs.ok) {
    return criticalMs;
  }
  if (warningMs.value > criticalMs.value) {
    return failure(
      `--warning is ${warningMs.value}: expected at most --critical, which is ${criticalMs.value}.`,
    );
  }
  const address = values.address === undefined ? undefined : parseChronyAddress(values.address);
  if (address?.ok === false) {
    return failure(`--address is ${JSON.stringify(values.address)}: ${address.error}.`);
  }
  return success({
    help: values.help,
    address: address?.value,
    form: values.json ? "json" : values.brief ? "brief" : "full",
    watch: values.watch,
    thresholds: { warningMs: warningMs.value, criticalMs: criticalMs.value },
  });
}

function parseThreshold(
  name: string,
  text: string | undefined,
  fallback: number,
): Result<number, string> {
  if (text === undefined) {
    return success(fallback);
  }
  const parsed = numberBetween(0, LARGEST_THRESHOLD_MS)(text);
  return parsed.ok
    ? parsed
    : failure(`${name} is ${JSON.stringify(text)}: ${parsed.error} (milliseconds).`);
}

/** The text of `chrony-tracker status --help`. */
export const STATUS_HELP = `chrony-tracker status: can this node's clock be trusted, right now?

Usage: chrony-tracker status [OPTION …]

Polls chronyd once. If an agent runs on this node, the peak comes from its
/status. If this process may not use chronyd's socket, all facts come from the
agent, and the report says so.

  --address ADDRESS   ${CHRONY_ADDRESS_FORM}
                      Default: CHRONY_ADDRESS. With another, no agent is asked.
  -w, --warning MS    The thresholds for the peak (see below), in
  -c, --critical MS   milliseconds. Default: ${DEFAULT_THRESHOLDS.warningMs} and ${DEFAULT_THRESHOLDS.criticalMs}, as the alerts.
  --brief             One line, for monitoring plugins.
  --json              One object with all keys. A value that is not known, or
                      means nothing in this state, is null.
  --watch             Repeats every SLEEP_INTERVAL seconds, until Ctrl-C.
  -h, --help          This text.

Three numbers say how wrong the clock can be:
  Error   with the offset of chronyd's last update. It can be far too small
          while a large offset is being slewed away.
  Bound   with the offset that is still to be slewed. Rely on this one: the true
          time is within it, as far as chronyd can know.
  Peak    the largest of both in the last minute. The thresholds apply to it.
          Without an agent they apply to the larger of error and bound.

Exit code (with --watch, that of the last report):
${exitCodeHelp("chrony-tracker status")}
Colours only on a terminal; NO_COLOR turns them off. Settings are environment
variables, the same as the agent's: see chrony-tracker --help.
`;
