import { runToEnd } from "../parts/run-to-end.ts";

const READ_MS = 60_000;

/** The configuration of an image (OCI image configuration). */
export type ImageConfiguration = {
  readonly architecture: string;
  readonly config: {
    readonly User: string;
    readonly Entrypoint: readonly string[];
    readonly Labels: Readonly<Record<string, string>>;
  };
};

type Reference = {
  readonly digest: string;
};

/** The configuration of the only image of an OCI archive. */
export async function imageConfiguration(archive: string): Promise<ImageConfiguration> {
  const read = async (path: string) => {
    const text = await runToEnd({
      name: `reading ${archive}`,
      command: "tar",
      args: ["--extract", "--to-stdout", "--file", archive, path],
      timeoutMs: READ_MS,
    });
    return JSON.parse(text);
  };
  const blob = ({ digest }: Reference) => read(`blobs/${digest.replace(":", "/")}`);
  const index: { manifests: [Reference] } = await read("index.json");
  const manifest: { config: Reference } = await blob(index.manifests[0]);
  return blob(manifest.config);
}
