/** Shows the running demo: as a live view on a terminal, else as plain lines. */
import { takesControlCodes } from "../src/status/terminal.ts";
import type { Display } from "./display.ts";
import type { IncidentProgress } from "./incident-progress.ts";
import type { Step } from "./incident-steps.ts";
import { lineDisplay } from "./line-display.ts";
import type { Parts } from "./parts.ts";
import { type PlayedStep, playIncident } from "./play-incident.ts";
import { terminalDisplay } from "./terminal-display.ts";
import { watch } from "./watch.ts";

/**
 * Shows the parts until the signal ends it; its reason becomes the error.
 * @param print gets the lines if there is no terminal
 */
export async function showUntilInterrupted(
  parts: Parts,
  print: (line: string) => void,
  signal: AbortSignal,
): Promise<never> {
  const display = displayFor(print);
  try {
    return await watch(parts, display, () => undefined, signal);
  } finally {
    display.close();
  }
}

/**
 * Plays an incident and shows it.
 * @param print gets the lines if there is no terminal
 * @param signal ends it early; its reason becomes the error
 */
export async function showIncident(
  steps: readonly Step[],
  parts: Parts,
  print: (line: string) => void,
  signal: AbortSignal,
): Promise<PlayedStep[]> {
  const over = new AbortController();
  const untilOver = AbortSignal.any([signal, over.signal]);
  const display = displayFor(print);
  let progress: IncidentProgress | undefined;
  const keepProgress = (newProgress: IncidentProgress) => {
    progress = newProgress;
  };
  try {
    return await Promise.race([
      playIncident(steps, parts, keepProgress, untilOver),
      watch(parts, display, () => progress, untilOver),
    ]);
  } finally {
    over.abort();
    display.close();
  }
}

function displayFor(print: (line: string) => void): Display {
  return takesControlCodes(process.stdout, process.env)
    ? terminalDisplay(process.stdout, process.env)
    : lineDisplay(print);
}
