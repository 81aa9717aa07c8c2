import { answerOf, type CommandAnswer } from "./command-answer.ts";

/** Uses a cluster as its administrator, by the real kubectl. */
export type Kubectl = {
  /** Its output. @throws when it does not end with code 0, with its output */
  (...args: string[]): Promise<string>;
  /** Its result, also if it failed. @param input its standard input */
  try(args: readonly string[], input?: string): Promise<CommandAnswer>;
  /** Applies objects in YAML or JSON. @throws when the API server rejects one */
  apply(objects: string, ...args: string[]): Promise<string>;
  /** Reads objects from the API server. @throws when it has none */
  get<T>(...args: string[]): Promise<T>;
};

/** @param program the path of kubectl */
export function kubectlOf(program: string, kubeconfig: string): Kubectl {
  const attempt: Kubectl["try"] = (args, input = "") =>
    answerOf(program, [`--kubeconfig=${kubeconfig}`, ...args], { input });

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
