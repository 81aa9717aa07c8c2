// Pushes over TLS: a real collector (the version of builder.yaml) with the configuration for a cluster
// and receiver-tls.yaml.

import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { request } from "node:https";
import { join } from "node:path";
import { describe, test } from "node:test";
import { createCertificateAuthority } from "../parts/certificate-authority.ts";
import { KUBERNETES_CONFIGURATION_FILES_WITH_TLS } from "../parts/collector.ts";
import { folderOf } from "../parts/scratch-folder.ts";
import { startCollectorWithPrometheus } from "./collector-with-prometheus.ts";
import { startFakeTokenIssuer } from "./fake-token-issuer.ts";

describe("a collector with TLS", () => {
  test("accepts an agent's push over TLS, and none without a token or without TLS", async (t) => {
    const folder = await folderOf(t);
    const certificateFile = join(folder, "tls.crt");
    const keyFile = join(folder, "tls.key");
    const authority = await createCertificateAuthority("authority");
    const issued = await authority.issue({ commonName: "collector", serves: ["127.0.0.1"] });
    await writeFile(certificateFile, issued.certificate);
    await writeFile(keyFile, issued.key);
    const issuer = await startFakeTokenIssuer(t);
    const parts = await startCollectorWithPrometheus(t, {
      configurationFiles: KUBERNETES_CONFIGURATION_FILES_WITH_TLS,
      environment: {
        TOKEN_ISSUER_URL: issuer.url,
        TLS_CERTIFICATE_FILE: certificateFile,
        TLS_KEY_FILE: keyFile,
      },
    });
    const url = `${parts.collector.otlpUrl}/v1/metrics`;
    const ca = authority.certificate;
    const token = await issuer.token({ node: "node-1" });

    assert.equal(await statusOfEmptyPush(url.replace("http:", "https:"), { ca, token }), 200);
    assert.equal(await statusOfEmptyPush(url.replace("http:", "https:"), { ca }), 401);
    const withoutTls = await fetch(url, {
      method: "POST",
      headers: { "content-type": "application/json", authorization: `Bearer ${token}` },
      body: "{}",
    });
    assert.equal(withoutTls.status, 400, await withoutTls.text());
  });
});

/** The status of the answer to an empty push. */
function statusOfEmptyPush(
  url: string,
  { ca, token }: { readonly ca: string; readonly token?: string },
): Promise<number | undefined> {
  const authorization = token === undefined ? {} : { authorization: `Bearer ${token}` };
  return new Promise((resolve, reject) => {
    request(
      url,
      { method: "POST", ca, headers: { "content-type": "application/json", ...authorization } },
      (response) => {
        response.resume();
        response.once("end", () => resolve(response.statusCode));
      },
    )
      .once("error", reject)
      .end("{}");
  });
}
