// Certificates, authorities and tokens that are replaced while agent and collector run. The collector's receiver is the
// real one with TLS, and with the extension that checks tokens in a cluster.

import { rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import { createCertificateAuthority } from "../parts/certificate-authority.ts";
import { folderOf } from "../parts/scratch-folder.ts";
import { FaultPath } from "./fault-path.ts";

const NOTHING_LOST = "nothing lost, nothing twice";
const ISSUER = "https://issuer.test";
const AUDIENCE = "chrony-tracker";

/** Atomically, as Kubernetes replaces the files of a volume. */
async function replaceFile(path: string, content: string): Promise<void> {
  await writeFile(`${path}.new`, content);
  await rename(`${path}.new`, path);
}

/** A certificate for 127.0.0.1 of a new authority, all in PEM. */
async function serverCertificate() {
  const authority = await createCertificateAuthority("authority");
  const issued = await authority.issue({ commonName: "collector", serves: ["127.0.0.1"] });
  return { authority: authority.certificate, ...issued };
}

function configuration(name: string): string {
  return fileURLToPath(new URL(name, import.meta.url));
}

describe("trust between agent and collector", { concurrency: 2 }, () => {
  test("the collector's certificate and its authority are replaced, the agent's file 6 intervals later", async (t) => {
    const folder = await folderOf(t);
    const [caFile, certificateFile, keyFile] = ["ca.pem", "tls.crt", "tls.key"].map((name) =>
      join(folder, name),
    ) as [string, string, string];
    const before = await serverCertificate();
    await writeFile(caFile, before.authority);
    await writeFile(certificateFile, before.certificate);
    await writeFile(keyFile, before.key);
    const path = await FaultPath.start(t, {
      scheme: "https",
      collector: {
        configurationFiles: [configuration("tls-receiver.yaml")],
        environment: { TLS_CERTIFICATE_FILE: certificateFile, TLS_KEY_FILE: keyFile },
      },
      agent: { OTEL_EXPORTER_OTLP_CERTIFICATE: caFile },
    });
    await path.untilCollections(2);
    const after = await serverCertificate();
    await replaceFile(keyFile, after.key);
    await replaceFile(certificateFile, after.certificate);
    // It reads its files once a second, and the agent then rejects its certificate.
    await path.agent.process.waitUntil("the agent to distrust the collector", () =>
      path.agent.logs().find(({ level }) => level === "warn"),
    );
    await path.intervals(5);
    await replaceFile(caFile, after.authority);
    await path.check(
      "TLS certificate and authority replaced, the agent's file 6 intervals later",
      NOTHING_LOST,
    );
  });

  test("the token expires, and the next one comes 6 intervals later; then one is replaced in time", async (t) => {
    const folder = await folderOf(t);
    const { privateKey, publicKey } = await generateKeyPair("RS256");
    const keyId = "key-1";
    const keysFile = join(folder, "jwks.json");
    const tokenFile = join(folder, "token");
    const jwk = await exportJWK(publicKey);
    await writeFile(
      keysFile,
      JSON.stringify({ keys: [{ ...jwk, kid: keyId, alg: "RS256", use: "sig" }] }),
    );
    const token = (seconds: number) =>
      new SignJWT({})
        .setProtectedHeader({ alg: "RS256", kid: keyId })
        .setIssuer(ISSUER)
        .setSubject("system:serviceaccount:chrony-tracker:chrony-tracker-agent")
        .setAudience(AUDIENCE)
        .setIssuedAt()
        .setExpirationTime(Math.floor(Date.now() / 1000) + seconds)
        .sign(privateKey);
    await writeFile(tokenFile, await token(3600));
    const path = await FaultPath.start(t, {
      collector: {
        configurationFiles: [configuration("token-receiver.yaml")],
        serviceFile: configuration("token-service.yaml"),
        environment: { TOKEN_ISSUER_URL: ISSUER, TOKEN_KEYS_FILE: keysFile },
      },
      agent: { COLLECTOR_TOKEN_FILE: tokenFile },
    });
    await path.untilCollections(2);
    await replaceFile(tokenFile, await token(-60));
    await path.agent.process.waitUntil("the agent to be refused", () =>
      path.agent.logs().find(({ level }) => level === "warn"),
    );
    await path.intervals(5);
    await replaceFile(tokenFile, await token(3600));
    await path.untilCollections(2);
    await replaceFile(tokenFile, await token(7200));
    await path.check("token expired for 6 intervals, then rotated", NOTHING_LOST);
  });
});
