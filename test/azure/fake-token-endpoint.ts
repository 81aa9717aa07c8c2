/**
 * A fake of Microsoft Entra ID's part in workload identity federation: discovery, and an access token in exchange for a
 * service-account token. Errors have the numbers (AADSTS…), the status and the JSON of the real ones, with shorter
 * texts.
 */
import { randomUUID } from "node:crypto";
import { createLocalJWKSet, decodeJwt, errors, type JSONWebKeySet, jwtVerify } from "jose";
import type { AccessTokens } from "./access-tokens.ts";
import type { Answer, Request } from "./http.ts";

const ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
const HOUR_SECONDS = 3_600;

/** The audience of a federated credential for Kubernetes. */
export const TOKEN_EXCHANGE_AUDIENCE = "api://AzureADTokenExchange";

/** The service account that may use a managed identity. */
export type FederatedCredential = {
  readonly issuer: string;
  /** `system:serviceaccount:NAMESPACE:NAME` */
  readonly subject: string;
};

/** A tenant with one managed identity. Its properties can be changed at any time. */
export type Tenant = {
  /** Its host: `login.microsoftonline.com`. */
  readonly host: string;
  readonly tenantId: string;
  readonly clientId: string;
  /** The keys of the cluster's issuer. */
  readonly issuerKeys: JSONWebKeySet;
  /** The resources that a token can be issued for, such as `https://monitor.azure.com`. */
  readonly resources: readonly string[];
  /** The managed identity's credential; `undefined` when it has none. */
  federatedCredential: FederatedCredential | undefined;
  /** The lifetime of an access token in seconds; initially an hour. */
  tokenLifetimeSeconds: number;
};

/** A tenant whose identity has the credential, with tokens for an hour. */
export function makeTenant(
  description: Omit<Tenant, "tokenLifetimeSeconds" | "federatedCredential"> & {
    readonly federatedCredential: FederatedCredential;
  },
): Tenant {
  return { ...description, tokenLifetimeSeconds: HOUR_SECONDS };
}

/** Answers one request to the tenant's host. */
export async function answerTokenEndpoint(
  request: Request,
  tenant: Tenant,
  tokens: AccessTokens,
): Promise<Answer> {
  const { pathname } = request.url;
  if (pathname === "/common/discovery/instance") {
    return instanceDiscovery(tenant);
  }
  const [, tenantId = "", ...rest] = pathname.split("/");
  const isDiscovery = rest.join("/") === "v2.0/.well-known/openid-configuration";
  const isToken = rest.join("/") === "oauth2/v2.0/token";
  if (!isDiscovery && !isToken) {
    return { status: 404 };
  }
  if (tenantId.toLowerCase() !== tenant.tenantId.toLowerCase()) {
    return failure(400, "invalid_tenant", 90002, `Tenant '${tenantId}' not found.`);
  }
  if (isDiscovery) {
    return tenantDiscovery(tenant);
  }
  return request.method === "POST" ? answerToken(request, tenant, tokens) : { status: 405 };
}

/** The hosts of the same cloud, which a client reads before it trusts an authority. */
function instanceDiscovery({ host, tenantId }: Tenant): Answer {
  return {
    status: 200,
    body: {
      tenant_discovery_endpoint: `https://${host}/${tenantId}/v2.0/.well-known/openid-configuration`,
      "api-version": "1.1",
      metadata: [{ preferred_network: host, preferred_cache: host, aliases: [host] }],
    },
  };
}

function tenantDiscovery({ host, tenantId }: Tenant): Answer {
  const base = `https://${host}/${tenantId}`;
  return {
    status: 200,
    body: {
      issuer: `${base}/v2.0`,
      token_endpoint: `${base}/oauth2/v2.0/token`,
      authorization_endpoint: `${base}/oauth2/v2.0/authorize`,
      jwks_uri: `${base}/discovery/v2.0/keys`,
    },
  };
}

/** The client credentials grant with a federated token (RFC 6749 4.4, RFC 7523 2.2). */
async function answerToken(
  request: Request,
  tenant: Tenant,
  tokens: AccessTokens,
): Promise<Answer> {
  const form = new URLSearchParams(request.body.toString("utf8"));
  const grantType = form.get("grant_type") ?? "";
  if (grantType !== "client_credentials") {
    const message = `The request's 'grant_type' is '${grantType}', not 'client_credentials'.`;
    return failure(400, "unsupported_grant_type", 70003, message);
  }
  const clientId = form.get("client_id") ?? "";
  if (clientId.toLowerCase() !== tenant.clientId.toLowerCase()) {
    const message = `Application with identifier '${clientId}' was not found in the directory '${tenant.tenantId}'.`;
    return failure(400, "unauthorized_client", 700016, message);
  }
  if (form.get("client_assertion_type") !== ASSERTION_TYPE) {
    const message = `The 'client_assertion_type' must be '${ASSERTION_TYPE}'.`;
    return failure(400, "invalid_request", 900144, message);
  }
  const refusal = await refusalOfAssertion(form.get("client_assertion") ?? "", tenant);
  if (refusal !== undefined) {
    return refusal;
  }

  const scope = form.get("scope") ?? "";
  const audience = audienceOf(scope);
  if (audience === undefined) {
    const message = `The provided value for scope ${scope} is not valid. Client credential flows must have a scope value with /.default suffixed to the resource identifier.`;
    return failure(400, "invalid_scope", 1002012, message);
  }
  if (!tenant.resources.includes(audience)) {
    const message = `The resource principal named ${audience} was not found in the tenant named ${tenant.tenantId}.`;
    return failure(400, "invalid_resource", 500011, message);
  }
  const expiresMs = Date.now() + tenant.tokenLifetimeSeconds * 1_000;
  return {
    status: 200,
    body: {
      token_type: "Bearer",
      expires_in: tenant.tokenLifetimeSeconds,
      ext_expires_in: tenant.tokenLifetimeSeconds,
      access_token: tokens.issue({ audience, clientId: tenant.clientId, expiresMs }),
    },
  };
}

/** The resource of the only scope `RESOURCE/.default`, apart from those of OpenID Connect. */
function audienceOf(scope: string): string | undefined {
  const ownScopes = ["openid", "offline_access", "profile"];
  const [only, ...others] = scope.split(" ").filter((part) => !ownScopes.includes(part));
  return others.length === 0 && only?.endsWith("/.default") === true
    ? only.slice(0, -"/.default".length)
    : undefined;
}

async function refusalOfAssertion(assertion: string, tenant: Tenant): Promise<Answer | undefined> {
  let claims: ReturnType<typeof decodeJwt>;
  try {
    claims = decodeJwt(assertion);
  } catch {
    const message = "The 'client_assertion' is not a JSON web token.";
    return failure(401, "invalid_client", 50027, message);
  }
  const credential = tenant.federatedCredential;
  const audiences = [claims.aud ?? []].flat();
  const noMatch = "No matching federated identity record found for presented assertion";
  if (credential === undefined) {
    const message = `The client '${tenant.clientId}' has no configured federated identity credentials.`;
    return failure(401, "invalid_client", 70025, message);
  }
  if (claims.iss !== credential.issuer) {
    return failure(401, "invalid_client", 700211, `${noMatch} issuer '${claims.iss}'.`);
  }
  if (!audiences.includes(TOKEN_EXCHANGE_AUDIENCE)) {
    return failure(401, "invalid_client", 700212, `${noMatch} audience '${audiences.join()}'.`);
  }
  if (claims.sub !== credential.subject) {
    return failure(401, "invalid_client", 700213, `${noMatch} subject '${claims.sub}'.`);
  }
  try {
    await jwtVerify(assertion, createLocalJWKSet(tenant.issuerKeys), {
      requiredClaims: ["exp", "iat"],
    });
    return undefined;
  } catch (error) {
    if (error instanceof errors.JWTExpired || error instanceof errors.JWTClaimValidationFailed) {
      const message = "Client assertion is not within its valid time range.";
      return failure(401, "invalid_client", 700024, message);
    }
    const message = "Client assertion contains an invalid signature.";
    return failure(401, "invalid_client", 700027, message);
  }
}

function failure(status: number, error: string, code: number, message: string): Answer {
  const traceId = randomUUID();
  const timestamp = new Date().toISOString().replace("T", " ").replace(/\..*/, "Z");
  return {
    status,
    body: {
      error,
      error_description: `AADSTS${code}: ${message} Trace ID: ${traceId} Timestamp: ${timestamp}`,
      error_codes: [code],
      timestamp,
      trace_id: traceId,
      correlation_id: randomUUID(),
      error_uri: `https://login.microsoftonline.com/error?code=${code}`,
    },
  };
}
