// oxlint-disable-next-line import/no-unassigned-import -- what @peculiar/x509 needs before it
import "reflect-metadata";
import { webcrypto } from "node:crypto";
import {
  BasicConstraintsExtension,
  PemConverter,
  SubjectAlternativeNameExtension,
  X509CertificateGenerator,
} from "@peculiar/x509";

/** A server's certificate for 127.0.0.1 and the authority behind it, all as PEM. */
export interface ServerCertificate {
  readonly authority: string;
  readonly certificate: string;
  readonly key: string;
}

const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
const hourMilliseconds = 3_600_000;

/** Makes a new authority, and a certificate that it signed. */
export async function serverCertificate(): Promise<ServerCertificate> {
  const [authorityKeys, serverKeys] = await Promise.all([keyPair(), keyPair()]);
  const validity = {
    notBefore: new Date(Date.now() - hourMilliseconds),
    notAfter: new Date(Date.now() + hourMilliseconds),
    signingAlgorithm: algorithm,
  };
  const authority = await X509CertificateGenerator.createSelfSigned({
    ...validity,
    name: "CN=Authority for trials",
    keys: authorityKeys,
    extensions: [new BasicConstraintsExtension(true, undefined, true)],
  });
  const certificate = await X509CertificateGenerator.create({
    ...validity,
    subject: "CN=collector",
    issuer: authority.subject,
    publicKey: serverKeys.publicKey,
    signingKey: authorityKeys.privateKey,
    extensions: [new SubjectAlternativeNameExtension([{ type: "ip", value: "127.0.0.1" }])],
  });
  const key = await webcrypto.subtle.exportKey("pkcs8", serverKeys.privateKey);
  return {
    authority: authority.toString("pem"),
    certificate: certificate.toString("pem"),
    key: PemConverter.encode(key, "PRIVATE KEY"),
  };
}

function keyPair(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
}
