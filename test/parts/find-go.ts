import { findExecutable } from "./executable.ts";
import { MissingPart } from "./missing-part.ts";
import { runToEnd } from "./run-to-end.ts";

const VERSION_MS = 30_000;

/**
 * The path of a Go that is new enough to build a part.
 *
 * @param description.what the part to build
 * @param description.wayOut a sentence with what to do when there is none
 * @throws {MissingPart} when Go is missing or too old
 */
export async function findGo(description: {
  readonly what: string;
  readonly leastVersion: { readonly major: number; readonly minor: number };
  readonly wayOut: string;
}): Promise<string> {
  const {
    what,
    leastVersion: { major, minor },
    wayOut,
  } = description;
  const go = findExecutable("go");
  if (go === undefined) {
    throw new MissingPart(`${what} is missing, and there is no Go to build it with. ${wayOut}`);
  }
  const found = await runToEnd({
    name: "go env GOVERSION",
    command: go,
    args: ["env", "GOVERSION"],
    timeoutMs: VERSION_MS,
  });
  const [, foundMajor, foundMinor] = /^go(\d+)\.(\d+)/m.exec(found) ?? [];
  const isOlder =
    Number(foundMajor) < major || (Number(foundMajor) === major && Number(foundMinor) < minor);
  if (isOlder) {
    throw new MissingPart(
      `${what} is missing, and ${go} is too old to build it: ${found}. ${wayOut}`,
    );
  }
  return go;
}
