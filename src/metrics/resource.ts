/** Who reports: the OpenTelemetry resource of everything that leaves the agent. */
import { hostname } from "node:os";
import { type Resource, resourceFromAttributes } from "@opentelemetry/resources";
import { VERSION } from "../version.ts";

/** Becomes the label `job` of pushed series; the pull side's scrape configuration sets another. */
const SERVICE_NAME = "chrony-tracker";

/** What the environment says of the sender. */
export type ResourceSettings = {
  readonly serviceName: string | undefined;
  readonly resourceAttributes: Readonly<Record<string, string>>;
};

/**
 * The resource. `service.instance.id`, which becomes the label `instance`, is the node's name, so
 * that a restarted pod continues its series. Outside Kubernetes the host is the node.
 */
export function agentResource(settings: ResourceSettings): Resource {
  const given = settings.resourceAttributes;
  const node =
    given["k8s.node.name"] || given["service.instance.id"] || given["host.name"] || hostname();
  return resourceFromAttributes({
    "service.version": VERSION,
    ...given,
    "service.name": settings.serviceName ?? given["service.name"] ?? SERVICE_NAME,
    "service.instance.id": node,
    "k8s.node.name": node,
  });
}

/** The name of the node that a resource speaks for. */
export function nodeName(resource: Resource): string {
  return String(resource.attributes["service.instance.id"]);
}
