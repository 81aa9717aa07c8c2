import { readFileSync } from "node:fs";

/** Node.js' flags in the image, from the Dockerfile's ENTRYPOINT. */
export const IMAGE_FLAGS: readonly string[] = flagsOf(
  readFileSync(new URL("../../Dockerfile", import.meta.url), "utf8"),
);

function flagsOf(dockerfile: string): readonly string[] {
  const entrypoint = /^ENTRYPOINT (\[.*\])$/m.exec(dockerfile)?.[1];
  if (entrypoint === undefined) {
    throw new Error("The Dockerfile has no ENTRYPOINT in JSON.");
  }
  const args: readonly string[] = JSON.parse(entrypoint);
  return args.filter((arg) => arg.startsWith("--"));
}
