// oxlint-disable-next-line import/no-unassigned-import -- what @peculiar/x509 needs before it
import "reflect-metadata";
import { webcrypto } from "node:crypto";
import { isIP } from "node:net";
import {
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  PemConverter,
  SubjectAlternativeNameExtension,
  X509CertificateGenerator,
} from "@peculiar/x509";

const ALGORITHM = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
const DAY_MS = 24 * 60 * 60 * 1_000;

/** The subject of a certificate. */
export type CertificateHolder = {
  /** To Kubernetes the user's name. */
  readonly commonName: string;
  /** To Kubernetes the user's group. */
  readonly organization?: string;
  /** The host names and IP addresses of the server. */
  readonly serves?: readonly string[];
};

/** A certificate and its key, in PEM. */
export type KeyedCertificate = {
  readonly certificate: string;
  readonly key: string;
};

/** A certificate authority. */
export type CertificateAuthority = {
  /** Its own certificate, which clients must trust, in PEM. */
  readonly certificate: string;
  /** Issues a key and a certificate for servers and clients. */
  issue(holder: CertificateHolder): Promise<KeyedCertificate>;
};

/** Creates an authority. Its certificates are valid from yesterday to tomorrow. */
export async function createCertificateAuthority(
  commonName: string,
): Promise<CertificateAuthority> {
  const keys = await generateKeys();
  const name = `CN=${commonName}`;
  const own = await X509CertificateGenerator.createSelfSigned({
    name,
    keys,
    signingAlgorithm: ALGORITHM,
    ...validity(),
    extensions: [
      new BasicConstraintsExtension(true, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.digitalSignature, true),
    ],
  });
  return {
    certificate: own.toString("pem"),
    issue: async (holder) => {
      const itsKeys = await generateKeys();
      const issued = await X509CertificateGenerator.create({
        subject: [
          { CN: [holder.commonName] },
          ...(holder.organization === undefined ? [] : [{ O: [holder.organization] }]),
        ],
        issuer: name,
        publicKey: itsKeys.publicKey,
        signingKey: keys.privateKey,
        signingAlgorithm: ALGORITHM,
        ...validity(),
        extensions: [
          new BasicConstraintsExtension(false),
          new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth, ExtendedKeyUsage.clientAuth]),
          ...alternativeNames(holder.serves ?? []),
        ],
      });
      const key = await webcrypto.subtle.exportKey("pkcs8", itsKeys.privateKey);
      return {
        certificate: issued.toString("pem"),
        key: PemConverter.encode(key, "PRIVATE KEY"),
      };
    },
  };
}

function alternativeNames(serves: readonly string[]): SubjectAlternativeNameExtension[] {
  const names = serves.map((value) => ({
    type: isIP(value) === 0 ? ("dns" as const) : ("ip" as const),
    value,
  }));
  return names.length === 0 ? [] : [new SubjectAlternativeNameExtension(names)];
}

function generateKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]);
}

function validity(): { notBefore: Date; notAfter: Date } {
  const now = Date.now();
  return { notBefore: new Date(now - DAY_MS), notAfter: new Date(now + DAY_MS) };
}
