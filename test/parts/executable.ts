import { accessSync, constants, statSync } from "node:fs";
import { delimiter, isAbsolute, join, resolve } from "node:path";
import { MissingPart } from "./missing-part.ts";

/** Whether `path` is a file that this user may execute. */
export function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

/**
 * The absolute path of the program `name`, in the folders of `PATH` and then in `folders`.
 */
export function findExecutable(name: string, folders: readonly string[] = []): string | undefined {
  const { PATH = "" } = process.env;
  const onPath = PATH.split(delimiter).filter(isAbsolute);
  return [...onPath, ...folders].map((folder) => join(folder, name)).find(isExecutable);
}

/**
 * The program in the environment variable `variable`; `undefined` when it is not set.
 *
 * @throws {MissingPart} when it does not exist or cannot be executed
 */
export function executableFromVariable(variable: string): string | undefined {
  const value = process.env[variable];
  if (!value) {
    return undefined;
  }
  const path = resolve(value);
  if (!isExecutable(path)) {
    throw new MissingPart(
      `${variable} is set to ${value}, but ${path} is not a file that can be executed. ` +
        "Set it to one, or unset it to have the part looked for.",
    );
  }
  return path;
}
