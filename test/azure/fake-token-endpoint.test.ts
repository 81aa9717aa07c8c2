// The requirements of the fake Entra ID on a request, one fault at a time, with signed tokens.

import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import { type FakeTokenIssuer, startFakeTokenIssuer } from "../otel-collector/fake-token-issuer.ts";
import { suiteScope } from "../parts/suite-scope.ts";
import { AccessTokens } from "./access-tokens.ts";
import {
  answerTokenEndpoint,
  makeTenant,
  type Tenant,
  TOKEN_EXCHANGE_AUDIENCE,
} from "./fake-token-endpoint.ts";
import type { Answer, Request } from "./http.ts";

const TENANT_ID = "7b1c0a52-4f5e-4b7e-9a55-6f1d2c3e4a01";
const CLIENT_ID = "0d9f6c1e-8a47-4c39-b1d0-2e5f7a9b3c02";
const RESOURCE = "https://monitor.azure.com";
const SUBJECT = "system:serviceaccount:chrony-tracker-collector:chrony-tracker-collector";
const COLLECTOR = { subject: SUBJECT, audience: TOKEN_EXCHANGE_AUDIENCE };

describe("a request for a token", () => {
  const scope = suiteScope();
  let issuer: FakeTokenIssuer;
  let stranger: FakeTokenIssuer;
  let tenant: Tenant;
  let tokens: AccessTokens;
  let assertion: string;

  before(async () => {
    issuer = await startFakeTokenIssuer(scope);
    stranger = await startFakeTokenIssuer(scope);
    tokens = new AccessTokens();
    tenant = makeTenant({
      host: "login.microsoftonline.com",
      tenantId: TENANT_ID,
      clientId: CLIENT_ID,
      issuerKeys: JSON.parse(issuer.publicKeys),
      resources: [RESOURCE],
      federatedCredential: { issuer: issuer.url, subject: SUBJECT },
    });
    assertion = await issuer.token(COLLECTOR);
  });

  function ask(form: Record<string, string> = {}, path = `${TENANT_ID}/oauth2/v2.0/token`) {
    const complete = {
      grant_type: "client_credentials",
      client_id: CLIENT_ID,
      client_assertion_type: "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
      client_assertion: assertion,
      // As the collector's library sends it.
      scope: `${RESOURCE}/.default openid offline_access profile`,
      ...form,
    };
    const request: Request = {
      method: "POST",
      url: new URL(path, `https://${tenant.host}/`),
      headers: {},
      body: Buffer.from(new URLSearchParams(complete).toString()),
    };
    return answerTokenEndpoint(request, tenant, tokens);
  }

  test("that is complete gets a token for the resource, valid for an hour", async () => {
    const { status, body } = await ask();
    assert.equal(status, 200);
    assert.partialDeepStrictEqual(body, { token_type: "Bearer", expires_in: 3_600 });
    const { access_token: token }: { access_token?: string } = { ...body };
    const check = tokens.check(`Bearer ${token}`, Date.now());
    assert.partialDeepStrictEqual(check, {
      kind: "valid",
      token: { audience: RESOURCE, clientId: CLIENT_ID },
    });
    assert.equal(tokens.check(`Bearer ${token}`, Date.now() + 3_600_000).kind, "expired");
  });

  for (const [why, form, status, error, code] of [
    ["another grant", { grant_type: "password" }, 400, "unsupported_grant_type", 70003],
    ["another client", { client_id: TENANT_ID }, 400, "unauthorized_client", 700016],
    ["no assertion type", { client_assertion_type: "" }, 400, "invalid_request", 900144],
    ["something that is no token", { client_assertion: "x" }, 401, "invalid_client", 50027],
    ["a scope without /.default", { scope: RESOURCE }, 400, "invalid_scope", 1002012],
    ["two scopes", { scope: "a/.default b/.default" }, 400, "invalid_scope", 1002012],
    [
      "an unknown resource",
      { scope: "https://x.example/.default" },
      400,
      "invalid_resource",
      500011,
    ],
  ] as const) {
    test(`with ${why} is AADSTS${code}`, async () => {
      assertRefused(await ask(form), status, error, code);
    });
  }

  for (const [why, code, make] of [
    ["for another audience", 700212, () => issuer.token({ ...COLLECTOR, audience: "other" })],
    ["of another service account", 700213, () => issuer.token({ ...COLLECTOR, subject: "other" })],
    ["that is over", 700024, () => issuer.token({ ...COLLECTOR, lifetime: "-1m" })],
    ["of another issuer", 700211, () => stranger.token(COLLECTOR)],
    [
      "that somebody else signed in the issuer's name",
      700027,
      () => stranger.token({ ...COLLECTOR, issuer: issuer.url }),
    ],
  ] as const) {
    test(`with a service-account token ${why} is AADSTS${code}`, async () => {
      assertRefused(await ask({ client_assertion: await make() }), 401, "invalid_client", code);
    });
  }

  test("to an identity without a federated credential is AADSTS70025", async (t) => {
    const { federatedCredential } = tenant;
    t.after(() => {
      tenant.federatedCredential = federatedCredential;
    });
    tenant.federatedCredential = undefined;
    assertRefused(await ask(), 401, "invalid_client", 70025);
  });

  test("to another tenant is AADSTS90002, and so is its discovery", async () => {
    for (const path of ["oauth2/v2.0/token", "v2.0/.well-known/openid-configuration"]) {
      assertRefused(await ask({}, `${CLIENT_ID}/${path}`), 400, "invalid_tenant", 90002);
    }
  });
});

function assertRefused(answer: Answer, status: number, error: string, code: number): void {
  assert.equal(answer.status, status);
  assert.partialDeepStrictEqual(answer.body, { error, error_codes: [code] });
  assert.match(JSON.stringify(answer.body), new RegExp(`"error_description":"AADSTS${code}: `));
}
