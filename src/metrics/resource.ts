/** The OpenTelemetry resource of the agent. */
import { hostname } from "node:os";
import { type Resource, resourceFromAttributes } from "@opentelemetry/resources";
import { VERSION } from "../version.ts";

/** Becomes the label `job` of pushed series. For pull, the scrape configuration sets it. */
const SERVICE_NAME = "chrony-tracker";

/** The settings that describe the agent. */
export type ResourceSettings = {
  readonly serviceName: string | undefined;
  readonly resourceAttributes: Readonly<Record<string, string>>;
};

/**
 * The resource. `service.instance.id`, which becomes the label `instance`, is the name of the node, so
 * that a restarted pod continues its series. Outside Kubernetes, it is the host name.
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

/** The name of the node in a resource. */
export function nodeName(resource: Resource): string {
  return String(resource.attributes["service.instance.id"]);
}
