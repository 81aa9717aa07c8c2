import { createServer } from "node:http";
import { exportJWK, generateKeyPair, type JWTPayload, SignJWT } from "jose";
import { freePort } from "../parts/free-port.ts";
import { listen } from "../parts/listen.ts";
import type { Owner } from "../parts/owner.ts";

/** The service account of the agents. */
export const AGENT_SUBJECT = "system:serviceaccount:chrony-tracker:chrony-tracker-agent";

/** The claims of a token that differ from an agent's. */
export type TokenDescription = {
  /** The pod's node; `undefined` makes a token like Kubernetes before 1.30. */
  readonly node?: string | undefined;
  readonly subject?: string;
  readonly audience?: string;
  readonly issuer?: string;
  /** The time until it expires, such as `1h`, or `-1h` for an expired token. */
  readonly lifetime?: string;
  /** Claims that replace the others. */
  readonly claims?: JWTPayload;
};

/** Signs tokens and publishes its keys, like an API server. */
export type FakeTokenIssuer = {
  readonly url: string;
  /** The public keys, as `kubectl get --raw /openid/v1/jwks` prints them. */
  readonly publicKeys: string;
  token(description: TokenDescription): Promise<string>;
  stop(): Promise<void>;
};

/** Starts an issuer at 127.0.0.1 with its own key. */
export async function startFakeTokenIssuer(owner: Owner): Promise<FakeTokenIssuer> {
  const { privateKey, publicKey } = await generateKeyPair("RS256");
  const key = { ...(await exportJWK(publicKey)), use: "sig", alg: "RS256", kid: "key-1" };
  const publicKeys = JSON.stringify({ keys: [key] });
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const discovery = JSON.stringify({
    issuer: url,
    jwks_uri: `${url}/openid/v1/jwks`,
    response_types_supported: ["id_token"],
    subject_types_supported: ["public"],
    id_token_signing_alg_values_supported: ["RS256"],
  });
  const answers = new Map([
    ["/.well-known/openid-configuration", discovery],
    ["/openid/v1/jwks", publicKeys],
  ]);
  const server = createServer((request, response) => {
    const answer = answers.get(request.url ?? "");
    response
      .writeHead(answer === undefined ? 404 : 200, { "content-type": "application/json" })
      .end(answer);
  });
  const listening = await listen(owner, server, { port });
  return {
    url,
    publicKeys,
    token: ({
      node,
      subject = AGENT_SUBJECT,
      audience = "chrony-tracker",
      issuer = url,
      lifetime = "1h",
      claims = kubernetesClaims(subject, node),
    }) =>
      new SignJWT(claims)
        .setProtectedHeader({ alg: "RS256", kid: "key-1" })
        .setIssuer(issuer)
        .setSubject(subject)
        .setAudience(audience)
        .setIssuedAt("-2h")
        .setNotBefore("-2h")
        .setExpirationTime(lifetime)
        .sign(privateKey),
    stop: () => listening.stop(),
  };
}

/** The claim `kubernetes.io` of a projected token. Before Kubernetes 1.30 it has no node. */
function kubernetesClaims(subject: string, node: string | undefined): JWTPayload {
  const [, , namespace = "", account = ""] = subject.split(":");
  return {
    "kubernetes.io": {
      namespace,
      ...(node === undefined ? {} : { node: { name: node, uid: `uid-of-${node}` } }),
      pod: { name: `${account}-x1y2z`, uid: `uid-of-pod-on-${node}` },
      serviceaccount: { name: account, uid: `uid-of-${account}` },
    },
  };
}
