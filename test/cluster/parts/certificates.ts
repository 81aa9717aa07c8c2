// @peculiar/x509 needs it to be there first.
import "reflect-metadata";
import { generateKeyPairSync, webcrypto } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import {
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  type GeneralNameType,
  KeyUsageFlags,
  KeyUsagesExtension,
  PemConverter,
  SubjectAlternativeNameExtension,
  X509CertificateGenerator,
} from "@peculiar/x509";

const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
const lifetimeMilliseconds = 24 * 60 * 60 * 1_000;

/** Whom a certificate is for. */
export interface CertificateDescription {
  /** Names the files: `NAME.crt` and `NAME.key`. */
  readonly file: string;
  /** To Kubernetes the user's name. */
  readonly commonName: string;
  /** To Kubernetes the user's group. */
  readonly organization?: string;
  /** The names and addresses under which it serves. */
  readonly serves?: { readonly dns: readonly string[]; readonly ip: readonly string[] };
}

/** Files in PEM. */
export interface CertificateFiles {
  readonly certificate: string;
  readonly key: string;
}

/** An authority of a cluster's own, for a day. */
export interface CertificateAuthority {
  /** The file with its certificate. */
  readonly certificate: string;
  issue(description: CertificateDescription): Promise<CertificateFiles>;
}

/** Makes an authority that writes what it issues into `folder`. */
export async function makeCertificateAuthority(folder: string): Promise<CertificateAuthority> {
  const keys = await generateKeys();
  const name = "CN=test cluster";
  const own = await X509CertificateGenerator.createSelfSigned({
    name,
    keys,
    signingAlgorithm: algorithm,
    ...validity(),
    extensions: [
      new BasicConstraintsExtension(true, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.digitalSignature, true),
    ],
  });
  const certificate = join(folder, "ca.crt");
  await writeFile(certificate, own.toString("pem"));
  return {
    certificate,
    async issue({ file, commonName, organization, serves }) {
      const itsKeys = await generateKeys();
      const names: { type: GeneralNameType; value: string }[] = [
        ...(serves?.dns ?? []).map((value) => ({ type: "dns" as const, value })),
        ...(serves?.ip ?? []).map((value) => ({ type: "ip" as const, value })),
      ];
      const issued = await X509CertificateGenerator.create({
        subject: [
          { CN: [commonName] },
          ...(organization === undefined ? [] : [{ O: [organization] }]),
        ],
        issuer: name,
        publicKey: itsKeys.publicKey,
        signingKey: keys.privateKey,
        signingAlgorithm: algorithm,
        ...validity(),
        extensions: [
          new BasicConstraintsExtension(false),
          new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth, ExtendedKeyUsage.clientAuth]),
          ...(names.length === 0 ? [] : [new SubjectAlternativeNameExtension(names)]),
        ],
      });
      const files = {
        certificate: join(folder, `${file}.crt`),
        key: join(folder, `${file}.key`),
      };
      await writeFile(files.certificate, issued.toString("pem"));
      const key = await webcrypto.subtle.exportKey("pkcs8", itsKeys.privateKey);
      await writeFile(files.key, PemConverter.encode(key, "PRIVATE KEY"), { mode: 0o600 });
      return files;
    },
  };
}

/** Makes the keys with which the API server signs service accounts' tokens. */
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

function generateKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(algorithm, true, [
    "sign",
    "verify",
  ]) as Promise<webcrypto.CryptoKeyPair>;
}

function validity(): { notBefore: Date; notAfter: Date } {
  const now = Date.now();
  return {
    notBefore: new Date(now - lifetimeMilliseconds),
    notAfter: new Date(now + lifetimeMilliseconds),
  };
}
