import { join } from "node:path";
import { answerOf, type CommandAnswer } from "./command-answer.ts";

/** A command that waits for objects takes as long as a rollout. */
const COMMAND_MS = 240_000;

/**
 * Runs Helm, and returns its result, also if it failed.
 * @param values what `--values=-` reads
 */
export type Helm = (args: readonly string[], values?: object) => Promise<CommandAnswer>;

/**
 * @param program the path of helm
 * @param folder for its own files, which are usually in the home directory
 * @param kubeconfig of the cluster, for commands that need one
 */
export function helmOf(program: string, folder: string, kubeconfig?: string): Helm {
  const env = {
    ...process.env,
    HELM_CACHE_HOME: join(folder, "helm/cache"),
    HELM_CONFIG_HOME: join(folder, "helm/config"),
    HELM_DATA_HOME: join(folder, "helm/data"),
    // Empty, if no cluster is needed.
    KUBECONFIG: kubeconfig ?? join(folder, "helm/no-kubeconfig"),
  };
  return (args, values = {}) =>
    // JSON is YAML.
    answerOf(program, args, { input: JSON.stringify(values), env, timeoutMs: COMMAND_MS });
}
