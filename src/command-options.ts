/** Reads the options of a command from its arguments. */
import { type ParseArgsOptionsConfig, parseArgs } from "node:util";
import { failure, type Result, success } from "./result.ts";

/** The values of options that are declared as for Node.js' `parseArgs`. */
export type OptionValues<Options extends ParseArgsOptionsConfig> = ReturnType<
  typeof parseArgs<{ options: Options }>
>["values"];

/**
 * Reads the options of a command. Positional arguments are not allowed.
 * @param command as a person types it
 * @returns the values, or one sentence: what was not understood
 */
export function parseCommandOptions<const Options extends ParseArgsOptionsConfig>(
  command: string,
  args: readonly string[],
  options: Options,
): Result<OptionValues<Options>, string> {
  try {
    return success(parseArgs({ args: [...args], options }).values);
  } catch (error) {
    // Only the first sentence is about this error; the others explain options in general.
    const [sentence = ""] = (error as Error).message.split(/\.\s|\n/);
    return failure(`${sentence.replace(/\.$/, "")}. See: ${command} --help.`);
  }
}
