// oxlint-disable-next-line import/no-unassigned-import -- what @peculiar/x509 needs before it
import "reflect-metadata";
import { webcrypto } from "node:crypto";
import {
  BasicConstraintsExtension,
  SubjectAlternativeNameExtension,
  X509CertificateGenerator,
} from "@peculiar/x509";

const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
const hourMs = 3_600_000;
const dayMs = 24 * hourMs;

/** An authority of one's own and a server's certificate by it, in PEM. */
export interface Certificates {
  /** What a client has to trust. */
  readonly authority: string;
  readonly certificate: string;
  readonly key: string;
}

/** Makes both anew, valid from an hour ago for a day, for a server of all these names. */
export async function makeCertificates(hostNames: readonly string[]): Promise<Certificates> {
  const validity = {
    notBefore: new Date(Date.now() - hourMs),
    notAfter: new Date(Date.now() + dayMs),
  };
  const authorityKeys = await makeKeys();
  const authority = await X509CertificateGenerator.createSelfSigned({
    name: "CN=Azure stand-in authority",
    keys: authorityKeys,
    signingAlgorithm: algorithm,
    extensions: [new BasicConstraintsExtension(true, 0, true)],
    ...validity,
  });
  const keys = await makeKeys();
  const certificate = await X509CertificateGenerator.create({
    subject: "CN=Azure stand-in",
    issuer: authority.subject,
    publicKey: keys.publicKey,
    signingKey: authorityKeys.privateKey,
    signingAlgorithm: algorithm,
    extensions: [
      new SubjectAlternativeNameExtension(
        hostNames.map((value) => ({ type: "dns" as const, value })),
      ),
    ],
    ...validity,
  });
  const key = Buffer.from(await webcrypto.subtle.exportKey("pkcs8", keys.privateKey));
  return {
    authority: authority.toString("pem"),
    certificate: certificate.toString("pem"),
    key: `-----BEGIN PRIVATE KEY-----\n${key.toString("base64")}\n-----END PRIVATE KEY-----\n`,
  };
}

function makeKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
}
