import { generateKeyPairSync } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createCertificateAuthority } from "../../parts/certificate-authority.ts";

/** The subject of a certificate. */
export type CertificateDescription = {
  /** The name of the files: `NAME.crt` and `NAME.key`. */
  readonly file: string;
  /** The user's name in Kubernetes. */
  readonly commonName: string;
  /** The user's group in Kubernetes. */
  readonly organization?: string;
  /** The names and addresses of the server. */
  readonly serves?: { readonly dns: readonly string[]; readonly ip: readonly string[] };
};

/** Files in PEM. */
export type CertificateFiles = {
  readonly certificate: string;
  readonly key: string;
};

/** The authority of a cluster, valid for a day. */
export type CertificateAuthority = {
  /** The path of its certificate. */
  readonly certificate: string;
  issue(description: CertificateDescription): Promise<CertificateFiles>;
};

/** Creates an authority that writes its certificates to `folder`. */
export async function makeCertificateAuthority(folder: string): Promise<CertificateAuthority> {
  const authority = await createCertificateAuthority("test cluster");
  const certificate = join(folder, "ca.crt");
  await writeFile(certificate, authority.certificate);
  return {
    certificate,
    async issue({ file, serves, ...holder }) {
      const issued = await authority.issue({
        ...holder,
        serves: [...(serves?.dns ?? []), ...(serves?.ip ?? [])],
      });
      const files = {
        certificate: join(folder, `${file}.crt`),
        key: join(folder, `${file}.key`),
      };
      await writeFile(files.certificate, issued.certificate);
      await writeFile(files.key, issued.key, { mode: 0o600 });
      return files;
    },
  };
}

/** Creates the keys for the tokens of service accounts. */
export async function makeServiceAccountKeys(
  folder: string,
): Promise<{ readonly publicKey: string; readonly privateKey: string }> {
  const { publicKey, privateKey } = generateKeyPairSync("rsa", {
    modulusLength: 2048,
    publicKeyEncoding: { type: "spki", format: "pem" },
    privateKeyEncoding: { type: "pkcs8", format: "pem" },
  });
  const files = {
    publicKey: join(folder, "service-accounts.pub"),
    privateKey: join(folder, "service-accounts.key"),
  };
  await writeFile(files.publicKey, publicKey);
  await writeFile(files.privateKey, privateKey, { mode: 0o600 });
  return files;
}
