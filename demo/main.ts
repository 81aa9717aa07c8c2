#!/usr/bin/env node
/** `npm run demo`: reads the command line, brings and starts the parts, shows them, ends them. */
import { check } from "./check.ts";
import { type Command, HELP, parseCommandLine } from "./command-line.ts";
import type { IncidentProgress } from "./incident-progress.ts";
import { INCIDENT } from "./incident-steps.ts";
import { incidentSummary } from "./incident-summary.ts";
import { Interruption, listenForInterruptions, orAborted } from "./interruption.ts";
import { lineDisplay } from "./line-display.ts";
import { type Parts, startParts } from "./parts.ts";
import { playIncident } from "./play-incident.ts";
import { bringPrograms } from "./programs.ts";
import { terminalDisplay } from "./terminal-display.ts";
import { watch } from "./watch.ts";

const EXIT_FAILED = 1;
const EXIT_MISUSED = 2;

type Run = Extract<Command, { readonly kind: "watch" | "incident" | "check" }>;

async function main(): Promise<void> {
  const command = parseCommandLine(process.argv.slice(2));
  switch (command.kind) {
    case "help":
      process.stdout.write(HELP);
      break;
    case "misused":
      process.stderr.write(`${command.problem}\n`);
      process.exitCode = EXIT_MISUSED;
      break;
    case "watch":
    case "incident":
    case "check":
      // Requests that are still under way would keep the process alive.
      process.exit(await run(command));
  }
}

/** @returns the exit code */
async function run(command: Run): Promise<number> {
  const interrupted = listenForInterruptions();
  let parts: Parts | undefined;
  try {
    const programs = await orAborted(bringPrograms(tell), interrupted);
    parts = await startParts(programs, tell, interrupted);
    const signal = AbortSignal.any([interrupted, parts.ended]);
    if (command.kind === "check") {
      tell(`everything runs; looking for ${command.seconds} s`);
      say(await check(parts, command.seconds, signal));
    } else {
      await show(command.kind, parts, signal);
    }
    return 0;
  } catch (error) {
    tell(error instanceof Error ? error.message : String(error));
    return error instanceof Interruption ? error.exitCode : EXIT_FAILED;
  } finally {
    await parts?.stop();
  }
}

/** Shows the view until the incident is over, or until the signal aborts. */
async function show(kind: "watch" | "incident", parts: Parts, signal: AbortSignal): Promise<void> {
  const over = new AbortController();
  const untilOver = AbortSignal.any([signal, over.signal]);
  const canRedraw = process.stdout.isTTY && process.env["TERM"] !== "dumb";
  const display = canRedraw ? terminalDisplay(process.stdout) : lineDisplay(say);
  let progress: IncidentProgress | undefined;
  let summary: string[];
  try {
    const watching = watch(parts, display, () => progress, untilOver);
    if (kind === "watch") {
      return await watching;
    }
    const playing = playIncident(
      INCIDENT,
      parts,
      (newProgress) => {
        progress = newProgress;
      },
      untilOver,
    );
    summary = incidentSummary(await Promise.race([watching, playing]));
  } finally {
    over.abort();
    display.close();
  }
  for (const line of summary) {
    say(line);
  }
}

/** What the demo is for. */
function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** How it is getting on. */
function tell(line: string): void {
  process.stderr.write(`${line}\n`);
}

await main();
