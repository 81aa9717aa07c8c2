import { exportJWK, generateKeyPair, type JSONWebKeySet, SignJWT } from "jose";
import type { Answer, Request } from "./http.ts";

/** Whose token it is, and what for. */
export interface ServiceAccountToken {
  readonly namespace: string;
  readonly serviceAccount: string;
  readonly audience: string;
  /** The node of the pod that the token is bound to; none when left out. */
  readonly nodeName?: string;
  /** Seconds until it expires; an hour when left out. */
  readonly lifetimeSeconds?: number;
}

/** Stands in for a cluster's issuer of service-account tokens, which on AKS has a public address. */
export interface ClusterIssuer {
  /** Its address, the `iss` of its tokens. */
  readonly url: string;
  readonly keys: JSONWebKeySet;
  /** A projected service-account token, with the claims that Kubernetes 1.30 and later give it. */
  token(description: ServiceAccountToken): Promise<string>;
  /** Answers its two public documents: the discovery and the keys. */
  answer(request: Request): Answer;
}

const keyId = "stand-in";
const hourSeconds = 3_600;

/**
 * Makes an issuer with a key of its own.
 *
 * @param url ends in a slash, as AKS has it.
 */
export async function makeClusterIssuer(url: string): Promise<ClusterIssuer> {
  const { publicKey, privateKey } = await generateKeyPair("RS256");
  const keys = {
    keys: [{ ...(await exportJWK(publicKey)), kid: keyId, alg: "RS256", use: "sig" }],
  };
  const keysUrl = new URL("openid/v1/jwks", url);
  const documents: Readonly<Record<string, object>> = {
    [new URL(".well-known/openid-configuration", url).pathname]: {
      issuer: url,
      jwks_uri: keysUrl.href,
      response_types_supported: ["id_token"],
      subject_types_supported: ["public"],
      id_token_signing_alg_values_supported: ["RS256"],
    },
    [keysUrl.pathname]: keys,
  };
  return {
    url,
    keys,
    token({ namespace, serviceAccount, audience, nodeName, lifetimeSeconds = hourSeconds }) {
      const nowSeconds = Math.floor(Date.now() / 1_000);
      const kubernetes = {
        namespace,
        serviceaccount: { name: serviceAccount, uid: "1" },
        pod: { name: `${serviceAccount}-x`, uid: "2" },
        ...(nodeName === undefined ? {} : { node: { name: nodeName, uid: "3" } }),
      };
      return new SignJWT({ "kubernetes.io": kubernetes })
        .setProtectedHeader({ alg: "RS256", kid: keyId })
        .setIssuer(url)
        .setSubject(`system:serviceaccount:${namespace}:${serviceAccount}`)
        .setAudience(audience)
        .setIssuedAt(nowSeconds)
        .setNotBefore(nowSeconds)
        .setExpirationTime(nowSeconds + lifetimeSeconds)
        .sign(privateKey);
    },
    answer({ url: { pathname } }) {
      const document = documents[pathname];
      return document === undefined ? { status: 404 } : { status: 200, body: document };
    },
  };
}
