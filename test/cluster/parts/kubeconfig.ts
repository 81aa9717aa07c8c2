import { writeFile } from "node:fs/promises";
import type { CertificateAuthority, CertificateDescription } from "./certificates.ts";

/**
 * Writes a kubeconfig: the address of the API server, and a certificate.
 *
 * @param apiUrl the address of the API server
 * @returns `path`
 */
export async function writeKubeconfig(
  path: string,
  apiUrl: string,
  authority: CertificateAuthority,
  user: CertificateDescription,
): Promise<string> {
  const { certificate, key } = await authority.issue(user);
  const name = "test";
  const kubeconfig = {
    apiVersion: "v1",
    kind: "Config",
    clusters: [
      {
        name,
        cluster: {
          server: apiUrl,
          "certificate-authority": authority.certificate,
        },
      },
    ],
    users: [{ name, user: { "client-certificate": certificate, "client-key": key } }],
    contexts: [{ name, context: { cluster: name, user: name } }],
    "current-context": name,
  };
  // JSON is YAML.
  await writeFile(path, JSON.stringify(kubeconfig, null, 2), { mode: 0o600 });
  return path;
}
