#!/usr/bin/env node
/** `npm run demo`: reads the command line, starts the parts, shows them, and stops them. */
import { EXIT } from "../src/exit-codes.ts";
import { bringPrograms } from "../test/parts/bring.ts";
import { check } from "./check.ts";
import { type Command, HELP, parseCommandLine } from "./command-line.ts";
import { INCIDENT } from "./incident-steps.ts";
import { incidentSummary } from "./incident-summary.ts";
import { Interruption, listenForInterruptions, orAborted } from "./interruption.ts";
import { type Parts, startParts } from "./parts.ts";
import { showIncident, showUntilInterrupted } from "./show.ts";

type Run = Extract<Command, { readonly kind: "watch" | "incident" | "check" }>;

async function main(): Promise<void> {
  const command = parseCommandLine(process.argv.slice(2));
  switch (command.kind) {
    case "help":
      process.stdout.write(HELP);
      break;
    case "usage error":
      process.stderr.write(`${command.problem}\n`);
      process.exitCode = EXIT.usageError;
      break;
    case "watch":
    case "incident":
    case "check":
      // Because pending requests would keep the process running.
      process.exit(await run(command));
  }
}

/** @returns the exit code */
async function run(command: Run): Promise<number> {
  const interrupted = listenForInterruptions();
  let parts: Parts | undefined;
  try {
    await orAborted(bringPrograms(report), interrupted);
    parts = await startParts(report, interrupted);
    const signal = AbortSignal.any([interrupted, parts.ended]);
    switch (command.kind) {
      case "watch":
        await showUntilInterrupted(parts, print, signal);
        break;
      case "incident":
        for (const line of incidentSummary(await showIncident(INCIDENT, parts, print, signal))) {
          print(line);
        }
        break;
      case "check":
        report(`everything runs; checking for ${command.seconds} s`);
        print(await check(parts, command.seconds, signal));
    }
    return EXIT.ok;
  } catch (error) {
    report(error instanceof Error ? error.message : String(error));
    return error instanceof Interruption ? error.exitCode : EXIT.failed;
  } finally {
    await parts?.stop();
  }
}

/** Writes a result. */
function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** Writes progress. */
function report(line: string): void {
  process.stderr.write(`${line}\n`);
}

await main();
