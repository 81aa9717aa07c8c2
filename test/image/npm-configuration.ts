import { readFile } from "node:fs/promises";
import { runToEnd } from "../parts/run-to-end.ts";

const QUESTION_MS = 30_000;

/** How npm reaches its registry on this machine, for an npm that runs elsewhere on it. */
export type NpmConfiguration = {
  /** The text of an .npmrc. It may hold secrets. */
  readonly text: string;
  /** The file with the authorities that it names, which has to be there, too. */
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
    // The warnings of other settings would stand among the output.
    args: ["config", "get", name, "--silent"],
    timeoutMs: QUESTION_MS,
  });
  const value = answer.split("\n").at(-1) ?? "";
  return value === "" || value === "null" || value === "undefined" ? undefined : value;
}
