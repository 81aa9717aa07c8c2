/**
 * A fake Azure: Microsoft Entra ID's token endpoint and a data collection endpoint, with TLS at one address. It writes
 * accepted samples to a real Prometheus. The caller resolves its names to the address (private-hosts.ts, or the
 * resolver of a cluster).
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer, type Server } from "node:https";
import {
  createCertificateAuthority,
  type KeyedCertificate,
} from "../parts/certificate-authority.ts";
import { listen } from "../parts/listen.ts";
import type { Owner } from "../parts/owner.ts";
import { AccessTokens } from "./access-tokens.ts";
import {
  type DataCollection,
  faultAnswer,
  IngestionEndpoint,
  REQUESTS_PER_MINUTE,
  writeUrlOf,
} from "./fake-ingestion-endpoint.ts";
import { answerTokenEndpoint, makeTenant, type Tenant } from "./fake-token-endpoint.ts";
import type { Fault } from "./faults.ts";
import { type Answer, type Request, readRequest, sendAnswer } from "./http.ts";
import { encodeWriteRequest, packBody, type TimeSeries } from "./remote-write.ts";
import type { Dropped } from "./sample-rules.ts";

const STORE_MS = 10_000;

/** The clouds, each with its own Entra ID. */
export const CLOUDS = {
  public: { identityHost: "login.microsoftonline.com", monitor: "monitor.azure.com" },
  usGovernment: { identityHost: "login.microsoftonline.us", monitor: "monitor.azure.us" },
} as const;

/** What to start. */
export type FakeAzureDescription = {
  /** The address that it listens on. */
  readonly address: string;
  /** Default: 443, because clients use the names without a port. */
  readonly port?: number;
  /** The service account that may get a token: `system:serviceaccount:NAMESPACE:NAME`. */
  readonly subject: string;
  /** The remote-write address of a real Prometheus, for accepted samples. */
  readonly workspaceWriteUrl: string;
  /** Default: the public cloud. */
  readonly cloud?: keyof typeof CLOUDS;
  /** The cluster's issuer of service-account tokens, and its keys as a JSON web key set. */
  readonly issuer: { readonly url: string; readonly publicKeys: string };
};

/** One answered request. */
export type AnsweredRequest = {
  readonly host: string;
  readonly method: string;
  readonly path: string;
  /** 0 when it did not answer on purpose. */
  readonly status: number;
};

/** A running fake. */
export type FakeAzure = {
  readonly address: string;
  /** The names that must resolve to its address. */
  readonly hostNames: readonly string[];
  /** The certificate that its clients must trust, in PEM. */
  readonly authority: string;
  readonly tenant: Tenant;
  readonly dataCollection: DataCollection;
  /** The complete address to write to. */
  readonly writeUrl: string;
  /** Every request so far, the oldest first. */
  readonly requests: readonly AnsweredRequest[];
  /** The samples that it dropped silently. */
  readonly dropped: readonly Dropped[];
  /** Answers every request for a token with this fault, until it is called without one. */
  failTokens(fault?: Fault): void;
  /** Answers every write with this fault, until it is called without one. */
  failWrites(fault?: Fault): void;
  /** Revokes the access tokens so far. Their holders are not notified. */
  revokeTokens(): void;
};

/** Starts a fake Azure whose managed identity has its credential and its role. */
export async function startFakeAzure(
  owner: Owner,
  description: FakeAzureDescription,
): Promise<FakeAzure> {
  const { address, port = 443, subject, workspaceWriteUrl, cloud = "public", issuer } = description;
  const { identityHost, monitor } = CLOUDS[cloud];
  const tenantId = "7b1c0a52-4f5e-4b7e-9a55-6f1d2c3e4a01";
  const clientId = "0d9f6c1e-8a47-4c39-b1d0-2e5f7a9b3c02";
  const tenant = makeTenant({
    host: identityHost,
    tenantId,
    clientId,
    issuerKeys: JSON.parse(issuer.publicKeys),
    resources: [`https://${monitor}`, "https://management.azure.com"],
    federatedCredential: { issuer: issuer.url, subject },
  });
  const dataCollection: DataCollection = {
    host: `chrony-tracker-ab12.westeurope-1.metrics.ingest.${monitor}`,
    ruleId: "dcr-0123456789abcdef0123456789abcdef",
    audience: `https://${monitor}`,
    publishers: [clientId],
    requestsPerMinute: REQUESTS_PER_MINUTE,
  };
  const tokens = new AccessTokens();
  const ingestion = new IngestionEndpoint(dataCollection, tokens, (series) =>
    store(workspaceWriteUrl, series),
  );
  const faults: Record<"tokens" | "writes", Fault | undefined> = {
    tokens: undefined,
    writes: undefined,
  };
  const requests: AnsweredRequest[] = [];

  async function answer(request: Request): Promise<Answer | "silence"> {
    switch (request.url.hostname) {
      case identityHost:
        return faults.tokens === undefined
          ? answerTokenEndpoint(request, tenant, tokens)
          : answerWithFault(faults.tokens);
      case dataCollection.host:
        return faults.writes === undefined
          ? ingestion.answer(request, Date.now())
          : answerWithFault(faults.writes);
      default:
        return { status: 404 };
    }
  }

  const hostNames = [identityHost, dataCollection.host];
  const authority = await createCertificateAuthority("fake Azure's authority");
  const certificate = await authority.issue({ commonName: "fake Azure", serves: hostNames });
  const server = serverFor(certificate, async (request) => {
    const given = await answer(request);
    requests.push({
      host: request.url.hostname,
      method: request.method,
      path: request.url.pathname,
      status: given === "silence" ? 0 : given.status,
    });
    return given;
  });
  await listen(owner, server, { host: address, port });
  return {
    address,
    hostNames,
    authority: authority.certificate,
    tenant,
    dataCollection,
    writeUrl: writeUrlOf(dataCollection),
    requests,
    dropped: ingestion.dropped,
    failTokens(fault) {
      faults.tokens = fault;
    },
    failWrites(fault) {
      faults.writes = fault;
    },
    revokeTokens: () => tokens.revokeAll(),
  };
}

function answerWithFault(fault: Fault): Answer | "silence" {
  return fault === "silence" ? "silence" : faultAnswer(fault);
}

function serverFor(
  { certificate, key }: KeyedCertificate,
  answer: (request: Request) => Promise<Answer | "silence">,
): Server {
  async function serve(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const given = await answer(await readRequest(incoming));
    if (given !== "silence") {
      sendAnswer(response, given);
    }
  }
  return createServer({ cert: certificate, key }, (incoming, response) => {
    serve(incoming, response).catch((error: unknown) => {
      sendAnswer(response, { status: 500, body: { fakeFailed: String(error) } });
    });
  });
}

/** Writes to the Prometheus that is the workspace. */
async function store(url: string, series: readonly TimeSeries[]): Promise<void> {
  const response = await fetch(url, {
    method: "POST",
    headers: {
      "content-encoding": "snappy",
      "content-type": "application/x-protobuf",
      "x-prometheus-remote-write-version": "0.1.0",
    },
    body: Buffer.from(packBody(encodeWriteRequest(series))),
    signal: AbortSignal.timeout(STORE_MS),
  });
  if (!response.ok) {
    throw new Error(
      `the workspace's Prometheus answered ${response.status}: ${await response.text()}`,
    );
  }
}
