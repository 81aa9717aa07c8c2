/** Reads the command line, and runs the command that it names, or the agent until a signal ends it. */
import { DiagLogLevel, diag } from "@opentelemetry/api";
import { Agent } from "./agent.ts";
import { HELP, parseCommandLine } from "./command-line.ts";
import { EXIT } from "./exit-codes.ts";
import { createLog, type Log } from "./log.ts";
import { describePrivilegeError, describeRunAs, dropPrivileges } from "./privileges.ts";
import { readSettings } from "./settings.ts";
import { openStandardError } from "./standard-error.ts";
import { describeOutputError, print } from "./standard-output.ts";
import { status } from "./status/command.ts";
import { leaveStopSignals, onStopSignal } from "./stop-signal.ts";
import { VERSION } from "./version.ts";
import { wait } from "./wait/command.ts";

/** Variables that other programs read an HTTP proxy's address from. */
const PROXY_VARIABLES = ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"].flatMap((name) => [
  name,
  name.toLowerCase(),
]);

/** Runs what the command line says, and sets the exit code. */
export async function runCommandLine(): Promise<void> {
  // The exit code is set even when standard error cannot be written.
  process.stderr.on("error", () => {});
  const command = parseCommandLine(process.argv.slice(2));
  // As the first process of a container, a command that waits must handle signals itself.
  if (command.kind !== "run" && command.kind !== "wait") {
    leaveStopSignals();
  }
  switch (command.kind) {
    case "help":
      await printOrFail(HELP);
      break;
    case "version":
      await printOrFail(`${VERSION}\n`);
      break;
    case "usage error":
      process.stderr.write(`${command.problem}\n`);
      process.exitCode = EXIT.usageError;
      break;
    case "status":
      process.exitCode = await status(command.args, process.env);
      break;
    case "wait":
      process.exitCode = await wait(command.args, process.env);
      break;
    case "run":
      await run();
      break;
  }
}

async function printOrFail(text: string): Promise<void> {
  const written = await print(text);
  if (!written.ok && written.error.kind === "not written") {
    process.stderr.write(`${describeOutputError(written.error)}\n`);
    process.exitCode = EXIT.failed;
  }
}

async function run(): Promise<void> {
  const settings = readSettings(process.env);
  if (!settings.ok) {
    process.stderr.write(settings.error.map((problem) => `${problem}\n`).join(""));
    process.exitCode = EXIT.usageError;
    return;
  }
  const log = createLog(settings.value.logLevel, openStandardError());
  diag.setLogger(
    {
      error: (message) => log.error(message),
      warn: (message) => log.warn(message),
      info: (message) => log.debug(message),
      debug: (message) => log.debug(message),
      verbose: (message) => log.debug(message),
    },
    { logLevel: DiagLogLevel.WARN },
  );

  const proxy = PROXY_VARIABLES.find((name) => (process.env[name] ?? "") !== "");
  if (settings.value.pushes && proxy !== undefined) {
    log.info(`${proxy} is set but not used: the agent pushes to the collector without a proxy.`);
  }
  const { socketDirectory } = settings.value.chronyAddress;
  const left = dropPrivileges(socketDirectory);
  if (!left.ok) {
    log.error(describePrivilegeError(left.error));
    process.exitCode = EXIT.failed;
    return;
  }
  const runAs = left.value;
  if (runAs !== undefined) {
    const severity = runAs.because === "directory is root's" ? "warn" : "info";
    log[severity](describeRunAs(runAs, socketDirectory));
  }

  const agent = new Agent(settings.value, log, runAs?.user);
  if (stopOnSignal(agent, log)) {
    return;
  }
  try {
    await agent.start();
  } catch (error) {
    const { prometheusHost = "all addresses", prometheusPort } = settings.value;
    log.error(
      `Could not listen on port ${prometheusPort} of ${prometheusHost}: ${reason(error)}. Set OTEL_EXPORTER_PROMETHEUS_HOST and OTEL_EXPORTER_PROMETHEUS_PORT to a free one.`,
    );
    process.exit(EXIT.failed);
  }
}

/** @returns whether a signal has come already */
function stopOnSignal(agent: Agent, log: Log): boolean {
  let stopping = false;
  onStopSignal((signal) => {
    if (!stopping) {
      stopping = true;
      log.info("Chrony Tracker stops.", { signal });
      void agent.stop().then(() => process.exit());
    } else if (signal !== "SIGHUP") {
      // A terminal that is closed sends more than one.
      process.exit(EXIT.failed);
    }
  });
  return stopping;
}

function reason(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  return code === "EADDRINUSE" ? "another process listens there" : (code ?? message);
}
