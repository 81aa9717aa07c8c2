/** The packages in the agent's bundle, from npm's SBOM. */
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { markdownTable } from "./markdown-table.ts";

/** The project's folder, with a slash at its end. */
export const ROOT = fileURLToPath(new URL("..", import.meta.url));

/** A package of the SBOM (CycloneDX 1.5). */
export type Component = {
  readonly name: string;
  readonly version: string;
  /** `optional`: the binary for one platform. An image has one of them. */
  readonly scope: "required" | "optional";
  /** An SPDX identifier; `undefined` when package-lock.json has none. */
  readonly license: string | undefined;
};

type CycloneDx = {
  readonly components: readonly {
    readonly name: string;
    readonly version: string;
    readonly scope: "required" | "optional";
    readonly licenses?: readonly { readonly license?: { readonly id?: string } }[];
  }[];
};

/** The runtime dependencies of package-lock.json, direct and indirect, by name. */
export async function readSbom(): Promise<Component[]> {
  const { stdout } = await promisify(execFile)(
    "npm",
    ["sbom", "--package-lock-only", "--omit=dev", "--sbom-format=cyclonedx"],
    { cwd: ROOT },
  );
  const { components }: CycloneDx = JSON.parse(stdout);
  return components
    .map(({ name, version, scope, licenses }) => ({
      name,
      version,
      scope,
      license: licenses?.[0]?.license?.id,
    }))
    .toSorted((one, other) => one.name.localeCompare(other.name));
}

/** The text of docs/dependencies.md. */
export function dependencyDocument(components: readonly Component[]): string {
  const rows = [
    ["package", "version", "licence"],
    ...components
      .filter(({ scope }) => scope === "required")
      .map(({ name, version, license }) => [`\`${name}\``, version, license ?? "none stated"]),
  ];
  return `# What is shipped

The agent's bundle contains its own code and that of these packages: its direct and indirect dependencies. [CONTRIBUTING.md](../CONTRIBUTING.md#a-change) gives the reason for each direct one.

${markdownTable(rows)}
\`koffi\` brings its binary for the image's platform (\`@koromix/koffi-linux-x64\`, \`@koromix/koffi-linux-arm64\`), from the same source and with the same licence. The binary includes node-addon-api (MIT). The image adds Node.js (MIT, with the licences of what it includes) and the C library of its base image.

\`node tools/dependencies.ts\` made this page from \`npm sbom\`. A test compares it with package-lock.json. As CycloneDX: \`npm sbom --package-lock-only --omit=dev --sbom-format=cyclonedx\`.
`;
}
