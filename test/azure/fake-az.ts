import { chmod, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

/** An answer to commands that begin with the first word and contain the others in this order. The first that matches is used. */
export type FakeAnswer = {
  /** Parts of the command, such as `aks list`. */
  readonly command: string;
  readonly stdout?: string;
  /** With exit code 1. */
  readonly stderr?: string;
};

/** A fake of a program that asks Azure or the internet. */
export type FakeProgram = {
  /** The commands so far, a line each. */
  commands(): Promise<string[]>;
};

/**
 * Puts a fake `az`, `curl` or `kubectl` into a folder that a test uses as PATH. It fails if it has no answer to a
 * command.
 */
export async function fakeProgram(
  folder: string,
  name: string,
  answers: readonly FakeAnswer[],
): Promise<FakeProgram> {
  const log = join(folder, `${name}.log`);
  await writeFile(log, "");
  const cases = answers.map(({ command, stdout = "", stderr }) => {
    const pattern = command.split(" ").map(quoted).join("*");
    const action =
      stderr === undefined
        ? `printf '%s' ${quoted(stdout)}; exit 0`
        : `printf '%s' ${quoted(stderr)} >&2; exit 1`;
    return `  ${pattern}*) ${action} ;;`;
  });
  const script = [
    "#!/bin/sh",
    `printf '%s\\n' "$(printf '%s' "$*" | tr '\\n' ' ')" >>${quoted(log)}`,
    'case "$*" in',
    ...cases,
    "esac",
    `echo "the fake ${name} has no answer to: $*" >&2`,
    "exit 3",
    "",
  ];
  const path = join(folder, name);
  await writeFile(path, script.join("\n"));
  await chmod(path, 0o755);
  return {
    async commands() {
      return (await readFile(log, "utf8")).split("\n").filter((line) => line !== "");
    },
  };
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
