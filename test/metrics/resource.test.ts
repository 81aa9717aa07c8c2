// The resource, from the environment.

import assert from "node:assert/strict";
import { hostname } from "node:os";
import { describe, test } from "node:test";
import { agentResource, nodeName } from "../../src/metrics/resource.ts";
import { VERSION } from "../../src/version.ts";

function attributesOf(
  resourceAttributes: Readonly<Record<string, string>>,
  serviceName?: string,
): Readonly<Record<string, unknown>> {
  return agentResource({ resourceAttributes, serviceName }).attributes;
}

test("outside Kubernetes, without settings, the host is the node", () => {
  assert.deepEqual(attributesOf({}), {
    "service.name": "chrony-tracker",
    "service.version": VERSION,
    "service.instance.id": hostname(),
    "k8s.node.name": hostname(),
  });
});

test("attributes of the environment are included", () => {
  const attributes = attributesOf({ "k8s.namespace.name": "clocks", "k8s.cluster.name": "west" });
  assert.equal(attributes["k8s.namespace.name"], "clocks");
  assert.equal(attributes["k8s.cluster.name"], "west");
});

describe("the node's name, which becomes the label `instance`, is", () => {
  const cases: readonly (readonly [
    what: string,
    given: Readonly<Record<string, string>>,
    node: string,
  ])[] = [
    [
      "k8s.node.name before all others: a restarted pod continues its series",
      { "k8s.node.name": "node-1", "service.instance.id": "pod-1", "host.name": "host-1" },
      "node-1",
    ],
    [
      "service.instance.id before the host's",
      { "service.instance.id": "pod-1", "host.name": "host-1" },
      "pod-1",
    ],
    ["host.name before that of this machine", { "host.name": "host-1" }, "host-1"],
    ["not an empty one", { "k8s.node.name": "", "host.name": "host-1" }, "host-1"],
  ];
  for (const [what, given, node] of cases) {
    test(what, () => {
      const resource = agentResource({ resourceAttributes: given, serviceName: undefined });
      assert.equal(nodeName(resource), node);
      assert.equal(resource.attributes["service.instance.id"], node);
      assert.equal(resource.attributes["k8s.node.name"], node);
    });
  }
});

describe("the service's name, which becomes the label `job`, is", () => {
  test("OTEL_SERVICE_NAME before the resource attribute, as OpenTelemetry specifies", () => {
    const attributes = attributesOf({ "service.name": "attribute" }, "variable");
    assert.equal(attributes["service.name"], "variable");
  });

  test("the resource attribute before the agent's own", () => {
    assert.equal(attributesOf({ "service.name": "attribute" })["service.name"], "attribute");
  });
});

test("the environment can set another version: an image's says more than the package's", () => {
  assert.equal(attributesOf({ "service.version": "1.2.3-4" })["service.version"], "1.2.3-4");
});
