import { spawn } from "node:child_process";

const COMMAND_MS = 120_000;

/** The result of a command. */
export type CommandAnswer = {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
};

/**
 * Runs a command to its end, and returns its result, also if it failed.
 *
 * @param more.input its standard input
 */
export function answerOf(
  program: string,
  args: readonly string[],
  more: {
    readonly input?: string;
    readonly env?: NodeJS.ProcessEnv;
    readonly timeoutMs?: number;
  } = {},
): Promise<CommandAnswer> {
  const { input = "", env = process.env, timeoutMs = COMMAND_MS } = more;
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { env, timeout: timeoutMs });
    let stdout = "";
    let stderr = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      stdout += text;
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      stderr += text;
    });
    child.once("error", reject);
    child.once("close", (code) => resolve({ code: code ?? 1, stdout, stderr }));
    // It may end before it has read its input.
    child.stdin.on("error", () => {});
    child.stdin.end(input);
  });
}
