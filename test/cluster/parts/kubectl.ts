import { spawn } from "node:child_process";

const COMMAND_MS = 120_000;

/** What kubectl did. */
export type KubectlAnswer = {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
};

/** Speaks to a cluster as its administrator, by the real kubectl. */
export type Kubectl = {
  /** Its output. @throws when it does not end with code 0, with what it said. */
  (...args: string[]): Promise<string>;
  /** Its answer, whatever it is. @param input what it reads from its standard input. */
  try(args: readonly string[], input?: string): Promise<KubectlAnswer>;
  /** Applies objects in YAML or JSON. @throws when the API server refuses one. */
  apply(objects: string, ...args: string[]): Promise<string>;
  /** Objects as the API server gives them. @throws when it gives none. */
  get<T>(...args: string[]): Promise<T>;
};

/** @param program the path of kubectl. */
export function kubectlOf(program: string, kubeconfig: string): Kubectl {
  const attempt: Kubectl["try"] = (args, input = "") =>
    new Promise((resolve, reject) => {
      const child = spawn(program, [`--kubeconfig=${kubeconfig}`, ...args], {
        timeout: COMMAND_MS,
      });
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
      // kubectl may end before it has read anything.
      child.stdin.on("error", () => {});
      child.stdin.end(input);
    });

  async function run(args: readonly string[], input?: string): Promise<string> {
    const { code, stdout, stderr } = await attempt(args, input);
    if (code !== 0) {
      throw new Error(`kubectl ${args.join(" ")} ended with exit code ${code}: ${stderr}${stdout}`);
    }
    return stdout;
  }

  return Object.assign((...args: string[]) => run(args), {
    try: attempt,
    apply: (objects: string, ...args: string[]) => run(["apply", "-f", "-", ...args], objects),
    get: async <T>(...args: string[]): Promise<T> => {
      const answer: T = JSON.parse(await run(["get", "-o", "json", ...args]));
      return answer;
    },
  });
}
