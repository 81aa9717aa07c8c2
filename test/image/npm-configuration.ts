import { readFile } from "node:fs/promises";
import { runToEnd } from "../parts/run-to-end.ts";

const QUESTION_MS = 30_000;

/** npm's registry settings on this machine, for an npm in a container. */
export type NpmConfiguration = {
  /** The text of an .npmrc, which may contain secrets. */
  readonly text: string;
  /** The file with authorities that it names, which must exist, too. */
  readonly authorities: string | undefined;
};

export async function npmConfiguration(): Promise<NpmConfiguration> {
  const files = await Promise.all(
    ["globalconfig", "userconfig"].map(async (name) =>
      readFile((await npmSetting(name)) ?? "", "utf8").catch(() => ""),
    ),
  );
  const registry = await npmSetting("registry");
  const authorities =
    (await npmSetting("cafile")) ??
    process.env["NODE_EXTRA_CA_CERTS"] ??
    process.env["SSL_CERT_FILE"];
  const lines = [
    ...files,
    ...(registry === undefined ? [] : [`registry=${registry}`]),
    ...(authorities === undefined ? [] : [`cafile=${authorities}`]),
  ];
  return { text: `${lines.join("\n")}\n`, authorities };
}

async function npmSetting(name: string): Promise<string | undefined> {
  const answer = await runToEnd({
    name: `npm config get ${name}`,
    command: "npm",
    // Because warnings of other settings would be in the output.
    args: ["config", "get", name, "--silent"],
    timeoutMs: QUESTION_MS,
  });
  const value = answer.split("\n").at(-1) ?? "";
  return value === "" || value === "null" || value === "undefined" ? undefined : value;
}
